//! The configuration that the shapes of a checkpoint tell.

use super::VitConfig;
use crate::{
    Error, Params, Result,
    architecture::{
        Activation, PerBlock, VitPooling,
        names::{Asked, Description, Library, Renamed, agree, expected, extents, side},
    },
};

/// Channels of a head where nothing says how many heads there are, in models of these many channels: published ones
/// of other widths have other heads.
const USUAL_HEAD: usize = 64;
const USUAL: [usize; 8] = [192, 320, 384, 512, 640, 768, 896, 1024];

/// What a description says; shapes must agree.
#[derive(Default)]
struct Described {
    patch_size: Option<usize>,
    embed_dim: Option<usize>,
    depth: Option<usize>,
    heads: Option<usize>,
    hidden: Option<usize>,
    qkv_bias: Option<bool>,
    layer_norm_eps: Option<f64>,
    activation: Option<Activation>,
    /// Whether the mean of the patches answers.
    mean: Option<bool>,
}

/// What `description` says to a ViT.
fn read(description: &Description) -> Result<Described> {
    let Some(mut keys) = description.keys.clone() else {
        return Ok(Described::default());
    };
    if keys.library == Library::Timm {
        let mean = match keys.take::<String>("global_pool")?.as_deref() {
            None => None,
            Some("token") => Some(false),
            Some("avg") => Some(true),
            Some(other) => return Err(expected("a global_pool of token or avg", &other)),
        };
        let described = Described {
            patch_size: side(keys.take("patch_size")?, "patch")?,
            embed_dim: keys.take("embed_dim")?,
            depth: keys.take("depth")?,
            heads: keys.take("num_heads")?,
            qkv_bias: keys.take("qkv_bias")?,
            mean,
            ..Described::default()
        };
        // What the tensors show, or what is only for training.
        for known in [
            "mlp_ratio",
            "init_values",
            "reg_tokens",
            "class_token",
            "no_embed_class",
            "fc_norm",
            "final_norm",
            "distilled",
        ] {
            keys.map.remove(known);
        }
        return match keys.map.keys().next() {
            Some(other) => Err(expected("arguments of timm's ViT that are known", other)),
            None => Ok(described),
        };
    }
    Ok(Described {
        patch_size: side(keys.take("patch_size")?, "patch")?,
        embed_dim: keys.take("hidden_size")?,
        depth: keys.take("num_hidden_layers")?,
        heads: keys.take("num_attention_heads")?,
        hidden: keys.take("intermediate_size")?,
        qkv_bias: keys.take("qkv_bias")?,
        layer_norm_eps: keys.take("layer_norm_eps")?,
        activation: match keys.take::<String>("hidden_act")?.as_deref() {
            None => None,
            Some("gelu") => Some(Activation::Gelu),
            Some("relu") => Some(Activation::Relu),
            Some(other) => return Err(expected("a hidden_act of gelu or relu", &other)),
        },
        mean: None,
    })
}

/// The configuration of `renamed`, which `description` must agree with.
pub(super) fn configure(
    renamed: &Renamed,
    description: &Description,
    asked: &Asked,
    notes: &mut Vec<String>,
) -> Result<VitConfig> {
    let described = read(description)?;
    let params = &renamed.params;
    let [embed_dim, in_channels, patch_size, other] = extents(params, "patch_embed.proj.weight")?;
    if patch_size != other {
        return Err(Error::Checkpoint(format!(
            "expected square patches, found {patch_size}x{other}"
        )));
    }
    let classes = match params.find("head.weight") {
        Some(_) => extents::<2>(params, "head.weight")?[0],
        None => 0,
    };
    let block = |at: usize| params.find(&format!("blocks.{at}.norm1.weight")).is_some();
    let depth = (0..).take_while(|&at| block(at)).count();
    let [hidden, _] = extents(params, "blocks.0.mlp.fc1.weight")?;
    let prefix = match params.find("embed.prefix.weight") {
        Some(_) => extents::<2>(params, "embed.prefix.weight")?[0],
        None => 0,
    };
    let pooling = match (params.find("fc_norm.weight"), described.mean) {
        (Some(_), _) => VitPooling::Mean,
        (None, Some(true)) => VitPooling::MeanOfNormalized,
        // No token that could answer.
        (None, None) if renamed.dialect.anchor == "pos_embed" => VitPooling::MeanOfNormalized,
        (None, _) => VitPooling::First,
    };
    let qkv_bias = params.find("blocks.0.attn.qkv.bias").is_some();

    agree("input channels", &description.in_channels, &in_channels)?;
    agree("a patch size", &described.patch_size, &patch_size)?;
    agree("channels", &described.embed_dim, &embed_dim)?;
    agree("blocks", &described.depth, &depth)?;
    agree("hidden channels", &described.hidden, &hidden)?;
    agree("classes", &description.classes, &classes)?;
    let mean = pooling != VitPooling::First;
    agree(
        "an answer by the mean of the patches",
        &described.mean,
        &mean,
    )?;
    agree(
        "a bias of query, key and value",
        &described.qkv_bias,
        &qkv_bias,
    )?;

    let heads = match described.heads {
        Some(heads) => heads,
        None if !USUAL.contains(&embed_dim) => {
            return Err(Error::Checkpoint(format!(
                "expected a config.json that tells how many heads there are, found none beside {embed_dim} channels"
            )));
        }
        None => {
            notes.push(format!(
                "heads of {USUAL_HEAD} channels, as is usual, as nothing beside the tensors tells how many there are"
            ));
            embed_dim / USUAL_HEAD
        }
    };
    // The size that the positions are for; another that is asked for comes later.
    let image_size = match description.image_size {
        Some(size) => size,
        None => {
            let side = square(params, prefix)? * patch_size;
            if asked.image_size.is_none() {
                notes.push(format!(
                    "image size {side}x{side}, as many patches as there are positions (--image-size gives another)"
                ));
            }
            [side; 2]
        }
    };
    Ok(VitConfig {
        image_size,
        in_channels,
        patch_size,
        prefix,
        pooling,
        distilled: params.find("head_dist.weight").is_some(),
        embed_dim,
        depth,
        heads,
        hidden,
        classes,
        dense: false,
        patch_depth: None,
        qkv_bias,
        layer_norm_eps: described
            .layer_norm_eps
            .unwrap_or(match renamed.dialect.library {
                Library::Timm | Library::Torchvision => 1e-6,
                _ => 1e-12,
            }),
        activation: PerBlock::All(described.activation.unwrap_or(Activation::Gelu)),
        fc1_bias: PerBlock::All(params.find("blocks.0.mlp.fc1.bias").is_some()),
        widths: None,
    })
}

/// Patches on a side, by the number of positions: each patch has one, and perhaps some of the `prefix` tokens.
fn square(params: &Params, prefix: usize) -> Result<usize> {
    let [positions, _] = extents(params, "embed.position.weight")?;
    let side = |tokens: usize| {
        let patches = positions.checked_sub(tokens)?;
        let side = patches.isqrt();
        (side > 0 && side * side == patches).then_some(side)
    };
    [1, 0, prefix].into_iter().find_map(side).ok_or_else(|| {
        Error::Checkpoint(format!(
            "expected a config.json or positions of a square of patches, found {positions} positions"
        ))
    })
}
