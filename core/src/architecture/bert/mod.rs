//! Encoders of texts as BERT (arXiv 1810.04805) is one: RoBERTa, DistilBERT, ELECTRA's discriminator, and the
//! sentence encoders made of them.

mod config;
#[cfg(feature = "import")]
pub(super) mod names;
mod topology;

pub use config::{BertConfig, TextHead, TextPooling};
pub(super) use topology::HEADS;

use crate::graph::Graph;

impl BertConfig {
    /// The layers of this configuration, which is valid.
    ///
    /// # Panics
    /// If it is not ([`BertConfig::validate`]).
    pub fn graph(&self) -> Graph {
        topology::bert(self)
    }
}
