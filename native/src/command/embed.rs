//! `intformer embed`: a vector for each text.

use std::fmt::Write;

use anyhow::{Result, bail};
use clap::Args;
use intformer::plan::OutputKind;
use serde_json::json;

use crate::{
    answer::Answer,
    cli::Globals,
    executor::{self, Choice, Logits},
    inputs::Items,
    model::Model,
    reading::Reading,
    texts::{self, Text, TextArguments},
};

/// Makes a vector of each text: its embedding.
///
/// Of a compressed model they are integers of 16 bits with one scale for all, the same on every
/// executor and whatever else is in the batch; a digest is the SHA-256 of one, each number as four bytes
/// with the little end first. Cosines need no scale: `intformer similar` compares so.
///
/// With --windows a long text has a vector for each of its windows, and the JSON says of which text each is
/// (windows).
///
/// Example: intformer embed minilm.safetensors --text "A red bicycle" --text "Ein rotes Fahrrad" --json
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    texts: TextArguments,
    /// What runs the model.
    #[arg(long, short, value_enum, default_value_t = Choice::Auto)]
    executor: Choice,
}

impl Options {
    /// Embeds the texts.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        let texts = self.texts.read(&model, globals)?;
        let embedded = embed(&model, &texts, self.executor, globals)?;
        let mut text = String::new();
        let (mut rows, mut digests) = (Vec::new(), Vec::new());
        for (found, vector) in texts.iter().zip(&embedded.vectors) {
            let digest = vector.digest();
            writeln!(
                text,
                "{}  {} tokens  {}",
                digest,
                found.tokens.len(),
                found.name()
            )?;
            rows.push(match vector {
                Logits::Integer(values) => json!(values),
                #[cfg(feature = "float")]
                Logits::Float(values) => json!(values),
            });
            digests.push(digest);
        }
        writeln!(
            text,
            "{} vectors of {} numbers, on {} (--json shows them)",
            texts.len(),
            model.config().outputs(),
            embedded.executor
        )?;
        let tokens: Vec<_> = texts.iter().map(|text| text.tokens.len()).collect();
        let cut: Vec<_> = texts
            .iter()
            .map(|text| text.whole - text.tokens.len())
            .collect();
        let mut json = json!({
            "embeddings": rows,
            "scale": model.scale(),
            "digests": digests,
            "tokens": tokens,
            "cut": cut,
            "executor": embedded.executor,
        });
        if self.texts.windows {
            let windows: Vec<_> = texts.iter().map(|text| text.window).collect();
            json["windows"] = json!(windows);
        }
        Answer::new(text, &json)
    }
}

/// The vectors of some texts.
pub struct Embedded {
    /// One a text.
    pub vectors: Vec<Logits>,
    /// What ran the model.
    pub executor: &'static str,
}

/// Embeds `texts`.
///
/// # Errors
/// If the model makes no vectors, or the device fails.
pub fn embed(
    model: &Model,
    texts: &[Text],
    executor: Choice,
    globals: &Globals,
) -> Result<Embedded> {
    let other = match model.config().output_kind() {
        OutputKind::Pooled => None,
        OutputKind::Logits => Some("classes: `intformer classify` names them"),
        OutputKind::MapLogits => Some("classes of cells: `intformer segment` shows them"),
        _ => Some("classes of tokens: `intformer logits` gives what it puts out"),
    };
    if let Some(other) = other {
        bail!("expected a model that makes one vector of a text, found one with {other}");
    }
    let tokens = texts::tokens(texts);
    let threads = rayon::current_num_threads().min(texts.len());
    let mut runner = executor::one(model, executor, threads, globals)?;
    let all = runner.logits(&Items::texts(&tokens))?;
    let each = model.config().outputs();
    let vectors = match all {
        Logits::Integer(values) => values
            .chunks(each)
            .map(|row| Logits::Integer(row.to_vec()))
            .collect(),
        #[cfg(feature = "float")]
        Logits::Float(values) => values
            .chunks(each)
            .map(|row| Logits::Float(row.to_vec()))
            .collect(),
    };
    Ok(Embedded {
        vectors,
        executor: runner.name,
    })
}
