//! What is kept of the data to validate with, if it has no part for that.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;

/// Examples that are kept to validate with.
#[derive(Args, Clone, Debug)]
pub struct HoldOutArguments {
    /// The share of --data that is kept to validate with if it has no part for that, drawn from each class by
    /// --hold-out-seed; 0.1 by default.
    #[arg(long, value_name = "SHARE")]
    pub hold_out: Option<f64>,
    /// The seed that draws it: one of its own, so that trainings of other seeds have the same examples.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub hold_out_seed: u64,
}

impl HoldOutArguments {
    /// The share.
    pub fn share(&self) -> f64 {
        self.hold_out.unwrap_or(0.1)
    }

    /// Refuses a share that is asked for of `data`, which has a part to validate with.
    pub fn refuse(&self, data: &Path) -> Result<()> {
        match self.hold_out {
            None => Ok(()),
            Some(share) => bail!(
                "expected no --hold-out, as {} has a part to validate with, found {share}",
                data.display()
            ),
        }
    }
}
