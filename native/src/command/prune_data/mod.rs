//! `intformer prune-data`: which examples a fine-tuning needs.

mod runs;
mod score;
mod subsets;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{answer::Answer, cli::Globals};

/// Finds the examples that a fine-tuning needs (H-score, arXiv 2407.08887).
///
/// Several short trainings, each with a seed of its own, tell which examples are always right, which never, and which
/// are between: those are the winning ticket subset. Training on a subset is
/// `intformer train --subset`. How it works, and what it costs: docs/methods/dataset-pruning.md.
///
/// Example: intformer prune-data score --from sentence-transformers/all-MiniLM-L6-v2 --data questions --out runs
///
/// Example: intformer prune-data subsets runs --out subsets --rivals
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    what: What,
}

/// The steps.
#[derive(Subcommand)]
enum What {
    /// Trains once, and writes what was said of each example to the folder of runs.
    ///
    /// The seed is the name of the run: one that is there is not made again, and one that was cut off goes on. So runs may be
    /// made by several processes or machines, each with seeds of its own, into one folder.
    ///
    /// Example: intformer prune-data run --seeds 3 --from encoder --data questions --out runs
    #[command(verbatim_doc_comment)]
    Run(runs::Run),
    /// Makes the runs that are missing and scores every example.
    ///
    /// The folder of runs gets scores.jsonl: a line for each example with H, the number of runs that were right in
    /// every epoch, and what rivals of the score say.
    ///
    /// Example: intformer prune-data score --from encoder --data questions --out runs
    ///
    /// Example: intformer prune-data score --from photos.safetensors --data flowers --runs 6 --epochs 3 --out runs
    #[command(verbatim_doc_comment)]
    Score(score::Score),
    /// Writes the subsets that follow from runs, the winning ticket subset first.
    ///
    /// Runs are folders of such, or logs of any trainer: .parquet or .jsonl files with index, epoch and right
    /// (docs/methods/dataset-pruning.md has the lines for PyTorch).
    ///
    /// Example: intformer prune-data subsets runs --out subsets
    ///
    /// Example: intformer prune-data subsets seed-0.jsonl seed-1.jsonl seed-2.jsonl --out subsets
    #[command(verbatim_doc_comment)]
    Subsets(subsets::Subsets),
}

impl Options {
    /// Does the step.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        match &self.what {
            What::Run(run) => run.run(globals),
            What::Score(score) => score.run(globals),
            What::Subsets(subsets) => subsets.run(globals),
        }
    }
}
