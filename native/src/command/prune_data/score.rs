//! `intformer prune-data score`.

use std::fmt::Write;

use anyhow::Result;
use clap::Args;
use intformer::method::hscore::Scores;
use serde_json::json;

use super::runs::{self, Found, RunArguments};
use crate::{
    answer::Answer,
    cli::{Globals, within},
};

/// Options of `intformer prune-data score`.
#[derive(Args)]
pub struct Score {
    /// Runs, of the seeds from 0 on.
    #[arg(long, default_value_t = 6, value_parser = within(2..=1000))]
    runs: usize,
    /// Trains nothing: scores those of the runs that are there and says which are missing.
    #[arg(long)]
    collect: bool,
    #[command(flatten)]
    arguments: RunArguments,
}

impl Score {
    /// Makes what is missing, scores.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let store = self.arguments.store()?;
        let mut missing = Vec::new();
        let mut there = Vec::new();
        for seed in 0..self.runs as u64 {
            globals.note(&format!("run {} of {}", seed + 1, self.runs));
            match self.arguments.make(seed, self.collect, globals)? {
                Found::Missing => missing.push(seed),
                Found::There | Found::Made => there.push(seed),
            }
        }
        let logs = there
            .iter()
            .map(|&seed| runs::load(&store, &runs::file(seed)));
        let scores = Scores::of(&logs.collect::<Result<Vec<_>>>()?)?;
        store.keep("scores.jsonl", |path| Ok(scores.save(path)?))?;
        let file = store.shown("scores.jsonl");

        let mut text = histogram(&scores);
        if !missing.is_empty() {
            let seeds: Vec<_> = missing.iter().map(u64::to_string).collect();
            let _ = writeln!(text, "missing: the runs {}", seeds.join(", "));
        }
        let _ = writeln!(text, "{file}");
        let json = json!({
            "scores": file, "runs": scores.runs, "missing": missing, "epochs": scores.epochs,
            "examples": scores.h.len(), "data": scores.data, "histogram": scores.histogram(),
        });
        Answer::new(text, &json)
    }
}

/// How many examples have each score, as bars.
pub fn histogram(scores: &Scores) -> String {
    let counts = scores.histogram();
    let (all, most) = (scores.h.len(), counts.iter().copied().max().unwrap_or(0));
    let mut text = format!(
        "{} runs of {} epochs over {all} examples\n\n  H  examples\n",
        scores.runs.len(),
        scores.epochs
    );
    for (h, &count) in counts.iter().enumerate() {
        let bar = "#".repeat((40 * count).div_ceil(most.max(1)));
        let share = 100.0 * count as f64 / all as f64;
        let _ = writeln!(text, "{h:3} {count:9} {share:5.1} %  {bar}");
    }
    text.push('\n');
    text
}
