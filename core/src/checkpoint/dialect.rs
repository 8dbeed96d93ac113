//! The names that libraries give to the parameters of a Swin.

use std::collections::BTreeMap;

use super::raw::Raw;
use crate::{Error, HostTensor, Params, Preprocessing, Resize, Result, model::SwinConfig};

/// Who wrote a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// timm since 0.9.
    Timm,
    /// Microsoft, and timm before 0.9.
    Microsoft,
    /// Hugging Face transformers.
    HuggingFace,
}

/// A checkpoint under canonical names.
pub(super) struct Renamed {
    /// Who wrote it.
    pub(super) dialect: Dialect,
    /// Parameters by canonical name.
    pub(super) params: Params,
    /// Attention masks by stage, `[windows, tokens, tokens]`, as Microsoft saves them.
    pub(super) masks: BTreeMap<usize, HostTensor>,
}

impl Dialect {
    fn detect(params: &Params) -> Result<Self> {
        let has = |name| params.find(name).is_some();
        if has("classifier.weight") {
            Ok(Self::HuggingFace)
        } else if has("head.fc.weight") {
            Ok(Self::Timm)
        } else if has("head.weight") {
            Ok(Self::Microsoft)
        } else {
            Err(Error::Checkpoint(format!(
                "expected the head of a Swin classifier (head.fc.weight, head.weight or classifier.weight), found {} other tensors{}",
                params.0.len(),
                match params.0.keys().next() {
                    Some(name) => format!(", first {name}"),
                    None => String::new(),
                }
            )))
        }
    }

    /// The preprocessing of this dialect's published models of `config`.
    pub(super) fn preprocessing(self, config: &SwinConfig) -> Preprocessing {
        let [height, width] = config.image_size;
        let side = height.min(width);
        let resize = match self {
            Self::HuggingFace => Resize::Squash,
            Self::Timm if side >= 384 => Resize::CropFraction { crop: 1.0 },
            Self::Timm => Resize::CropFraction { crop: 0.9 },
            Self::Microsoft if side > 224 || height != width => Resize::Squash,
            Self::Microsoft => Resize::ShorterSide {
                size: side * 256 / 224,
            },
        };
        Preprocessing::imagenet(config.in_channels, resize)
    }

    /// Whether a map that is as long as the window on one side and longer on the other is shifted
    /// along the longer side. Only timm treats the sides one by one.
    pub(super) fn shifts_sides_apart(self) -> bool {
        self == Self::Timm
    }
}

/// Gives the tensors of `raw` their canonical names.
pub(super) fn canonical(raw: Raw) -> Result<Renamed> {
    let dialect = Dialect::detect(&raw.params)?;
    let mut renamed = Renamed {
        dialect,
        params: Params::default(),
        masks: BTreeMap::new(),
    };
    let merge_moves = dialect != Dialect::Timm
        || raw
            .params
            .0
            .keys()
            .any(|name| name.starts_with("layers.0.downsample."));
    let mut fused = BTreeMap::new();
    for (name, tensor) in raw.params.0 {
        let mut new = match dialect {
            Dialect::HuggingFace => hugging_face(&name),
            Dialect::Microsoft => match name.strip_prefix("head.") {
                Some(rest) => format!("head.fc.{rest}"),
                None => name.clone(),
            },
            Dialect::Timm => name.clone(),
        };
        if let Some(site) = new.strip_suffix(".attn_mask") {
            if let Some(stage) = stage(site) {
                renamed.masks.insert(stage, tensor);
            }
            continue;
        }
        if let Some((part, place)) = projection(&new) {
            let parts: &mut [Option<HostTensor>; 3] = fused.entry(place).or_default();
            parts[part] = Some(tensor);
            continue;
        }
        if merge_moves {
            new = later_downsample(new);
        }
        if renamed.params.0.insert(new.clone(), tensor).is_some() {
            return Err(Error::Checkpoint(format!(
                "expected one tensor for {new}, found {name} as a second"
            )));
        }
    }
    for (place, parts) in fused {
        let tensor = fuse(&place, parts)?;
        renamed.params.0.insert(place, tensor);
    }
    Ok(renamed)
}

/// The stage in `layers.{stage}.…`.
fn stage(name: &str) -> Option<usize> {
    let (stage, _) = name.strip_prefix("layers.")?.split_once('.')?;
    stage.parse().ok()
}

/// Microsoft and Hugging Face merge patches at the end of a stage, timm at the start of the next.
fn later_downsample(name: String) -> String {
    let stage = stage(&name).filter(|stage| *stage < 64);
    let rest = stage.and_then(|stage| name.strip_prefix(&format!("layers.{stage}.downsample.")));
    match (stage, rest) {
        (Some(stage), Some(rest)) => format!("layers.{}.downsample.{rest}", stage + 1),
        _ => name,
    }
}

/// Microsoft's name for Hugging Face's `name`, with query, key and value still apart.
fn hugging_face(name: &str) -> String {
    const PARTS: [(&str, &str); 11] = [
        (
            "embeddings.patch_embeddings.projection.",
            "patch_embed.proj.",
        ),
        ("embeddings.norm.", "patch_embed.norm."),
        ("classifier.", "head.fc."),
        ("encoder.layers.", "layers."),
        (".layernorm_before.", ".norm1."),
        (".layernorm_after.", ".norm2."),
        (".attention.output.dense.", ".attn.proj."),
        (".attention.self.", ".attn."),
        (".intermediate.dense.", ".mlp.fc1."),
        (".output.dense.", ".mlp.fc2."),
        ("layernorm.", "norm."),
    ];
    let name = name.strip_prefix("swin.").unwrap_or(name);
    let mut new = name.to_owned();
    for (theirs, ours) in PARTS {
        match theirs.starts_with('.') {
            true => new = new.replacen(theirs, ours, 1),
            false if new.starts_with(theirs) => new = new.replacen(theirs, ours, 1),
            false => {}
        }
    }
    new
}

/// Which of query, key and value a tensor is, and the name of the fused tensor.
fn projection(name: &str) -> Option<(usize, String)> {
    let (site, rest) = name.split_once(".attn.")?;
    let (part, kind) = rest.split_once('.')?;
    let part = ["query", "key", "value"]
        .iter()
        .position(|&known| known == part)?;
    Some((part, format!("{site}.attn.qkv.{kind}")))
}

/// Query, key and value one below the other.
fn fuse(place: &str, parts: [Option<HostTensor>; 3]) -> Result<HostTensor> {
    let [Some(query), Some(key), Some(value)] = parts else {
        return Err(Error::Checkpoint(format!(
            "expected query, key and value for {place}, found only some of them"
        )));
    };
    if query.shape != key.shape || query.shape != value.shape || query.shape.is_empty() {
        return Err(Error::Checkpoint(format!(
            "expected query, key and value of one shape for {place}, found {:?}, {:?} and {:?}",
            query.shape, key.shape, value.shape
        )));
    }
    let mut shape = query.shape.clone();
    shape[0] *= 3;
    Ok(HostTensor::new(
        shape,
        [query.data, key.data, value.data].concat(),
    ))
}
