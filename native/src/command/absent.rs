//! What stands in for the commands on float models in a build without them.

use anyhow::{Result, bail};
use clap::Args;

use crate::{answer::Answer, cli::Globals};

/// Not in this build: needs the feature `float`.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub struct Options {
    /// Whatever the command takes where it exists.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<String>,
}

impl Options {
    /// Refuses.
    pub fn run(&self, _: &Globals) -> Result<Answer> {
        let found = self.arguments.len();
        bail!(
            "expected a build with the feature `float` for this command, found one without \
             ({found} arguments not read)"
        )
    }
}
