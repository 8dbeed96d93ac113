//! The names of each library as tables: theirs, and timm's, which are the canonical ones.

use std::collections::BTreeSet;

use crate::{
    HostTensor, Params,
    architecture::names::{Dialect, Library},
};

/// All dialects; of two with the same anchor, the first that nothing speaks against.
pub(super) const ALL: [&Dialect; 6] = [
    &TIMM,
    &MICROSOFT,
    &HUGGING_FACE,
    &HUGGING_FACE_5,
    &TORCHVISION,
    &MMPRETRAIN,
];

/// timm since 0.9, whose names are the canonical ones.
static TIMM: Dialect = Dialect {
    library: Library::Timm,
    anchor: "layers.0.blocks.0.attn.relative_position_bias_table",
    contrary: &["layers.0.downsample.reduction.weight", "head.weight"],
    outer: &[],
    rows: &[],
    reorder: None,
};

/// Microsoft, and timm before 0.9: patches are merged at the end of a stage.
static MICROSOFT: Dialect = Dialect {
    library: Library::Microsoft,
    anchor: "layers.0.blocks.0.attn.relative_position_bias_table",
    contrary: &[],
    outer: &[],
    rows: &[
        ("layers.{s-1}.downsample", "layers.{s}.downsample"),
        ("head.fc", "head.fc"),
        ("head", "head.fc"),
    ],
    reorder: None,
};

/// Hugging Face transformers, and what `save_pretrained` writes in any version.
static HUGGING_FACE: Dialect = Dialect {
    library: Library::HuggingFace,
    anchor: "encoder.layers.0.blocks.0.attention.self.relative_position_bias_table",
    contrary: &[],
    outer: &[("swin.", "classifier.")],
    rows: HUGGING_FACE_ROWS,
    reorder: None,
};

/// Modules of transformers since 5, as `torch.save(model.state_dict())` writes them.
static HUGGING_FACE_5: Dialect = Dialect {
    library: Library::HuggingFace,
    anchor: "encoder.layers.0.blocks.0.attention.relative_position_bias.relative_position_bias_table",
    contrary: &[],
    outer: &[("swin.", "classifier.")],
    rows: HUGGING_FACE_ROWS,
    reorder: None,
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
static TORCHVISION: Dialect = Dialect {
    library: Library::Torchvision,
    anchor: "features.1.0.attn.relative_position_bias_table",
    contrary: &[],
    outer: &[],
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
    reorder: None,
};

/// mmpretrain and mmcls. The norm of the last stage has its number, and none in old files.
static MMPRETRAIN: Dialect = Dialect {
    library: Library::Mmpretrain,
    anchor: "stages.0.blocks.0.attn.w_msa.relative_position_bias_table",
    contrary: &[],
    outer: &[("backbone.", "head.fc.")],
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
        ("norm{s}", "norm"),
        ("norm", "norm"),
        ("head.fc", "head.fc"),
    ],
    reorder: Some(merge_in_blocks),
};

/// mmpretrain merges patches with channels in the order of torch.nn.Unfold. A file that was renamed
/// kept timm's order.
fn merge_in_blocks(names: &BTreeSet<&str>, params: &mut Params, notes: &mut Vec<String>) {
    if !unfolds(names) {
        notes.push(
            "patches are merged in timm's order of channels, as the last norm has no number, which \
             mmpretrain gives it"
                .to_owned(),
        );
        return;
    }
    for (name, tensor) in &mut params.0 {
        if name.contains(".downsample.") {
            in_blocks(tensor);
        }
    }
}

/// Whether mmpretrain wrote these names; a file under them without its marks was renamed.
fn unfolds(names: &BTreeSet<&str>) -> bool {
    let numbered = |name: &&str| {
        let digits = name
            .strip_prefix("norm")
            .and_then(|rest| rest.strip_suffix(".weight"));
        digits.is_some_and(|digits| digits.parse::<usize>().is_ok())
    };
    let buffer = |name: &&str| name.ends_with("w_msa.relative_position_index");
    names.iter().any(numbered) || names.iter().any(buffer)
}

/// A tensor whose last side has channels with their four pixels, as four blocks of channels: the
/// pixels of the left column first, as timm has them.
fn in_blocks(tensor: &mut HostTensor) {
    let last = tensor.shape.last().copied().unwrap_or(0);
    let channels = last / 4;
    if channels == 0 || last % 4 != 0 {
        return;
    }
    let mut data = Vec::with_capacity(tensor.data.len());
    for row in tensor.data.chunks_exact(last) {
        for [y, x] in [[0, 0], [1, 0], [0, 1], [1, 1]] {
            data.extend((0..channels).map(|channel| row[4 * channel + 2 * y + x]));
        }
    }
    tensor.data = data;
}
