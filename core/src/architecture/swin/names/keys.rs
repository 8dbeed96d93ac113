//! What descriptions say of a Swin: the arguments of timm's model, the keys of Hugging Face's.

use serde::Deserialize;

use crate::{
    Error, Result,
    architecture::{
        Activation,
        names::{Description, Keys, Library, Size, expected, side},
    },
};

/// What a description says; shapes must agree.
#[derive(Default)]
pub(super) struct Described {
    pub patch_size: Option<usize>,
    pub embed_dim: Option<usize>,
    pub depths: Option<Vec<usize>>,
    pub heads: Option<Vec<usize>>,
    pub window_size: Option<usize>,
    pub mlp_ratio: Option<f64>,
    pub qkv_bias: Option<bool>,
    pub activation: Option<Activation>,
}

/// Arguments of timm's model that change what it computes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timm {
    patch_size: Option<Size>,
    embed_dim: Option<usize>,
    depths: Option<Vec<usize>>,
    num_heads: Option<Vec<usize>>,
    window_size: Option<Size>,
    mlp_ratio: Option<f64>,
    qkv_bias: Option<bool>,
    global_pool: Option<String>,
    always_partition: Option<bool>,
}

/// Keys of Hugging Face's `config.json`, which has others that change nothing.
#[derive(Deserialize)]
struct HuggingFace {
    patch_size: Option<Size>,
    embed_dim: Option<usize>,
    depths: Option<Vec<usize>>,
    num_heads: Option<Vec<usize>>,
    window_size: Option<Size>,
    mlp_ratio: Option<f64>,
    qkv_bias: Option<bool>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
}

/// What `description` says to a Swin.
pub(super) fn read(description: &Description) -> Result<Described> {
    match &description.keys {
        None => Ok(Described::default()),
        Some(keys) => match keys.library {
            Library::HuggingFace => hugging_face(keys),
            Library::Timm => timm(keys),
            other => Err(expected("a description of timm or Hugging Face", &other)),
        },
    }
}

fn timm(keys: &Keys) -> Result<Described> {
    let args: Timm = keys.read()?;
    match args.global_pool.as_deref() {
        None | Some("avg") => {}
        Some(other) => {
            return Err(Error::Checkpoint(format!(
                "expected a global_pool of avg, found {other}"
            )));
        }
    }
    if args.always_partition == Some(true) {
        return Err(expected(
            "windows that shrink to the map",
            &"always_partition",
        ));
    }
    Ok(Described {
        patch_size: side(args.patch_size, "patch")?,
        embed_dim: args.embed_dim,
        depths: args.depths,
        heads: args.num_heads,
        window_size: side(args.window_size, "window")?,
        mlp_ratio: args.mlp_ratio,
        qkv_bias: args.qkv_bias,
        activation: None,
    })
}

fn hugging_face(keys: &Keys) -> Result<Described> {
    let config: HuggingFace = keys.read()?;
    let activation = match config.hidden_act.as_deref() {
        None => None,
        Some("gelu") => Some(Activation::Gelu),
        Some("relu") => Some(Activation::Relu),
        Some(other) => return Err(expected("a hidden_act of gelu or relu", &other)),
    };
    // transformers takes 1e-5 in the patch embedding and merging, whatever this says.
    match config.layer_norm_eps {
        None | Some(1e-5) => {}
        Some(other) => return Err(expected("a layer_norm_eps of 1e-5", &other)),
    }
    Ok(Described {
        patch_size: side(config.patch_size, "patch")?,
        embed_dim: config.embed_dim,
        depths: config.depths,
        heads: config.num_heads,
        window_size: side(config.window_size, "window")?,
        mlp_ratio: config.mlp_ratio,
        qkv_bias: config.qkv_bias,
        activation,
    })
}
