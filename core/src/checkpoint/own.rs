//! The float model file of this library: safetensors, its description in the metadata.

use std::{collections::HashMap, path::Path};

use safetensors::{Dtype, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{LoadOptions, Loaded, file::Tensors};
use crate::{
    ClassOrder, Error, FloatModel, Preprocessing, Result, Tokenization,
    architecture::{Config, InputShape, names},
};

/// The metadata key of the description.
pub(super) const KEY: &str = "intformer.float";

/// The tensor that is a tokenizer's JSON.
const TOKENIZER: &str = "tokenizer.json";

/// 1: models of Swin; 2: other architectures. The lowest that can say it is written.
const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    config: Config,
    #[serde(
        default = "Preprocessing::none",
        skip_serializing_if = "Preprocessing::is_none"
    )]
    preprocessing: Preprocessing,
    /// Tokens that a text may have, where the tensor [`TOKENIZER`] makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<usize>,
    labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class_order: Option<ClassOrder>,
}

/// A version may change any other key, so it is read first.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Writes `model` to `path` as one `.safetensors` file with canonical tensor names (timm's), which [`load`]
/// reads without a `config.json`. An existing file is replaced only once all is written.
///
/// # Errors
/// If `model` is not valid, if `path` does not end in `.safetensors`, or if it cannot be written.
///
/// # Examples
///
/// ```
/// use intformer::{architecture::SwinConfig, checkpoint, quant::float_model};
///
/// # let config = SwinConfig {
/// #     image_size: [8, 8],
/// #     embed_dim: 8,
/// #     depths: vec![1],
/// #     heads: vec![1],
/// #     window_size: 2,
/// #     classes: 2,
/// #     ..SwinConfig::tiny()
/// # };
/// let mut model = float_model(&config, 0)?;
/// model.labels = vec!["cat".into(), "dog".into()];
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("pets.safetensors");
/// checkpoint::save(&model, &path)?;
/// assert_eq!(checkpoint::load(&path)?, model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`load`]: super::load
pub fn save(model: &FloatModel, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    if path
        .extension()
        .is_none_or(|ending| ending != "safetensors")
    {
        return Err(Error::Checkpoint(format!(
            "expected a file that ends in .safetensors, found {}",
            path.display()
        )));
    }
    model.validate()?;
    let header = Header {
        version: model.config.float_version(),
        config: model.config.clone(),
        preprocessing: model.preprocessing.clone(),
        tokens: model.tokenization.as_ref().map(|found| found.limit),
        labels: model.labels.clone(),
        class_order: model.class_order,
    };
    let unwritable = |sentence: String| Error::Checkpoint(format!("cannot be written: {sentence}"));
    let header = serde_json::to_string(&header).map_err(|error| unwritable(error.to_string()))?;

    let bytes: Vec<_> = model
        .params
        .0
        .values()
        .map(|tensor| {
            tensor
                .data
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect::<Vec<u8>>()
        })
        .collect();
    let mut views = Vec::new();
    for ((name, tensor), bytes) in model.params.0.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)
            .map_err(|error| unwritable(error.to_string()))?;
        views.push((name.as_str(), view));
    }
    if let Some(Tokenization { json, .. }) = &model.tokenization {
        let view = TensorView::new(Dtype::U8, vec![json.len()], json)
            .map_err(|error| unwritable(error.to_string()))?;
        views.push((TOKENIZER, view));
    }
    let metadata = HashMap::from([(KEY.to_owned(), header)]);
    let file = safetensors::serialize(views, Some(metadata))
        .map_err(|error| unwritable(error.to_string()))?;

    crate::file::replace(path, &file)
}

/// The model of a file of this library.
pub(super) fn assemble(
    mut tensors: Tensors,
    options: &LoadOptions,
    mut notes: Vec<String>,
) -> Result<Loaded> {
    let malformed = |error: serde_json::Error| {
        Error::Checkpoint(format!(
            "expected a description under {KEY}, found: {error}"
        ))
    };
    let header = tensors.own.take().unwrap_or_default();
    let Version { version } = serde_json::from_str(&header).map_err(malformed)?;
    if !(1..=VERSION).contains(&version) {
        return Err(Error::Checkpoint(format!(
            "expected a float model of a version from 1 to {VERSION}, found version {version}"
        )));
    }
    let header: Header = serde_json::from_str(&header).map_err(malformed)?;
    let tokenization = header.tokens.map(|limit| {
        let json = tensors.bytes(TOKENIZER)?;
        Ok::<_, Error>(Tokenization { json, limit })
    });
    if tokenization.is_none() && tensors.all.contains_key(TOKENIZER) {
        return Err(Error::Checkpoint(format!(
            "expected a limit of tokens beside {TOKENIZER}, found none"
        )));
    }
    let names = tensors.all.keys().filter(|name| *name != TOKENIZER);
    let names: Vec<_> = names.cloned().collect();
    let names = names.iter().map(String::as_str).collect();
    let mut model = FloatModel {
        config: header.config,
        params: tensors.read(&names)?,
        preprocessing: header.preprocessing,
        tokenization: tokenization.transpose()?,
        labels: header.labels,
        class_order: header.class_order,
    };
    if options.image_size.is_some() || options.window_size.is_some() {
        let (config, params) = (&mut model.config, &mut model.params);
        names::adapt(config, params, &options.asked(), &mut notes)?;
    }
    match (&options.preprocessing, model.config.input()) {
        (Some(preprocessing), _) => model.preprocessing = preprocessing.clone(),
        (None, InputShape::Image(image)) => {
            model.preprocessing = super::resized(&model.preprocessing, &image, &mut notes);
        }
        (None, InputShape::Text(_)) => {}
    }
    model.validate()?;
    Ok(Loaded { model, notes })
}
