//! Architectures: configurations, and the graphs that they stand for.

mod config;
mod per_block;
mod swin;

pub use crate::graph::{Activation, Census, Windows};
pub use config::{Block, SwinConfig, Widths, Windowing};
pub use per_block::PerBlock;

use crate::{Result, graph::Graph};

impl SwinConfig {
    /// The layers of this configuration, which is valid.
    ///
    /// # Panics
    /// If it is not ([`SwinConfig::validate`]).
    pub fn graph(&self) -> Graph {
        swin::swin(self)
    }
}

/// Counts the model of `config`.
///
/// # Errors
/// If `config` is not valid.
pub fn census(config: &SwinConfig) -> Result<Census> {
    config.validate()?;
    Ok(Census::of(&config.graph()))
}
