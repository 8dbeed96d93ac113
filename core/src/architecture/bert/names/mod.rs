//! How Hugging Face's transformers names an encoder of texts and describes it.

mod configuration;
mod dialects;
mod heads;

use std::collections::BTreeSet;

use super::BertConfig;
use crate::{
    Error, Params, Result,
    architecture::{
        Config,
        names::{Asked, Names},
    },
};

/// All that the reader of checkpoints knows of encoders of texts.
pub(in crate::architecture) static NAMES: Names = Names {
    called: "a BERT",
    takes_texts: true,
    timm: None,
    model_types: &configuration::MODEL_TYPES,
    implied_model_type: configuration::implied_model_type,
    dialects: &dialects::ALL,
    head: "head.out",
    telling: |_| false,
    others: &[],
    relative,
    configure: |renamed, description, asked, notes| {
        configuration::configure(renamed, description, asked, notes).map(Config::Bert)
    },
};

/// Gives `params` what `config` has, and takes out what only training needed.
pub(in crate::architecture) fn adapt(
    config: &mut BertConfig,
    params: &mut Params,
    asked: &Asked,
    notes: &mut Vec<String>,
) -> Result<()> {
    if asked.image_size.is_some() || asked.window_size.is_some() {
        return Err(Error::Checkpoint(
            "expected no size of images or windows, as a BERT takes texts, found one".to_owned(),
        ));
    }
    config.validate()?;
    heads::adapt(config, params, notes)
}

/// What a relative of BERT with these names is, if it is none itself.
fn relative(names: &BTreeSet<&str>, _: bool) -> Option<&'static str> {
    let has = |piece: &str| names.iter().any(|name| name.contains(piece));
    let relatives = [
        (
            "relative_attention_bias",
            "an MPNet, whose attention has relative biases",
        ),
        (
            "rel_embeddings.",
            "a DeBERTa, whose attention has relative positions",
        ),
        (
            "albert_layer_groups.",
            "an ALBERT, whose layers share their weights",
        ),
        ("distance_embedding.", "a BERT with relative positions"),
        ("qa_outputs.", "a model that finds answers in a text"),
        ("x_position_embeddings.", "a LayoutLM"),
        ("crossattention.", "a decoder"),
        ("task_type_embeddings.", "an ERNIE"),
        ("adapters.", "a BERT with adapters"),
    ];
    let found = relatives.iter().find(|(piece, _)| has(piece));
    found.map(|&(_, what)| what)
}
