//! Float Swin checkpoints of other libraries and of this one: reading and writing.
//!
//! Three dialects are read: timm (since 0.9), Microsoft (and timm before 0.9), Hugging Face, each
//! as `.safetensors` or as a file of `torch.save`. The dialect follows from the tensor names, the
//! configuration from the shapes and from `config.json` where there is one.

mod describe;
mod dialect;
#[cfg(feature = "hub")]
mod hub;
mod infer;
mod own;
mod pickle;
mod raw;
mod safe;
mod source;

#[cfg(test)]
mod tests;

pub use own::save;

use std::path::Path;

use describe::Description;
use raw::Raw;

use crate::{FloatModel, Preprocessing, Result};

/// What the caller knows better than the checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOptions {
    /// Input height and width in pixels, in place of what the checkpoint says.
    pub image_size: Option<[usize; 2]>,
    /// Preprocessing, in place of what the checkpoint says.
    pub preprocessing: Option<Preprocessing>,
}

/// Reads the float model at `source`: a `.safetensors`, `.pth`, `.pt` or `.bin` file, a folder
/// with `model.safetensors` or `pytorch_model.bin` and their `config.json`, or, with the feature
/// `hub`, the id `organisation/name` of a model on the Hugging Face hub.
///
/// Tensors of 16 and 64 bit floats become 32 bit. Code in a pickle is never run.
///
/// # Errors
/// If there is no such file or model, if it is malformed, or if its tensors, its `config.json`
/// and a Swin V1 classifier contradict each other.
pub fn load(source: impl AsRef<Path>) -> Result<FloatModel> {
    load_with(source, &LoadOptions::default())
}

/// [`load`] with `options`.
///
/// # Errors
/// As [`load`].
pub fn load_with(source: impl AsRef<Path>, options: &LoadOptions) -> Result<FloatModel> {
    let files = source::find(source.as_ref())?;
    let raw = Raw::read(&files.weights)?;
    let description = Description::parse(
        files.config.as_deref(),
        files.preprocessor.as_deref(),
        options,
    )?;
    assemble(raw, &description, options)
}

/// Reads a float model from the `bytes` of one file; `name` decides by its ending whether they are
/// safetensors or a file of `torch.save`.
///
/// # Errors
/// As [`load`].
pub fn read_bytes(name: &str, bytes: &[u8]) -> Result<FloatModel> {
    let raw = Raw::parse(name, bytes)?;
    let options = LoadOptions::default();
    assemble(raw, &Description::default(), &options)
}

/// A model from tensors as a file names them and from what stands beside them.
fn assemble(raw: Raw, description: &Description, options: &LoadOptions) -> Result<FloatModel> {
    if let Some(header) = &raw.own {
        return own::assemble(header, raw.params, options);
    }
    let renamed = dialect::canonical(raw)?;
    let config = infer::config(&renamed, description, options)?;
    let preprocessing = match (&options.preprocessing, &description.preprocessing) {
        (Some(preprocessing), _) | (None, Some(preprocessing)) => preprocessing.clone(),
        (None, None) => renamed.dialect.preprocessing(&config),
    };
    let model = FloatModel {
        config,
        params: renamed.params,
        preprocessing,
        labels: description.labels.clone(),
        class_order: None,
    };
    model.validate()?;
    Ok(model)
}
