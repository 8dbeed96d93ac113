//! `intformer train`: a model on any folder of images, on glyphs, or on a table of texts.

mod new;
mod schedule;
pub mod task;
mod texts;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::Args;
use intformer::{
    checkpoint,
    float::train::{Dashboard, Plain, TrainOptions, TrainUi},
};
use serde_json::json;

pub use self::task::TaskArguments;
use crate::{
    answer::Answer,
    cli::{self, Globals},
    command::passed_over,
};

/// Trains a float model: a new Swin, or with --from one that was trained before.
///
/// A model of --from keeps its head if it has the very classes of the data, and gets a new one
/// otherwise; one that takes texts is trained on a table (.csv, .tsv, .jsonl or .parquet), or a folder
/// with a table train and one that is called validation, val, dev or test, whose columns --column and
/// --label-column have the texts and their classes (docs/texts.md).
///
/// The state is saved in the folder --state, so that --resume goes on after a kill as if nothing
/// had happened. On a terminal a dashboard shows the run; elsewhere, and with --plain, lines do.
///
/// Example: intformer train --glyphs 20000 --epochs 12 --out glyphs-float.safetensors
///
/// Example: intformer train --data flowers --image-size 64 --channels 3 --out flowers.safetensors
///
/// Example: intformer train --from microsoft/swin-tiny-patch4-window7-224 --data flowers --out flowers.safetensors
///
/// Example: intformer train --masks scenes --image-size 64 --out scenes-float.safetensors
///
/// Example: intformer train --from sentence-transformers/all-MiniLM-L6-v2 --data questions.csv --column question --label-column kind --out questions.safetensors
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The file of the trained model, ending in .safetensors.
    #[arg(long, short)]
    out: PathBuf,
    #[command(flatten)]
    task: TaskArguments,
    /// Trains on the examples of this file alone, as `intformer prune-data subsets` writes them.
    #[arg(long, value_name = "FILE")]
    subset: Option<PathBuf>,
    /// Writes what the forward passes said of each example in each epoch: a Parquet file, from which
    /// `intformer prune-data subsets` chooses.
    #[arg(long, value_name = "FILE", conflicts_with = "subset")]
    record: Option<PathBuf>,
    /// The folder of the run's state; by default the model's file with the ending .train.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Goes on from the state of an earlier run, if there is one.
    #[arg(long)]
    resume: bool,
    /// Lines in place of the dashboard.
    #[arg(long)]
    plain: bool,
}

impl Options {
    /// Trains and saves.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        cli::check_weights_file(&self.out)?;
        let task = self.task.prepare(self.task.schedule.seed, globals)?;
        if let Some(file) = &self.record {
            // What would be refused in the end is refused before.
            if file.extension().is_none_or(|ending| ending != "parquet") {
                bail!(
                    "expected a file that ends in .parquet, found {}",
                    file.display()
                );
            }
            task.digest()?;
        }
        let subset = self.subset.as_ref();
        let subset = subset.map(|file| task.subset(file, globals)).transpose()?;
        let options = TrainOptions {
            out: self.state(),
            resume: self.resume,
            record: self.record.is_some(),
            data: task.told_apart(subset.as_ref())?,
            ..task.options.clone()
        };
        let mut ui = ui(self.plain, globals);
        let trained = task.train(&options, subset.as_ref(), &mut *ui)?;
        // The dashboard gives the terminal back.
        drop(ui);
        let model = &trained.model;
        checkpoint::save(model, &self.out)?;
        if let Some(file) = &self.record {
            task.log(&options, &trained)?.save(file)?;
        }

        let findings = task.findings();
        let validated = trained.history.iter().filter_map(|epoch| epoch.validation);
        let best = validated.map(|found| found.top1).fold(0.0, f64::max);
        let text = format!(
            "{}: {} parameters, {} classes, top-1 {:.2} % of the {}{} to validate with\n{}",
            self.out.display(),
            model.params.elements(),
            model.config.classes(),
            100.0 * best,
            match model.config.cells() {
                Some(_) => "cells of the ",
                None => "",
            },
            task.examples()[1].kind(),
            passed_over::text(&findings)
        );
        let json = json!({
            "out": self.out, "params": model.params.elements(), "config": model.config,
            "top1": best, "history": trained.history,
        });
        Answer::new(text, &passed_over::told(json, &findings))
    }

    fn state(&self) -> PathBuf {
        let default = || self.out.with_extension("train");
        self.state.clone().unwrap_or_else(default)
    }
}

/// Shows a run: a dashboard on a terminal, lines elsewhere and if they are asked for as `plain`.
pub fn ui(plain: bool, globals: &Globals) -> Box<dyn TrainUi> {
    if globals.quiet {
        Box::new(Plain(io::sink()))
    } else if plain || globals.json || !io::stdout().is_terminal() {
        Box::new(Plain(io::stderr()))
    } else {
        Box::new(Dashboard::new())
    }
}
