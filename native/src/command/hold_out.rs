//! What is kept of the data to validate with, if it has no part for that.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;

/// Examples that are kept to validate with.
#[derive(Args, Clone, Debug)]
pub struct HoldOutArguments {
    /// The share of --data that is kept to validate with if it has no part for that, drawn from each class by
    /// --hold-out-seed; 0.1 by default.
    #[arg(long, value_name = "SHARE", conflicts_with = "glyphs")]
    hold_out: Option<f64>,
    /// The seed that draws it, 0 by default: one of its own, so that trainings of other seeds have the same examples.
    #[arg(long, value_name = "SEED", conflicts_with = "glyphs")]
    hold_out_seed: Option<u64>,
}

impl HoldOutArguments {
    /// The share.
    pub fn share(&self) -> f64 {
        self.hold_out.unwrap_or(0.1)
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.hold_out_seed.unwrap_or(0)
    }

    /// Refuses what is asked for of `data`, which has a part to validate with.
    pub fn refuse(&self, data: &Path) -> Result<()> {
        let found = match (self.hold_out, self.hold_out_seed) {
            (None, None) => return Ok(()),
            (Some(share), _) => format!("--hold-out {share}"),
            (None, Some(seed)) => format!("--hold-out-seed {seed}"),
        };
        bail!(
            "expected nothing to be held out, as {} has a part to validate with, found {found}",
            data.display()
        )
    }
}
