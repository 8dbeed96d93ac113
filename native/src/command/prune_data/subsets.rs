//! `intformer prune-data subsets`.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use intformer::{
    data::Subset,
    method::hscore::{Rival, Scores, score_classes},
};
use serde_json::{Value, json};

use super::{runs, score::histogram};
use crate::{answer::Answer, cli::Globals};

/// Options of `intformer prune-data subsets`.
#[derive(Args)]
pub struct Subsets {
    /// Folders of runs, URLs of such (file://, s3://, gs://, az://), or logs of any trainer.
    #[arg(required = true, value_name = "RUNS")]
    runs: Vec<String>,
    /// The folder of the subsets: a file for each, with an index a line.
    #[arg(long, short)]
    out: PathBuf,
    /// Writes for the winning ticket subset rivals of its size, too: random, by forgetting events, by EL2N, the
    /// ambiguous.
    #[arg(long)]
    rivals: bool,
    /// Draws the random ones, and among equals.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Subsets {
    /// Writes the subsets.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let scores = Scores::of(&runs::logs(&self.runs)?)?;
        let classes = score_classes(scores.runs.len())?;
        fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let all = scores.h.len();
        let mut text = histogram(&scores);
        let mut found = Vec::new();
        // The winning ticket subset is the first.
        let ticket = classes.first().map_or(0, |first| scores.kept(first).len());
        for classes in &classes {
            let kept = scores.kept(classes);
            let (name, words) = (classes.name(), classes.words());
            if kept.is_empty() {
                globals.note(&format!("{name} has no example: not written"));
                continue;
            }
            found.push(self.write(&name, kept, all, &words, &scores, &mut text)?);
        }
        if self.rivals && ticket > 0 {
            for rival in Rival::ALL {
                let Some(chosen) = rival.choose(&scores, ticket, self.seed) else {
                    globals.note(&format!(
                        "the runs did not record what {} needs: not written",
                        rival.name()
                    ));
                    continue;
                };
                let words = format!("{}, as many as in the winning ticket subset", rival.name());
                found.push(self.write(rival.name(), chosen, all, &words, &scores, &mut text)?);
            }
        }
        let json = json!({
            "runs": scores.runs, "epochs": scores.epochs, "examples": all, "data": scores.data,
            "histogram": scores.histogram(), "subsets": found,
        });
        Answer::new(text, &json)
    }

    /// Writes one, adds its line to `text`, and tells of it.
    fn write(
        &self,
        name: &str,
        kept: Vec<usize>,
        all: usize,
        words: &str,
        scores: &Scores,
        text: &mut String,
    ) -> Result<Value> {
        let path: &Path = &self.out.join(format!("{name}.txt"));
        let count = kept.len();
        Subset::new(kept, all, scores.data.clone(), words)?.save(path)?;
        let share = count as f64 / all as f64;
        let _ = writeln!(
            text,
            "{count:9} {:5.1} %  {}: {words}",
            100.0 * share,
            path.display()
        );
        Ok(json!({ "name": name, "file": path, "examples": count, "share": share }))
    }
}
