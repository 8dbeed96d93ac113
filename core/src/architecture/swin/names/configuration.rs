//! The configuration that the shapes of a checkpoint tell.

use super::{SwinConfig, keys, size, windowing};
use crate::{
    Error, Params, Result,
    architecture::{
        Activation, PerBlock,
        names::{Asked, Description, Renamed, agree, extents},
    },
};

/// The configuration of `renamed`, which `description` must agree with.
pub(super) fn configure(
    renamed: &Renamed,
    description: &Description,
    asked: &Asked,
    notes: &mut Vec<String>,
) -> Result<SwinConfig> {
    let described = keys::read(description)?;
    let params = &renamed.params;
    let [embed_dim, in_channels, patch_size, other] = extents(params, "patch_embed.proj.weight")?;
    if patch_size != other {
        return Err(Error::Checkpoint(format!(
            "expected square patches, found {patch_size}x{other}"
        )));
    }
    // Without a classifier the pooled features are the answer.
    let classes = match params.find("head.fc.weight") {
        Some(_) => extents::<2>(params, "head.fc.weight")?[0],
        None => 0,
    };
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
    agree("a patch size", &described.patch_size, &patch_size)?;
    agree("an embedding", &described.embed_dim, &embed_dim)?;
    agree("depths", &described.depths, &depths)?;
    agree("heads", &described.heads, &heads)?;
    agree("classes", &description.classes, &classes)?;
    agree(
        "a bias of query, key and value",
        &described.qkv_bias,
        &qkv_bias,
    )?;

    let window_size = size::window(&tables, described.window_size)?;
    let config = |image_size, window_size| SwinConfig {
        image_size,
        in_channels,
        patch_size,
        embed_dim,
        depths: depths.clone(),
        heads: heads.clone(),
        window_size,
        mlp_ratio: described.mlp_ratio.unwrap_or_else(|| ratio(&hidden)),
        classes,
        dense: false,
        qkv_bias,
        layer_norm_eps: 1e-5,
        windowing: windowing(renamed.dialect.library),
        widths: None,
        activation: PerBlock::All(described.activation.unwrap_or(Activation::Gelu)),
        fc1_bias: PerBlock::All(true),
    };
    let known = size::Known {
        tables: &tables,
        window_size,
        patch_size,
        mask: size::mask(renamed),
    };
    let image_size = match asked.image_size {
        Some(size) => size,
        None => known.image_size(description, |size| config(size, window_size), notes)?,
    };
    Ok(config(image_size, window_size))
}

/// Blocks of stage `stage`, if there is such a stage.
fn depth(params: &Params, stage: usize) -> Option<usize> {
    let known = |block: &usize| {
        let name = format!("layers.{stage}.blocks.{block}.norm1.weight");
        params.find(&name).is_some()
    };
    Some((0..).take_while(known).count()).filter(|&depth| depth > 0)
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
