//! The names of each family as tables: theirs, and the canonical ones.

use crate::architecture::names::{Dialect, Library};

/// All dialects; of two with the same anchor, the first that nothing speaks against.
pub(super) const ALL: [&Dialect; 2] = [&DISTILBERT, &BERT];

/// BERT, RoBERTa, ELECTRA; gamma and beta are what converters of TensorFlow's models wrote.
static BERT: Dialect = Dialect {
    library: Library::HuggingFace,
    anchor: "embeddings.word_embeddings.weight",
    contrary: &[],
    outer: &[
        ("bert.", "classifier."),
        ("bert.", "cls."),
        ("roberta.", "classifier."),
        ("roberta.", "lm_head."),
        ("electra.", "classifier."),
        ("electra.", "discriminator_predictions."),
    ],
    rows: &[
        ("embeddings.word_embeddings", "embeddings.word"),
        ("embeddings.position_embeddings", "embeddings.position"),
        ("embeddings.token_type_embeddings", "embeddings.segment"),
        ("embeddings.LayerNorm.gamma", "embeddings.norm.weight"),
        ("embeddings.LayerNorm.beta", "embeddings.norm.bias"),
        ("embeddings.LayerNorm", "embeddings.norm"),
        ("embeddings_project", "embeddings.project"),
        (
            "encoder.layer.{b}.attention.self.query",
            "blocks.{b}.attn.qkv#0",
        ),
        (
            "encoder.layer.{b}.attention.self.key",
            "blocks.{b}.attn.qkv#1",
        ),
        (
            "encoder.layer.{b}.attention.self.value",
            "blocks.{b}.attn.qkv#2",
        ),
        (
            "encoder.layer.{b}.attention.output.dense",
            "blocks.{b}.attn.proj",
        ),
        (
            "encoder.layer.{b}.attention.output.LayerNorm.gamma",
            "blocks.{b}.norm1.weight",
        ),
        (
            "encoder.layer.{b}.attention.output.LayerNorm.beta",
            "blocks.{b}.norm1.bias",
        ),
        (
            "encoder.layer.{b}.attention.output.LayerNorm",
            "blocks.{b}.norm1",
        ),
        ("encoder.layer.{b}.intermediate.dense", "blocks.{b}.mlp.fc1"),
        ("encoder.layer.{b}.output.dense", "blocks.{b}.mlp.fc2"),
        (
            "encoder.layer.{b}.output.LayerNorm.gamma",
            "blocks.{b}.norm2.weight",
        ),
        (
            "encoder.layer.{b}.output.LayerNorm.beta",
            "blocks.{b}.norm2.bias",
        ),
        ("encoder.layer.{b}.output.LayerNorm", "blocks.{b}.norm2"),
        ("classifier.dense", "head.dense"),
        ("classifier.out_proj", "head.out"),
        ("classifier", "head.out"),
    ],
    reorder: None,
};

/// DistilBERT.
static DISTILBERT: Dialect = Dialect {
    library: Library::HuggingFace,
    anchor: "transformer.layer.0.attention.q_lin.weight",
    contrary: &[],
    outer: &[
        ("distilbert.", "pre_classifier."),
        ("distilbert.", "classifier."),
        ("distilbert.", "vocab_"),
    ],
    rows: &[
        ("embeddings.word_embeddings", "embeddings.word"),
        ("embeddings.position_embeddings", "embeddings.position"),
        ("embeddings.LayerNorm", "embeddings.norm"),
        (
            "transformer.layer.{b}.attention.q_lin",
            "blocks.{b}.attn.qkv#0",
        ),
        (
            "transformer.layer.{b}.attention.k_lin",
            "blocks.{b}.attn.qkv#1",
        ),
        (
            "transformer.layer.{b}.attention.v_lin",
            "blocks.{b}.attn.qkv#2",
        ),
        (
            "transformer.layer.{b}.attention.out_lin",
            "blocks.{b}.attn.proj",
        ),
        ("transformer.layer.{b}.sa_layer_norm", "blocks.{b}.norm1"),
        ("transformer.layer.{b}.ffn.lin1", "blocks.{b}.mlp.fc1"),
        ("transformer.layer.{b}.ffn.lin2", "blocks.{b}.mlp.fc2"),
        (
            "transformer.layer.{b}.output_layer_norm",
            "blocks.{b}.norm2",
        ),
        ("pre_classifier", "head.dense"),
        ("classifier", "head.out"),
    ],
    reorder: None,
};
