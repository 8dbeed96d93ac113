//! The command line as a whole.

use std::ops::RangeInclusive;
#[cfg(feature = "float")]
use std::path::Path;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, builder::RangedU64ValueParser};

use crate::{answer::Answer, command};

/// Compresses trained transformers to integer-only models and runs them with the same bits on
/// every executor.
///
/// Exit codes: 0 all is well; 1 a check did not hold (`verify`, `classify`: executors differ);
/// 2 the input is not as expected, with one sentence on the standard error; 3 the executor asked
/// for cannot run on this machine, or `verify` has no two to compare.
#[derive(Parser)]
#[command(name = "intformer", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of all commands.
    #[command(flatten)]
    pub globals: Globals,
}

/// Options of all commands.
#[derive(Args)]
pub struct Globals {
    /// The adapter of the wgpu executor: any, hardware, software, or a part of its name.
    #[arg(long, global = true, default_value = "any", help_heading = "Device")]
    pub adapter: String,
    /// Prints JSON.
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Shows no progress and no notes.
    #[arg(long, short, global = true, help_heading = "Output")]
    pub quiet: bool,
}

/// Parses a number within `range`.
pub fn within(range: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

/// Parses a number of images, epochs, runs or the like: from 1 to ten million.
pub fn count() -> RangedU64ValueParser<usize> {
    within(1..=10_000_000)
}

/// Checks that the name of a file of weights that is to be written says so.
///
/// # Errors
/// If it does not.
#[cfg(feature = "float")]
pub fn check_weights_file(path: &Path) -> Result<()> {
    anyhow::ensure!(
        path.extension()
            .is_some_and(|ending| ending == "safetensors"),
        "expected a file that ends in .safetensors, found {}",
        path.display()
    );
    Ok(())
}

macro_rules! commands {
    ($($(#[$meta:meta])* $variant:ident = $module:ident),* $(,)?) => {
        /// The commands.
        #[derive(Subcommand)]
        pub enum Command { $($(#[$meta])* $variant(command::$module::Options)),* }

        impl Command {
            /// Runs the command.
            ///
            /// # Errors
            /// The command's, as one sentence.
            pub fn run(&self, globals: &Globals) -> Result<Answer> {
                match self { $($(#[$meta])* Self::$variant(options) => options.run(globals)),* }
            }
        }
    };
}

commands! {
    Info = info,
    Quantize = quantize,
    Logits = logits,
    Classify = classify,
    Segment = segment,
    Embed = embed,
    Similar = similar,
    Eval = eval,
    Bench = bench,
    Verify = verify,
    Data = data,
    Train = train,
    Distill = distill,
    Prune = prune,
    PruneData = prune_data,
    Reproduce = reproduce,
    Rescale = rescale,
    Twins = twins,
}
