//! The Vision Transformer (arXiv 2010.11929), and what is trained as one: DeiT, DINOv2.

mod config;
#[cfg(feature = "import")]
pub(super) mod names;
mod topology;

pub use config::{VitConfig, VitPooling};
pub(super) use topology::HEADS;

use crate::graph::Graph;

impl VitConfig {
    /// The layers of this configuration, which is valid.
    ///
    /// # Panics
    /// If it is not ([`VitConfig::validate`]).
    pub fn graph(&self) -> Graph {
        topology::vit(self)
    }
}
