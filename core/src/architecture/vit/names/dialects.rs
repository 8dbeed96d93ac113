//! The names of each library as tables: theirs, and the canonical ones, which are timm's but for learned tokens
//! and positions.

use std::collections::BTreeSet;

use crate::{
    HostTensor, Params,
    architecture::names::{Dialect, Library},
};

/// All dialects; of two with the same anchor, the first that nothing speaks against.
pub(super) const ALL: [&Dialect; 4] = [&HUGGING_FACE, &TIMM, &TIMM_WITHOUT_LEARNED, &TORCHVISION];

/// timm, DeiT's and DINOv2's own repositories.
static TIMM: Dialect = Dialect {
    library: Library::Timm,
    anchor: "cls_token",
    contrary: &["patch_embeddings.projection.weight"],
    outer: &[],
    rows: &[],
    reorder: Some(tidy),
};

/// timm, where no token is learned.
static TIMM_WITHOUT_LEARNED: Dialect = Dialect {
    anchor: "pos_embed",
    contrary: &["cls_token"],
    ..TIMM
};

/// torchvision, and what it wrote before 0.13 (`mlp.linear_1`).
static TORCHVISION: Dialect = Dialect {
    library: Library::Torchvision,
    anchor: "class_token",
    contrary: &[],
    outer: &[],
    rows: &[
        ("class_token", "cls_token"),
        ("encoder.pos_embedding", "pos_embed"),
        ("conv_proj", "patch_embed.proj"),
        ("encoder.layers.encoder_layer_{b}.ln_1", "blocks.{b}.norm1"),
        ("encoder.layers.encoder_layer_{b}.ln_2", "blocks.{b}.norm2"),
        (
            "encoder.layers.encoder_layer_{b}.self_attention.in_proj_weight",
            "blocks.{b}.attn.qkv.weight",
        ),
        (
            "encoder.layers.encoder_layer_{b}.self_attention.in_proj_bias",
            "blocks.{b}.attn.qkv.bias",
        ),
        (
            "encoder.layers.encoder_layer_{b}.self_attention.out_proj",
            "blocks.{b}.attn.proj",
        ),
        (
            "encoder.layers.encoder_layer_{b}.mlp.0",
            "blocks.{b}.mlp.fc1",
        ),
        (
            "encoder.layers.encoder_layer_{b}.mlp.3",
            "blocks.{b}.mlp.fc2",
        ),
        (
            "encoder.layers.encoder_layer_{b}.mlp.linear_1",
            "blocks.{b}.mlp.fc1",
        ),
        (
            "encoder.layers.encoder_layer_{b}.mlp.linear_2",
            "blocks.{b}.mlp.fc2",
        ),
        ("encoder.ln", "norm"),
        ("heads.head", "head"),
    ],
    reorder: Some(tidy),
};

/// Hugging Face transformers, and what `save_pretrained` writes in any version.
static HUGGING_FACE: Dialect = Dialect {
    library: Library::HuggingFace,
    anchor: "embeddings.cls_token",
    contrary: &[],
    outer: &[
        ("vit.", "classifier."),
        ("deit.", "classifier."),
        ("deit.", "cls_classifier."),
        ("deit.", "distillation_classifier."),
    ],
    rows: &[
        ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
        ("embeddings.position_embeddings", "pos_embed"),
        ("embeddings.cls_token", "cls_token"),
        ("embeddings.distillation_token", "dist_token"),
        ("embeddings.register_tokens", "register_tokens"),
        ("embeddings.mask_token", "mask_token"),
        // DINOv2.
        ("encoder.layer.{b}.norm1", "blocks.{b}.norm1"),
        ("encoder.layer.{b}.norm2", "blocks.{b}.norm2"),
        (
            "encoder.layer.{b}.layer_scale1.lambda1",
            "blocks.{b}.ls1.gamma",
        ),
        (
            "encoder.layer.{b}.layer_scale2.lambda1",
            "blocks.{b}.ls2.gamma",
        ),
        ("encoder.layer.{b}.mlp", "blocks.{b}.mlp"),
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
        ("cls_classifier", "head"),
        ("distillation_classifier", "head_dist"),
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
    // What does not fit stays, and is refused with what else no layer has.
    let folded = scales.iter().filter(|name| fold(name, params)).count();
    if folded > 0 {
        notes.push(format!(
            "{folded} LayerScales are folded into the products before them"
        ));
    }
    let pooled = params.0.len();
    params.0.retain(|name, _| !name.starts_with("pooler."));
    if params.0.len() < pooled {
        notes.push("the pooler is left out: features are the normalized first token".to_owned());
    }

    // What stood for hidden patches in training.
    params.0.remove("mask_token");
    if two_heads(params) {
        notes.push("answers are the mean of the two heads of a distilled model".to_owned());
    }

    let learned = ["cls_token", "dist_token", "reg_token", "register_tokens"];
    let widths = learned
        .iter()
        .filter_map(|name| width(params.0.get(*name)?));
    let widths: BTreeSet<usize> = widths.collect();
    if let [channels] = widths.into_iter().collect::<Vec<_>>()[..] {
        let tensors = learned.iter().filter_map(|name| params.0.remove(*name));
        let data: Vec<f32> = tensors.flat_map(|tensor| tensor.data).collect();
        let shape = [data.len() / channels, channels];
        let name = "embed.prefix.weight".to_owned();
        params.0.insert(name, HostTensor::new(shape, data));
    }
    if let Some(channels) = params.0.get("pos_embed").and_then(width)
        && let Some(tensor) = params.0.remove("pos_embed")
    {
        let shape = [tensor.data.len() / channels, channels];
        let name = "embed.position.weight".to_owned();
        params.0.insert(name, HostTensor::new(shape, tensor.data));
    }
}

/// Gives the second head of a distilled model a normalization of its own and both heads half their weights: the mean
/// of their answers is the sum then. Whether there is one.
fn two_heads(params: &mut Params) -> bool {
    if !params.0.contains_key("head_dist.weight") {
        return false;
    }
    for part in ["weight", "bias"] {
        if let Some(norm) = params.0.get(&format!("norm.{part}")).cloned() {
            params.0.insert(format!("norm_dist.{part}"), norm);
        }
        for head in ["head", "head_dist"] {
            if let Some(tensor) = params.0.get_mut(&format!("{head}.{part}")) {
                tensor.data.iter_mut().for_each(|value| *value /= 2.0);
            }
        }
    }
    true
}

/// The last side of a tensor, if it has some.
fn width(tensor: &HostTensor) -> Option<usize> {
    tensor.shape.last().copied().filter(|&width| width > 0)
}

/// Multiplies the product before the LayerScale `name` by it and takes it out, if both are as long.
fn fold(name: &str, params: &mut Params) -> bool {
    let (block, which) = name.split_at(name.rfind(".ls").unwrap_or(0));
    let site = match which.starts_with(".ls1") {
        true => format!("{block}.attn.proj"),
        false => format!("{block}.mlp.fc2"),
    };
    let names = ["weight", "bias"].map(|part| format!("{site}.{part}"));
    let Some(scale) = params.0.get(name).cloned() else {
        return false;
    };
    let fits = |name: &String| {
        let tensor = params.0.get(name);
        tensor.is_some_and(|tensor| tensor.shape.first() == Some(&scale.data.len()))
    };
    if scale.data.is_empty() || !names.iter().all(fits) {
        return false;
    }
    for name in &names {
        if let Some(tensor) = params.0.get_mut(name) {
            let columns = (tensor.data.len() / scale.data.len()).max(1);
            for (row, factor) in tensor.data.chunks_mut(columns).zip(&scale.data) {
                row.iter_mut().for_each(|value| *value *= factor);
            }
        }
    }
    params.0.remove(name).is_some()
}

/// Whether this is a factor for each channel of a branch.
fn is_scale(name: &str) -> bool {
    name.ends_with(".ls1.gamma") || name.ends_with(".ls2.gamma")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(tensors: &[(&str, &[usize])]) -> Params {
        let tensor = |shape: &[usize]| {
            let count = shape.iter().product();
            HostTensor::new(shape.to_vec(), (0..count).map(|at| at as f32).collect())
        };
        let named = tensors
            .iter()
            .map(|(name, shape)| ((*name).to_owned(), tensor(shape)));
        Params(named.collect())
    }

    #[test]
    fn what_does_not_fit_stays_to_be_refused() {
        let mut odd = params(&[
            ("blocks.0.ls1.gamma", &[1]),
            ("blocks.0.attn.proj.weight", &[2, 2]),
            ("blocks.0.attn.proj.bias", &[2]),
            ("blocks.7.ls2.gamma", &[2]),
            ("cls_token", &[1, 1, 8]),
            ("reg_token", &[1, 4, 6]),
            ("pos_embed", &[]),
        ]);
        let before = odd.clone();
        let mut notes = Vec::new();
        tidy(&BTreeSet::new(), &mut odd, &mut notes);
        assert_eq!(odd, before);
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn scales_are_folded_and_learned_tokens_are_one_tensor() {
        let mut found = params(&[
            ("blocks.0.ls2.gamma", &[2]),
            ("blocks.0.mlp.fc2.weight", &[2, 3]),
            ("blocks.0.mlp.fc2.bias", &[2]),
            ("cls_token", &[1, 1, 2]),
            ("register_tokens", &[1, 3, 2]),
            ("pos_embed", &[1, 5, 2]),
            ("pooler.dense.weight", &[2, 2]),
        ]);
        let mut notes = Vec::new();
        tidy(&BTreeSet::new(), &mut found, &mut notes);
        assert_eq!(
            found.0["blocks.0.mlp.fc2.weight"].data,
            [0.0, 0.0, 0.0, 3.0, 4.0, 5.0]
        );
        assert_eq!(found.0["blocks.0.mlp.fc2.bias"].data, [0.0, 1.0]);
        assert_eq!(found.0["embed.prefix.weight"].shape, [4, 2]);
        assert_eq!(found.0["embed.position.weight"].shape, [5, 2]);
        assert_eq!((found.0.len(), notes.len()), (4, 2));
    }
}
