//! Float checkpoints of other libraries and of this one: reading and writing.
//!
//! Five dialects are read of a Swin: timm (since 0.9), Microsoft (and timm before 0.9), Hugging Face
//! transformers, torchvision and mmpretrain; two of a ViT, timm and Hugging Face transformers; each as safetensors or as a file of `torch.save`. The
//! format follows from the bytes, architecture and dialect from the tensor names under whatever prefix,
//! the configuration from the shapes and from `config.json` where there is one.
//!
//! ```
//! use std::fs;
//!
//! use intformer::{
//!     Resize, checkpoint,
//!     architecture::{SwinConfig, census},
//! };
//! use safetensors::{Dtype, tensor::TensorView};
//!
//! let config = SwinConfig {
//!     image_size: [16, 16],
//!     in_channels: 1,
//!     patch_size: 2,
//!     embed_dim: 8,
//!     depths: vec![1, 1],
//!     heads: vec![1, 2],
//!     window_size: 4,
//!     classes: 2,
//!     ..SwinConfig::tiny()
//! };
//! // A folder as timm saves a model: the tensors in one file (here zeros) ...
//! let tensors = census(&config)?.params;
//! let zeros = vec![0; 4 * 10_000];
//! let views = tensors.iter().map(|(name, shape)| {
//!     let bytes = &zeros[..4 * shape.iter().product::<usize>()];
//!     let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
//!     (name, view.expect("as many bytes as the shape asks for"))
//! });
//! let folder = tempfile::tempdir()?;
//! let file = safetensors::serialize(views, None)?;
//! fs::write(folder.path().join("model.safetensors"), file)?;
//! // ... and in another what they do not tell.
//! let description = r#"{
//!     "architecture": "swin_tiny_patch4_window7_224",
//!     "label_names": ["cat", "dog"],
//!     "pretrained_cfg": {
//!         "input_size": [1, 16, 16], "crop_pct": 0.9, "mean": [0.5], "std": [0.5]
//!     }
//! }"#;
//! fs::write(folder.path().join("config.json"), description)?;
//!
//! let model = checkpoint::load(folder.path())?;
//! assert_eq!(model.config, config.into());
//! assert_eq!(model.labels, ["cat", "dog"]);
//! let resize = Resize::CropFraction { crop: 0.9 };
//! assert_eq!(model.preprocessing.resize, resize);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod describe;
mod file;
#[cfg(feature = "hub")]
mod hub;
mod naming;
mod own;
mod source;

#[cfg(test)]
mod tests;

pub use own::save;

use std::path::Path;

use file::Tensors;

use crate::{
    Error, FloatModel, ImageShape, Preprocessing, Resize, Result, Tokenization,
    architecture::{
        InputShape,
        names::{self, Asked, Description},
    },
    graph::TokenLimits,
};

/// Which weights are read where a file has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weights {
    /// Averages over the training (EMA), which timm takes too.
    Ema,
    /// The weights of the last step.
    Raw,
}

/// What the caller knows better than the checkpoint.
///
/// # Examples
///
/// A model for larger images than it was trained on:
///
/// ```
/// use intformer::checkpoint::{self, LoadOptions};
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let options = LoadOptions {
///     image_size: Some([64, 64]),
///     window_size: Some(8),
///     ..LoadOptions::default()
/// };
/// let loaded = checkpoint::load_noting("models/glyphs-float.safetensors", &options)?;
/// assert_eq!(loaded.model.config.image()?.size(), [64, 64]);
///
/// // What was made up on the way is said.
/// let expected = "4 tables of position biases are interpolated to a window of 8";
/// assert_eq!(loaded.notes, [expected]);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOptions {
    /// Input height and width in pixels, in place of what the checkpoint says.
    pub image_size: Option<[usize; 2]>,
    /// The window, in place of the checkpoint's: position biases are interpolated as timm does.
    pub window_size: Option<usize>,
    /// Which weights are read where a file has both; the averaged ones by default.
    pub weights: Option<Weights>,
    /// Preprocessing, in place of what the checkpoint says.
    pub preprocessing: Option<Preprocessing>,
}

impl LoadOptions {
    /// What an architecture is told of them.
    fn asked(&self) -> Asked {
        Asked {
            image_size: self.image_size,
            window_size: self.window_size,
        }
    }
}

/// A float model, and what was noticed on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The model.
    pub model: FloatModel,
    /// What was taken for granted, chosen or left out, a sentence each.
    pub notes: Vec<String>,
}

/// Reads the float model at `source`: a file of safetensors or of `torch.save` whatever its name,
/// the index of one in several files, a folder with either and its `config.json`, or, with the
/// feature `hub`, the id `organisation/name` of a model on the Hugging Face hub.
///
/// Tensors of 16 and 64 bit floats become 32 bit. Code in a pickle is never run.
///
/// # Errors
/// If there is no such file or model, if it is malformed, or if its tensors, its `config.json`
/// and its architecture contradict each other.
pub fn load(source: impl AsRef<Path>) -> Result<FloatModel> {
    load_with(source, &LoadOptions::default())
}

/// [`load`] with `options`.
///
/// # Errors
/// As [`load`].
pub fn load_with(source: impl AsRef<Path>, options: &LoadOptions) -> Result<FloatModel> {
    load_noting(source, options).map(|loaded| loaded.model)
}

/// [`load_with`], and what was noticed.
///
/// # Errors
/// As [`load`].
pub fn load_noting(source: impl AsRef<Path>, options: &LoadOptions) -> Result<Loaded> {
    let files = source::find(source.as_ref())?;
    let tensors = Tensors::open(&files.weights)?;
    if let Some(name) = files
        .listed
        .iter()
        .find(|name| !tensors.all.contains_key(*name))
    {
        return Err(Error::Checkpoint(format!(
            "the tensor {name} is in the index and missing in its file"
        )));
    }
    // A file of this library says all there is to say.
    if tensors.own.is_some() {
        return own::assemble(tensors, options, Vec::new());
    }
    let mut notes = Vec::new();
    if let Some(beside) = source::unread(source.as_ref(), &files) {
        notes.push(format!(
            "{} is not read beside a file that is named: name the folder",
            beside.display()
        ));
    }
    let description = describe::read(&files, &mut notes)?;
    assemble(tensors, &description, options, notes)
}

/// Reads a float model from the `bytes` of one file, safetensors or a file of `torch.save`.
///
/// # Errors
/// As [`load`].
pub fn read_bytes(bytes: &[u8]) -> Result<FloatModel> {
    read_bytes_noting(bytes, &LoadOptions::default()).map(|loaded| loaded.model)
}

/// [`read_bytes`] with `options`, and what was noticed.
///
/// # Errors
/// As [`load`].
pub fn read_bytes_noting(bytes: &[u8], options: &LoadOptions) -> Result<Loaded> {
    let tensors = Tensors::parse(bytes)?;
    match tensors.own {
        Some(_) => own::assemble(tensors, options, Vec::new()),
        None => assemble(tensors, &Description::default(), options, Vec::new()),
    }
}

/// A model from tensors as a file names them and from what stands beside them.
fn assemble(
    mut tensors: Tensors,
    description: &Description,
    options: &LoadOptions,
    mut notes: Vec<String>,
) -> Result<Loaded> {
    let (named, renamed) = naming::canonical(&mut tensors, options, &mut notes)?;
    if let Some(keys) = &description.keys
        && keys.names.called != named.called
    {
        return Err(Error::Checkpoint(format!(
            "expected {} as config.json says, found {} in the tensors",
            keys.names.called, named.called
        )));
    }
    let asked = options.asked();
    let mut config = (named.configure)(&renamed, description, &asked, &mut notes)?;
    let mut params = renamed.params;
    names::adapt(&mut config, &mut params, &asked, &mut notes)?;
    let library = renamed.dialect.library;
    let preprocessing = match (&options.preprocessing, &description.preprocessing) {
        (Some(preprocessing), _) => preprocessing.clone(),
        (None, Some(preprocessing)) => resized(preprocessing, &config.image()?, &mut notes),
        (None, None) => match names::published(&config, library) {
            Some(published) => {
                notes.push(format!(
                    "nothing says how images are prepared: as for the models that {} published",
                    published.by
                ));
                published.preprocessing
            }
            None => Preprocessing::none(),
        },
    };
    let tokenization = match config.input() {
        InputShape::Text(limits) => tokenization(description, limits, &mut notes),
        InputShape::Image(_) => None,
    };
    let labels = description.class_names(config.classes(), &mut notes);
    let class_order = match labels.is_empty() {
        true => library.class_order(),
        false => None,
    };
    let model = FloatModel {
        config,
        params,
        preprocessing,
        tokenization,
        labels,
        class_order,
    };
    model.validate()?;
    Ok(Loaded { model, notes })
}

/// How texts become tokens of a model within `limits`.
fn tokenization(
    description: &Description,
    limits: TokenLimits,
    notes: &mut Vec<String>,
) -> Option<Tokenization> {
    let Some(found) = &description.tokenizer else {
        notes.push(
            "there is no tokenizer beside the model: it takes ids of tokens alone".to_owned(),
        );
        return None;
    };
    let positions = limits.positions as usize;
    let limit = found.limit.unwrap_or(positions).min(positions);
    notes.push(format!("texts are cut after {limit} tokens"));
    let json = found.json.clone();
    Some(Tokenization { json, limit })
}

/// `preprocessing` for images of another size: where they are made larger than its resize, the
/// resize grows with them.
fn resized(
    preprocessing: &Preprocessing,
    image: &ImageShape,
    notes: &mut Vec<String>,
) -> Preprocessing {
    let longer = image.height.max(image.width);
    match preprocessing.resize {
        Resize::ShorterSide { size } if size < longer => {
            notes.push(format!(
                "images are resized to {longer} pixels on the shorter side and not to {size}, as the \
                 model takes {longer}"
            ));
            Preprocessing {
                resize: Resize::ShorterSide { size: longer },
                ..preprocessing.clone()
            }
        }
        _ => preprocessing.clone(),
    }
}
