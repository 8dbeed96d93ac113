//! `intformer prune-data score`.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use clap::Args;
use intformer::method::hscore::Scores;
use serde_json::json;
use tempfile::NamedTempFile;

use super::runs::{self, RunArguments};
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
    /// Trains nothing: scores the runs that are there and says which are missing.
    #[arg(long)]
    collect: bool,
    #[command(flatten)]
    arguments: RunArguments,
}

impl Score {
    /// Makes what is missing, scores.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let out = &self.arguments.out;
        let mut missing = Vec::new();
        let mut files = Vec::new();
        for seed in 0..self.runs as u64 {
            let file = runs::file(out, seed);
            if !self.collect {
                globals.note(&format!("run {} of {}", seed + 1, self.runs));
                self.arguments.make(seed, globals)?;
            }
            match file.exists() {
                true => files.push(file),
                false => missing.push(seed),
            }
        }
        let scores = Scores::of(&runs::logs(&files)?)?;
        let file = out.join("scores.jsonl");
        write(&file, &scores)?;

        let mut text = histogram(&scores);
        if !missing.is_empty() {
            let seeds: Vec<_> = missing.iter().map(u64::to_string).collect();
            let _ = writeln!(text, "missing: the runs {}", seeds.join(", "));
        }
        let _ = writeln!(text, "{}", file.display());
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

/// Writes a line for each example: whole, or not at all.
fn write(path: &Path, scores: &Scores) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = NamedTempFile::new_in(folder).with_context(|| path.display().to_string())?;
    let mut lines = String::new();
    for (index, h) in scores.h.iter().enumerate() {
        let line = json!({
            "index": index, "h": h,
            "forgetting": scores.forgetting[index], "never": scores.never[index],
            "el2n": scores.el2n.as_ref().map(|el2n| el2n[index]),
            "variability": scores.variability.as_ref().map(|variability| variability[index]),
        });
        let _ = writeln!(lines, "{line}");
    }
    fs::write(file.path(), lines).with_context(|| path.display().to_string())?;
    file.persist(path)
        .with_context(|| path.display().to_string())?;
    Ok(())
}
