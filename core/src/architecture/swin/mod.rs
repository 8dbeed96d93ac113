//! The Swin Transformer V1 (arXiv 2103.14030).

mod config;
#[cfg(feature = "import")]
pub(super) mod names;
mod topology;
mod windowing;

pub use config::SwinConfig;
pub(super) use topology::HEADS;
pub use windowing::Windowing;

use crate::graph::Graph;

impl SwinConfig {
    /// The layers of this configuration, which is valid.
    ///
    /// # Panics
    /// If it is not ([`SwinConfig::validate`]).
    pub fn graph(&self) -> Graph {
        topology::swin(self)
    }
}
