//! The names of each library as tables: theirs, and the canonical ones, which are timm's but for learned tokens
//! and positions.

use std::collections::BTreeSet;

use crate::{
    HostTensor, Params,
    architecture::names::{Dialect, Library},
};

/// All dialects; of two with the same anchor, the first that nothing speaks against.
pub(super) const ALL: [&Dialect; 2] = [&HUGGING_FACE, &TIMM];

/// timm, DeiT's and DINOv2's own repositories.
static TIMM: Dialect = Dialect {
    library: Library::Timm,
    anchor: "cls_token",
    contrary: &["patch_embeddings.projection.weight"],
    outer: None,
    rows: &[],
    reorder: Some(tidy),
};

/// Hugging Face transformers, and what `save_pretrained` writes in any version.
static HUGGING_FACE: Dialect = Dialect {
    library: Library::HuggingFace,
    anchor: "embeddings.cls_token",
    contrary: &[],
    outer: Some(("vit.", "classifier.")),
    rows: &[
        ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
        ("embeddings.position_embeddings", "pos_embed"),
        ("embeddings.cls_token", "cls_token"),
        ("encoder.layer.{b}.layernorm_before", "blocks.{b}.norm1"),
        ("encoder.layer.{b}.layernorm_after", "blocks.{b}.norm2"),
        (
            "encoder.layer.{b}.attention.attention.query",
            "blocks.{b}.attn.qkv#0",
        ),
        (
            "encoder.layer.{b}.attention.attention.key",
            "blocks.{b}.attn.qkv#1",
        ),
        (
            "encoder.layer.{b}.attention.attention.value",
            "blocks.{b}.attn.qkv#2",
        ),
        (
            "encoder.layer.{b}.attention.output.dense",
            "blocks.{b}.attn.proj",
        ),
        ("encoder.layer.{b}.intermediate.dense", "blocks.{b}.mlp.fc1"),
        ("encoder.layer.{b}.output.dense", "blocks.{b}.mlp.fc2"),
        ("layers.{b}.layernorm_before", "blocks.{b}.norm1"),
        ("layers.{b}.layernorm_after", "blocks.{b}.norm2"),
        ("layers.{b}.attention.q_proj", "blocks.{b}.attn.qkv#0"),
        ("layers.{b}.attention.k_proj", "blocks.{b}.attn.qkv#1"),
        ("layers.{b}.attention.v_proj", "blocks.{b}.attn.qkv#2"),
        ("layers.{b}.attention.o_proj", "blocks.{b}.attn.proj"),
        ("layers.{b}.mlp", "blocks.{b}.mlp"),
        ("layernorm", "norm"),
        ("classifier", "head"),
    ],
    reorder: Some(tidy),
};

/// Folds LayerScale into the products before it, and makes of learned tokens and positions one tensor each, whose
/// sides are tokens and channels. Which position is whose is known only with the size of images.
fn tidy(_: &BTreeSet<&str>, params: &mut Params, notes: &mut Vec<String>) {
    let scales: Vec<String> = params
        .0
        .keys()
        .filter(|name| is_scale(name))
        .cloned()
        .collect();
    for name in &scales {
        let Some(scale) = params.0.remove(name) else {
            continue;
        };
        let (block, which) = name.split_at(name.rfind(".ls").unwrap_or(0));
        let site = match which.starts_with(".ls1") {
            true => format!("{block}.attn.proj"),
            false => format!("{block}.mlp.fc2"),
        };
        for part in ["weight", "bias"] {
            if let Some(tensor) = params.0.get_mut(&format!("{site}.{part}")) {
                multiply_rows(tensor, &scale.data);
            }
        }
    }
    if !scales.is_empty() {
        notes.push(format!(
            "{} LayerScales are folded into the products before them",
            scales.len()
        ));
    }
    let mut learned = Vec::new();
    let mut channels = 0;
    for name in ["cls_token", "reg_token", "register_tokens"] {
        if let Some(tensor) = params.0.remove(name) {
            channels = tensor.shape.last().copied().unwrap_or(0);
            learned.extend(tensor.data);
        }
    }
    let rows = |data: &[f32], channels: usize| [data.len() / channels.max(1), channels];
    if channels > 0 {
        let shape = rows(&learned, channels);
        params.0.insert(
            "embed.prefix.weight".to_owned(),
            HostTensor::new(shape, learned),
        );
    }
    if let Some(tensor) = params.0.remove("pos_embed") {
        let channels = tensor.shape.last().copied().unwrap_or(0);
        let shape = rows(&tensor.data, channels);
        params.0.insert(
            "embed.position.weight".to_owned(),
            HostTensor::new(shape, tensor.data),
        );
    }
}

/// Whether this is a factor for each channel of a branch.
fn is_scale(name: &str) -> bool {
    name.ends_with(".ls1.gamma") || name.ends_with(".ls2.gamma")
}

/// Multiplies row i by factor i. Other numbers of rows are refused with the other shapes.
fn multiply_rows(tensor: &mut HostTensor, factors: &[f32]) {
    let rows = tensor.shape.first().copied().unwrap_or(0);
    if rows == 0 || rows != factors.len() {
        return;
    }
    let columns = tensor.data.len() / rows;
    for (row, factor) in tensor.data.chunks_mut(columns.max(1)).zip(factors) {
        row.iter_mut().for_each(|value| *value *= factor);
    }
}
