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
///
/// # Examples
///
/// ```
/// use intformer::model::{SwinConfig, census};
///
/// let census = census(&SwinConfig::tiny())?;
/// assert_eq!(census.elements(), 28_288_354);
/// assert_eq!(census.total_macs() / 1_000_000, 4490);
///
/// // Names and shapes are those of timm's checkpoints.
/// let (name, shape) = &census.params[0];
/// assert_eq!(name, "patch_embed.proj.weight");
/// assert_eq!(*shape, [96, 3, 4, 4]);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn census(config: &SwinConfig) -> Result<Census> {
    config.validate()?;
    Ok(Census::of(&config.graph()))
}
