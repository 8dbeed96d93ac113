//! Hugging Face's `config.json` of a Swin.

use serde::Deserialize;
use serde_json::Value;

use super::{Description, Size, agree, expected, labels, side};
use crate::{Result, model::Activation};

#[derive(Deserialize)]
pub(super) struct Config {
    model_type: String,
    image_size: Option<Size>,
    patch_size: Option<Size>,
    num_channels: Option<usize>,
    embed_dim: Option<usize>,
    depths: Option<Vec<usize>>,
    num_heads: Option<Vec<usize>>,
    window_size: Option<Size>,
    mlp_ratio: Option<f64>,
    qkv_bias: Option<bool>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
    id2label: Option<Value>,
}

/// What `config` says. How many classes there are is left to the tensors: transformers takes
/// `num_labels` where `id2label` has more or fewer names.
pub(super) fn describe(config: Config) -> Result<Description> {
    agree("a model_type", "swin", &config.model_type)?;
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
    Ok(Description {
        image_size: config.image_size.and_then(Size::both),
        in_channels: config.num_channels,
        patch_size: side(config.patch_size, "patch")?,
        embed_dim: config.embed_dim,
        depths: config.depths,
        heads: config.num_heads,
        window_size: side(config.window_size, "window")?,
        mlp_ratio: config.mlp_ratio,
        qkv_bias: config.qkv_bias,
        activation,
        labels: labels(config.id2label)?,
        ..Description::default()
    })
}
