//! What descriptions say of a Swin: the arguments of timm's model, the keys of Hugging Face's.

use crate::{
    Error, Result,
    architecture::{
        Activation,
        names::{Description, Keys, Library, expected, side},
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

/// What `description` says to a Swin: timm and Hugging Face call the same so.
pub(super) fn read(description: &Description) -> Result<Described> {
    let Some(mut keys) = description.keys.clone() else {
        return Ok(Described::default());
    };
    let described = Described {
        patch_size: side(keys.take("patch_size")?, "patch")?,
        embed_dim: keys.take("embed_dim")?,
        depths: keys.take("depths")?,
        heads: keys.take("num_heads")?,
        window_size: side(keys.take("window_size")?, "window")?,
        mlp_ratio: keys.take("mlp_ratio")?,
        qkv_bias: keys.take("qkv_bias")?,
        activation: None,
    };
    match keys.library {
        Library::HuggingFace => Ok(Described {
            activation: hugging_face(&mut keys)?,
            ..described
        }),
        Library::Timm => timm(&mut keys).map(|()| described),
        other => Err(expected("a description of timm or Hugging Face", &other)),
    }
}

/// Checks what else timm's model is given: all of it changes what it computes.
fn timm(keys: &mut Keys) -> Result<()> {
    let refuse = |what: &str, found: &str| {
        let sentence = format!("expected {what}, found {found}");
        Err(Error::Checkpoint(sentence))
    };
    match keys.take::<String>("global_pool")?.as_deref() {
        None | Some("avg") => {}
        Some(other) => return refuse("a global_pool of avg", other),
    }
    if keys.take("always_partition")? == Some(true) {
        return refuse("windows that shrink to the map", "always_partition");
    }
    match keys.map.keys().next() {
        Some(other) => refuse("arguments of timm's Swin that are known", other),
        None => Ok(()),
    }
}

/// The activation; what else Hugging Face's model is told changes nothing, or is checked.
fn hugging_face(keys: &mut Keys) -> Result<Option<Activation>> {
    // transformers takes 1e-5 in the patch embedding and merging, whatever this says.
    match keys.take::<f64>("layer_norm_eps")? {
        None | Some(1e-5) => {}
        Some(other) => return Err(expected("a layer_norm_eps of 1e-5", &other)),
    }
    match keys.take::<String>("hidden_act")?.as_deref() {
        None => Ok(None),
        Some("gelu") => Ok(Some(Activation::Gelu)),
        Some("relu") => Ok(Some(Activation::Relu)),
        Some(other) => Err(expected("a hidden_act of gelu or relu", &other)),
    }
}
