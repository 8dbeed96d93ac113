//! `intformer logits`: the raw output of a model.

use std::{fmt::Write, path::PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use crate::{
    answer::Answer,
    cli::Globals,
    executor::{self, Choice, Logits},
    images,
    inputs::Inputs,
    model::Model,
    reading::Reading,
    texts::{self, TextArguments},
};

/// Prints the logits of images or texts and their digest.
///
/// The digest is the SHA-256 of the logits [items, classes] (of a dense model [items, cells, classes], those of learned tokens
/// before those of cells), each as four bytes with the little end first: 32-bit integers of a compressed model, 32-bit floats of
/// a float model.
///
/// Example: intformer logits models/glyphs.safetensors --image models/samples/A.png
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// An image file; may be given more than once.
    #[arg(long, short, conflicts_with = "tensor")]
    image: Vec<PathBuf>,
    #[command(flatten)]
    texts: TextArguments,
    /// A .safetensors file with the bytes of already resized images: one tensor, or the one named
    /// pixels, of shape [images, height, width, channels].
    #[arg(long, short)]
    tensor: Option<PathBuf>,
    /// What runs the model.
    #[arg(long, short, value_enum, default_value_t = Choice::Auto)]
    executor: Choice,
}

impl Options {
    /// Runs the model.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        let mut windows = Vec::new();
        let inputs = match &self.tensor {
            _ if !self.texts.is_empty() => {
                if self.tensor.is_some() || !self.image.is_empty() {
                    bail!("expected images or texts, found both");
                }
                let texts = self.texts.read(&model, globals)?;
                windows.extend(texts.iter().filter_map(|text| text.window));
                Inputs::Texts(texts::tokens(&texts))
            }
            Some(path) => Inputs::Images(images::tensor(path, &model.config().image()?)?),
            None if self.image.is_empty() => {
                bail!(
                    "expected images (--image or --tensor) or texts (--text or --text-file), found none"
                )
            }
            None => Inputs::Images(images::read(&self.image, &model)?),
        };
        let threads = rayon::current_num_threads().min(inputs.len());
        let mut runner = executor::one(&model, self.executor, threads, globals)?;
        let logits = runner.logits(&inputs.items())?;
        let digest = logits.digest();
        let outputs = model.config().outputs();

        let (rows, json) = match &logits {
            Logits::Integer(values) => (rows(values, outputs), json!(values)),
            #[cfg(feature = "float")]
            Logits::Float(values) => (rows(values, outputs), json!(values)),
        };
        let mut text = rows;
        // A row for each item, or for each of its tokens.
        let count = match &logits {
            Logits::Integer(values) => values.len(),
            #[cfg(feature = "float")]
            Logits::Float(values) => values.len(),
        } / outputs;
        writeln!(text, "shape    [{count}, {outputs}]")?;
        writeln!(text, "executor {}: {}", runner.name, runner.device())?;
        writeln!(text, "digest   {digest}")?;
        let mut json = json!({
            "logits": json,
            "shape": [count, outputs],
            "digest": digest,
            "executor": runner.name,
        });
        if !windows.is_empty() {
            json["windows"] = json!(windows);
        }
        Answer::new(text, &json)
    }
}

/// A line for each item.
fn rows(values: &[impl ToString], outputs: usize) -> String {
    let row = |row: &[_]| {
        row.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
            + "\n"
    };
    values.chunks(outputs).map(row).collect()
}
