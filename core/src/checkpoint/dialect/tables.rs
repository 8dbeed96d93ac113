//! The names of each dialect as tables: theirs, and timm's for the same.
//!
//! A row fits what begins with its parts; what follows (`.weight`, `.bias`) stays. `{s}` is a stage
//! and `{b}` a block, with `{s-1}`, `{2s}` and `{2s+1}` where theirs are numbered otherwise; `#n`
//! is the n-th of three tensors that stand one below the other in timm's.

use super::{Dialect, Table};

/// All dialects; of two with the same anchor, the first that nothing speaks against.
pub(super) const ALL: [&Table; 6] = [
    &TIMM,
    &MICROSOFT,
    &HUGGING_FACE,
    &HUGGING_FACE_5,
    &TORCHVISION,
    &MMPRETRAIN,
];

/// timm since 0.9, whose names are the canonical ones.
static TIMM: Table = Table {
    dialect: Dialect::Timm,
    anchor: "layers.0.blocks.0.attn.relative_position_bias_table",
    contrary: &["layers.0.downsample.reduction.weight", "head.weight"],
    outer: None,
    rows: &[],
};

/// Microsoft, and timm before 0.9: patches are merged at the end of a stage.
static MICROSOFT: Table = Table {
    dialect: Dialect::Microsoft,
    anchor: "layers.0.blocks.0.attn.relative_position_bias_table",
    contrary: &[],
    outer: None,
    rows: &[
        ("layers.{s-1}.downsample", "layers.{s}.downsample"),
        ("head.fc", "head.fc"),
        ("head", "head.fc"),
    ],
};

/// Hugging Face transformers, and what `save_pretrained` writes in any version.
static HUGGING_FACE: Table = Table {
    dialect: Dialect::HuggingFace,
    anchor: "encoder.layers.0.blocks.0.attention.self.relative_position_bias_table",
    contrary: &[],
    outer: Some(("swin.", "classifier.")),
    rows: HUGGING_FACE_ROWS,
};

/// Modules of transformers since 5, as `torch.save(model.state_dict())` writes them.
static HUGGING_FACE_5: Table = Table {
    dialect: Dialect::HuggingFace,
    anchor: "encoder.layers.0.blocks.0.attention.relative_position_bias.relative_position_bias_table",
    contrary: &[],
    outer: Some(("swin.", "classifier.")),
    rows: HUGGING_FACE_ROWS,
};

const HUGGING_FACE_ROWS: &[(&str, &str)] = &[
    ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    ("embeddings.norm", "patch_embed.norm"),
    ("encoder.layers.{s-1}.downsample", "layers.{s}.downsample"),
    (
        "encoder.layers.{s}.blocks.{b}.layernorm_before",
        "layers.{s}.blocks.{b}.norm1",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.layernorm_after",
        "layers.{s}.blocks.{b}.norm2",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.self.query",
        "layers.{s}.blocks.{b}.attn.qkv#0",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.self.key",
        "layers.{s}.blocks.{b}.attn.qkv#1",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.self.value",
        "layers.{s}.blocks.{b}.attn.qkv#2",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.self",
        "layers.{s}.blocks.{b}.attn",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.output.dense",
        "layers.{s}.blocks.{b}.attn.proj",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.intermediate.dense",
        "layers.{s}.blocks.{b}.mlp.fc1",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.output.dense",
        "layers.{s}.blocks.{b}.mlp.fc2",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.q_proj",
        "layers.{s}.blocks.{b}.attn.qkv#0",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.k_proj",
        "layers.{s}.blocks.{b}.attn.qkv#1",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.v_proj",
        "layers.{s}.blocks.{b}.attn.qkv#2",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.o_proj",
        "layers.{s}.blocks.{b}.attn.proj",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.attention.relative_position_bias",
        "layers.{s}.blocks.{b}.attn",
    ),
    (
        "encoder.layers.{s}.blocks.{b}.mlp",
        "layers.{s}.blocks.{b}.mlp",
    ),
    ("encoder", ""),
    ("layernorm", "norm"),
    ("classifier", "head.fc"),
];

/// torchvision: stages have the odd numbers, the merging of patches the even ones.
static TORCHVISION: Table = Table {
    dialect: Dialect::Torchvision,
    anchor: "features.1.0.attn.relative_position_bias_table",
    contrary: &[],
    outer: None,
    rows: &[
        ("features.0.0", "patch_embed.proj"),
        ("features.0.2", "patch_embed.norm"),
        ("features.{2s+1}.{b}.norm1", "layers.{s}.blocks.{b}.norm1"),
        ("features.{2s+1}.{b}.norm2", "layers.{s}.blocks.{b}.norm2"),
        ("features.{2s+1}.{b}.attn", "layers.{s}.blocks.{b}.attn"),
        ("features.{2s+1}.{b}.mlp.0", "layers.{s}.blocks.{b}.mlp.fc1"),
        ("features.{2s+1}.{b}.mlp.3", "layers.{s}.blocks.{b}.mlp.fc2"),
        ("features.{2s}.norm", "layers.{s}.downsample.norm"),
        ("features.{2s}.reduction", "layers.{s}.downsample.reduction"),
        ("norm", "norm"),
        ("head", "head.fc"),
    ],
};

/// mmpretrain and mmcls. The norm of the last stage has its number, and none in old files.
static MMPRETRAIN: Table = Table {
    dialect: Dialect::Mmpretrain,
    anchor: "stages.0.blocks.0.attn.w_msa.relative_position_bias_table",
    contrary: &[],
    outer: Some(("backbone.", "head.fc.")),
    rows: &[
        ("patch_embed.projection", "patch_embed.proj"),
        ("patch_embed.norm", "patch_embed.norm"),
        ("stages.{s-1}.downsample", "layers.{s}.downsample"),
        ("stages.{s}.blocks.{b}.norm1", "layers.{s}.blocks.{b}.norm1"),
        ("stages.{s}.blocks.{b}.norm2", "layers.{s}.blocks.{b}.norm2"),
        (
            "stages.{s}.blocks.{b}.attn.w_msa",
            "layers.{s}.blocks.{b}.attn",
        ),
        (
            "stages.{s}.blocks.{b}.ffn.layers.0.0",
            "layers.{s}.blocks.{b}.mlp.fc1",
        ),
        (
            "stages.{s}.blocks.{b}.ffn.layers.1",
            "layers.{s}.blocks.{b}.mlp.fc2",
        ),
        (
            "stages.{s}.blocks.{b}.attn_mask",
            "layers.{s}.blocks.{b}.attn_mask",
        ),
        ("norm", "norm"),
        ("head.fc", "head.fc"),
    ],
};
