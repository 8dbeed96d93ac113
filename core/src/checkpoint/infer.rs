//! The configuration that the shapes of a checkpoint tell.

use std::fmt::Debug;

use super::{LoadOptions, describe::Description, dialect::Renamed};
use crate::{
    Error, HostTensor, Params, Result,
    model::{Activation, PerBlock, SwinConfig, Windowing},
};

/// The configuration of `renamed`, which `description` must agree with.
pub(super) fn config(
    renamed: &Renamed,
    description: &Description,
    options: &LoadOptions,
) -> Result<SwinConfig> {
    let params = &renamed.params;
    let [embed_dim, in_channels, patch_size, other] = extents(params, "patch_embed.proj.weight")?;
    if patch_size != other {
        return Err(Error::Checkpoint(format!(
            "expected square patches, found {patch_size}x{other}"
        )));
    }
    let [classes, _] = extents(params, "head.fc.weight")?;
    let mut depths = Vec::new();
    let mut heads = Vec::new();
    let mut tables = Vec::new();
    let mut hidden = Vec::new();
    while let Some(depth) = depth(params, depths.len()) {
        let site = format!("layers.{}.blocks.0", depths.len());
        let table = format!("{site}.attn.relative_position_bias_table");
        let [entries, stage_heads] = extents(params, &table)?;
        let [outputs, inputs] = extents(params, &format!("{site}.mlp.fc1.weight"))?;
        depths.push(depth);
        heads.push(stage_heads);
        tables.push(entries);
        hidden.push((outputs, inputs));
    }
    let qkv_bias = params.find("layers.0.blocks.0.attn.qkv.bias").is_some();

    agree("input channels", &description.in_channels, &in_channels)?;
    agree("a patch size", &description.patch_size, &patch_size)?;
    agree("an embedding", &description.embed_dim, &embed_dim)?;
    agree("depths", &description.depths, &depths)?;
    agree("heads", &description.heads, &heads)?;
    agree("classes", &description.classes, &classes)?;
    agree(
        "a bias of query, key and value",
        &description.qkv_bias,
        &qkv_bias,
    )?;
    if !description.labels.is_empty() {
        agree("class names", &Some(description.labels.len()), &classes)?;
    }

    let window_size = match (description.window_size, window(&tables)) {
        (Some(given), found) => {
            agree("a window", &Some(given), &found.unwrap_or(given).max(given))?;
            given
        }
        (None, Some(found)) => found,
        (None, None) => {
            return Err(Error::Checkpoint(format!(
                "expected a square window in some stage or a config.json, found bias tables of {tables:?} entries"
            )));
        }
    };
    let masked = match renamed.masks.first_key_value() {
        Some((&stage, mask)) => Some(pixels(mask, stage, window_size, patch_size)?),
        None => None,
    };
    let usual = match window_size {
        7 => Some([224; 2]),
        12 => Some([384; 2]),
        _ => None,
    };
    if let (None, Some(masked)) = (options.image_size, &masked) {
        agree("an image size", &description.image_size, masked)?;
    }
    let image_size = options
        .image_size
        .or(masked)
        .or(description.image_size)
        .or(usual)
        .ok_or_else(|| {
            Error::Checkpoint(format!(
                "expected an image size from the caller or a config.json, found none beside a window of {window_size}"
            ))
        })?;
    let config = SwinConfig {
        image_size,
        in_channels,
        patch_size,
        embed_dim,
        depths,
        heads,
        window_size,
        mlp_ratio: description.mlp_ratio.unwrap_or_else(|| ratio(&hidden)),
        classes,
        qkv_bias,
        layer_norm_eps: 1e-5,
        windowing: Windowing::Timm,
        activation: PerBlock::All(description.activation.unwrap_or(Activation::Gelu)),
        fc1_bias: PerBlock::All(true),
    };
    config.validate()?;
    if !renamed.dialect.shifts_sides_apart() {
        refuse_half_shifted(&config)?;
    }
    Ok(config)
}

/// The extents of the tensor `name`, which has `N` of them.
fn extents<const N: usize>(params: &Params, name: &str) -> Result<[usize; N]> {
    let shape = &params.get(name)?.shape;
    <[usize; N]>::try_from(shape.as_slice()).map_err(|_| {
        Error::Checkpoint(format!(
            "the tensor {name} should have {N} dimensions, found shape {shape:?}"
        ))
    })
}

/// Blocks of stage `stage`, if there is such a stage.
fn depth(params: &Params, stage: usize) -> Option<usize> {
    let known = |block: &usize| {
        let name = format!("layers.{stage}.blocks.{block}.norm1.weight");
        params.find(&name).is_some()
    };
    Some((0..).take_while(known).count()).filter(|&depth| depth > 0)
}

fn agree<T: PartialEq + Debug>(what: &str, described: &Option<T>, found: &T) -> Result<()> {
    match described {
        Some(described) if described != found => Err(Error::Checkpoint(format!(
            "expected {what} of {described:?} as config.json says, found {found:?} in the tensors"
        ))),
        _ => Ok(()),
    }
}

/// The largest window whose square table is among `tables`: (2 window - 1)^2 entries.
fn window(tables: &[usize]) -> Option<usize> {
    let windows = tables.iter().filter_map(|&entries| {
        let side = entries.isqrt();
        (side * side == entries && side % 2 == 1).then_some(side.div_ceil(2))
    });
    windows.max()
}

/// The ratio whose products with the channels, rounded down, are the hidden channels.
fn ratio(hidden: &[(usize, usize)]) -> f64 {
    let ratios = hidden
        .iter()
        .map(|&(hidden, channels)| hidden as f64 / channels as f64);
    let ratio = ratios.fold(0.0, f64::max);
    let short =
        |&(hidden, channels): &(usize, usize)| ((channels as f64 * ratio) as usize) < hidden;
    match hidden.iter().any(short) {
        true => ratio.next_up(),
        false => ratio,
    }
}

/// The image size behind the attention mask `[windows, tokens, tokens]` of stage `stage`: the
/// first window that touches the right edge is the first in which anything is masked.
fn pixels(mask: &HostTensor, stage: usize, window: usize, patch: usize) -> Result<[usize; 2]> {
    let odd = || {
        Error::Checkpoint(format!(
            "expected an attention mask of windows of {window} in stage {stage}, found shape {:?}",
            mask.shape
        ))
    };
    let &[windows, tokens, columns] = mask.shape.as_slice() else {
        return Err(odd());
    };
    if window == 0 || tokens != columns || Some(tokens) != window.checked_mul(window) {
        return Err(odd());
    }
    let masked = mask.data.iter().position(|&value| value != 0.0);
    let across = masked.ok_or_else(odd)? / (tokens * tokens) + 1;
    if windows % across != 0 {
        return Err(odd());
    }
    let scale = u32::try_from(stage)
        .ok()
        .and_then(|stage| 1_usize.checked_shl(stage))
        .and_then(|stride| stride.checked_mul(patch)?.checked_mul(window))
        .ok_or_else(odd)?;
    let [Some(height), Some(width)] = [windows / across, across].map(|n| n.checked_mul(scale))
    else {
        return Err(odd());
    };
    Ok([height, width])
}

/// Microsoft and Hugging Face shift no window of a stage whose map is as short as the window on
/// one side; this library shifts along the longer side.
fn refuse_half_shifted(config: &SwinConfig) -> Result<()> {
    for stage in 0..config.depths.len() {
        let shift = config.windows(stage, 1).shift;
        if config.depths[stage] > 1 && (shift[0] == 0) != (shift[1] == 0) {
            return Err(Error::Checkpoint(format!(
                "expected a map larger than the window of {} on both sides or on none, found {:?} in stage {stage}",
                config.window_size,
                config.map(stage)
            )));
        }
    }
    Ok(())
}
