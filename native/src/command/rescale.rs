//! `intformer rescale`: a twin of a float model that computes the same with other ranges.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use intformer::{checkpoint, rescale};
use serde_json::json;

use crate::{answer::Answer, cli::Globals, reading::Reading};

/// Writes a twin of a float model: the same function, its channels rescaled at random.
///
/// Each channel of a layer normalization is multiplied by a factor and the weights that read it
/// are divided by it; likewise queries against keys, and values against the projection. The twin
/// shows whether a quantizer copes with channels of very different ranges.
///
/// Example: intformer rescale models/glyphs-float.safetensors --by 64 --out twin.safetensors
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The float model: a file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// The file of the twin, ending in .safetensors.
    #[arg(long, short)]
    out: PathBuf,
    /// The largest factor; all lie between it and its inverse, their logarithms evenly spread.
    #[arg(long, default_value_t = 64.0)]
    by: f64,
    /// Seed of the factors.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Options {
    /// Reads, rescales, writes.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let mut model = self.reading.float(&self.model, globals)?;
        rescale(&mut model, self.by, self.seed)?;
        checkpoint::save(&model, &self.out)?;
        let text = format!("{}: rescaled by up to {}\n", self.out.display(), self.by);
        let json = json!({ "out": self.out, "by": self.by, "seed": self.seed });
        Answer::new(text, &json)
    }
}
