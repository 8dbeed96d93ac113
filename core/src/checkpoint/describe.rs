//! `config.json` and `preprocessor_config.json` as timm and Hugging Face write them.

use std::{collections::BTreeMap, io::Read, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::LoadOptions;
use crate::{Error, Preprocessing, Resize, Result, model::Activation};

/// The largest description read: labels of a million classes fit.
const MAX_FILE: u64 = 64 << 20;

/// More channels than any model may have, to bound what a description makes.
const MAX_CHANNELS: usize = 1024;

/// PIL's number of the bicubic filter.
const BICUBIC: i64 = 3;

/// What files beside the tensors say of a model; shapes must agree.
#[derive(Default)]
pub(super) struct Description {
    pub(super) image_size: Option<[usize; 2]>,
    pub(super) in_channels: Option<usize>,
    pub(super) patch_size: Option<usize>,
    pub(super) embed_dim: Option<usize>,
    pub(super) depths: Option<Vec<usize>>,
    pub(super) heads: Option<Vec<usize>>,
    pub(super) window_size: Option<usize>,
    pub(super) mlp_ratio: Option<f64>,
    pub(super) classes: Option<usize>,
    pub(super) qkv_bias: Option<bool>,
    pub(super) activation: Option<Activation>,
    pub(super) preprocessing: Option<Preprocessing>,
    pub(super) labels: Vec<String>,
}

impl Description {
    /// Reads the description of a model and of its preprocessing, where there are some.
    pub(super) fn parse(
        config: Option<&Path>,
        preprocessor: Option<&Path>,
        options: &LoadOptions,
    ) -> Result<Self> {
        let Some(path) = config else {
            return Ok(Self::default());
        };
        let config: Value = json(path)?;
        let mut description = if config.get("architecture").is_some() {
            timm(typed(path, config)?, options)?
        } else if config.get("model_type").is_some() {
            hugging_face(typed(path, config)?)?
        } else {
            return Err(Error::Checkpoint(format!(
                "expected a model_type or an architecture in {}, found neither",
                path.display()
            )));
        };
        if let (Some(path), None) = (preprocessor, &options.preprocessing) {
            let processor: Processor = typed(path, json(path)?)?;
            description.processor(processor)?;
        }
        Ok(description)
    }

    fn processor(&mut self, processor: Processor) -> Result<()> {
        let Processor {
            do_resize,
            do_rescale,
            do_normalize,
            do_center_crop,
            ..
        } = processor;
        agree(
            "do_rescale",
            "true",
            &do_rescale.unwrap_or(true).to_string(),
        )?;
        let factor = processor.rescale_factor.unwrap_or(1.0 / 255.0);
        if (factor * 255.0 - 1.0).abs() > 1e-6 {
            return Err(expected("a rescale_factor of 1/255", &factor));
        }
        let crop = do_center_crop == Some(true);
        let (resize, input) = match (do_resize != Some(false), processor.size) {
            (false, _) if !crop => (Resize::Squash, None),
            (true, size) => {
                let filter = processor.resample.unwrap_or(BICUBIC);
                if filter != BICUBIC {
                    return Err(expected("bicubic resampling (3)", &filter));
                }
                let cropped = processor.crop_size.and_then(Size::both);
                match size {
                    Some(Size::Shortest { shortest_edge }) if crop && cropped.is_some() => {
                        let size = shortest_edge;
                        (Resize::ShorterSide { size }, cropped)
                    }
                    None => (Resize::Squash, None),
                    Some(size) if !crop => match size.both() {
                        Some(input) => (Resize::Squash, Some(input)),
                        None => return Err(expected("a height and a width", &size)),
                    },
                    Some(size) => return Err(expected("a shortest edge and a crop size", &size)),
                }
            }
            (false, _) => return Err(expected("a resize before the crop", &"none")),
        };
        if let Some(input) = input {
            let model = *self.image_size.get_or_insert(input);
            agree(
                "an input size",
                &format!("{model:?}"),
                &format!("{input:?}"),
            )?;
        }
        let channels = self.in_channels.unwrap_or(3).min(MAX_CHANNELS);
        let constant = |value, given: Option<Vec<f64>>, otherwise| match do_normalize {
            Some(false) => vec![value; channels],
            _ => given.unwrap_or_else(|| vec![otherwise; channels]),
        };
        self.preprocessing = Some(Preprocessing::new(
            resize,
            constant(0.0, processor.image_mean, 0.5),
            constant(1.0, processor.image_std, 0.5),
        ));
        Ok(())
    }
}

/// A number for both sides, or height and width.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Size {
    Side(usize),
    Pair([usize; 2]),
    Named { height: usize, width: usize },
    Shortest { shortest_edge: usize },
}

impl Size {
    fn both(self) -> Option<[usize; 2]> {
        match self {
            Self::Side(side) => Some([side; 2]),
            Self::Pair(pair) => Some(pair),
            Self::Named { height, width } => Some([height, width]),
            Self::Shortest { .. } => None,
        }
    }

    /// The side of a square.
    fn side(self, what: &str) -> Result<usize> {
        match self.both() {
            Some([height, width]) if height == width => Ok(height),
            _ => Err(expected(&format!("a square {what}"), &self)),
        }
    }
}

#[derive(Deserialize)]
struct Timm {
    architecture: String,
    num_classes: Option<usize>,
    global_pool: Option<String>,
    #[serde(default)]
    pretrained_cfg: TimmPretrained,
    #[serde(default)]
    model_args: TimmArguments,
    label_names: Option<Vec<String>>,
    label_descriptions: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct TimmPretrained {
    input_size: Option<[usize; 3]>,
    crop_pct: Option<f64>,
    crop_mode: Option<String>,
    interpolation: Option<String>,
    mean: Option<Vec<f64>>,
    std: Option<Vec<f64>>,
}

/// Arguments of timm's model other than those of training; others change the model and are refused.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimmArguments {
    img_size: Option<Size>,
    patch_size: Option<Size>,
    in_chans: Option<usize>,
    num_classes: Option<usize>,
    embed_dim: Option<usize>,
    depths: Option<Vec<usize>>,
    num_heads: Option<Vec<usize>>,
    window_size: Option<Size>,
    mlp_ratio: Option<f64>,
    qkv_bias: Option<bool>,
    global_pool: Option<String>,
    always_partition: Option<bool>,
    #[serde(rename = "strict_img_size")]
    _strict: Option<bool>,
    #[serde(rename = "dynamic_img_size")]
    _dynamic: Option<bool>,
    #[serde(rename = "drop_rate")]
    _drop: Option<f64>,
    #[serde(rename = "proj_drop_rate")]
    _projection_drop: Option<f64>,
    #[serde(rename = "attn_drop_rate")]
    _attention_drop: Option<f64>,
    #[serde(rename = "drop_path_rate")]
    _path_drop: Option<f64>,
}

fn timm(config: Timm, options: &LoadOptions) -> Result<Description> {
    let name = &config.architecture;
    if !name.starts_with("swin_") {
        return Err(expected(
            "an architecture of the Swin V1 family (swin_…)",
            name,
        ));
    }
    let (given, args) = (config.pretrained_cfg, config.model_args);
    for pool in [&config.global_pool, &args.global_pool]
        .into_iter()
        .flatten()
    {
        agree("a global_pool", "avg", pool)?;
    }
    if args.always_partition == Some(true) {
        return Err(expected(
            "windows that shrink to the map",
            &"always_partition",
        ));
    }
    let preprocessing = match options.preprocessing {
        Some(_) => None,
        None => timm_preprocessing(&given, args.in_chans)?,
    };
    let labels = config.label_names.unwrap_or_default();
    let described = config.label_descriptions.unwrap_or_default();
    let labels = labels
        .into_iter()
        .map(|label| described.get(&label).cloned().unwrap_or(label))
        .collect();
    let image_size = match args.img_size {
        Some(size) => Some(
            size.both()
                .ok_or_else(|| expected("an image size", &size))?,
        ),
        None => given.input_size.map(|[_, height, width]| [height, width]),
    };
    let side = |size: Option<Size>, what| size.map(|size| size.side(what)).transpose();
    Ok(Description {
        image_size,
        in_channels: args
            .in_chans
            .or(given.input_size.map(|[channels, ..]| channels)),
        patch_size: side(args.patch_size, "patch")?,
        embed_dim: args.embed_dim,
        depths: args.depths,
        heads: args.num_heads,
        window_size: side(args.window_size, "window")?,
        mlp_ratio: args.mlp_ratio,
        classes: args.num_classes.or(config.num_classes),
        qkv_bias: args.qkv_bias,
        activation: None,
        preprocessing,
        labels,
    })
}

fn timm_preprocessing(
    given: &TimmPretrained,
    channels: Option<usize>,
) -> Result<Option<Preprocessing>> {
    let (Some(mean), Some(std)) = (&given.mean, &given.std) else {
        return Ok(None);
    };
    agree(
        "an interpolation",
        "bicubic",
        given.interpolation.as_deref().unwrap_or("bicubic"),
    )?;
    let crop = given.crop_pct.unwrap_or(0.875);
    let resize = match given.crop_mode.as_deref().unwrap_or("center") {
        "center" => Resize::CropFraction { crop },
        "squash" if crop == 1.0 => Resize::Squash,
        other => {
            return Err(expected(
                "a crop_mode of center, or squash with crop_pct 1",
                &other,
            ));
        }
    };
    // timm repeats a single value for every channel.
    let repeat = |values: &[f64]| match (values, channels) {
        (&[value], Some(channels)) => vec![value; channels.min(MAX_CHANNELS)],
        _ => values.to_vec(),
    };
    Ok(Some(Preprocessing::new(resize, repeat(mean), repeat(std))))
}

#[derive(Deserialize)]
struct HuggingFace {
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
    id2label: Option<BTreeMap<String, String>>,
}

fn hugging_face(config: HuggingFace) -> Result<Description> {
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
    let labels = config
        .id2label
        .map(ordered)
        .transpose()?
        .unwrap_or_default();
    let side = |size: Option<Size>, what| size.map(|size| size.side(what)).transpose();
    Ok(Description {
        image_size: config.image_size.and_then(Size::both),
        in_channels: config.num_channels,
        patch_size: side(config.patch_size, "patch")?,
        embed_dim: config.embed_dim,
        depths: config.depths,
        heads: config.num_heads,
        window_size: side(config.window_size, "window")?,
        mlp_ratio: config.mlp_ratio,
        classes: None,
        qkv_bias: config.qkv_bias,
        activation,
        preprocessing: None,
        labels,
    })
}

/// Labels in the order of their numbers.
fn ordered(labels: BTreeMap<String, String>) -> Result<Vec<String>> {
    let mut ordered = vec![None; labels.len()];
    for (id, label) in labels {
        match id.parse().ok().and_then(|id: usize| ordered.get_mut(id)) {
            Some(place @ None) => *place = Some(label),
            _ => return Err(expected("labels numbered from 0", &id)),
        }
    }
    Ok(ordered.into_iter().flatten().collect())
}

#[derive(Deserialize)]
struct Processor {
    do_resize: Option<bool>,
    do_rescale: Option<bool>,
    do_normalize: Option<bool>,
    do_center_crop: Option<bool>,
    size: Option<Size>,
    crop_size: Option<Size>,
    resample: Option<i64>,
    rescale_factor: Option<f64>,
    image_mean: Option<Vec<f64>>,
    image_std: Option<Vec<f64>>,
}

fn json(path: &Path) -> Result<Value> {
    let file = std::fs::File::open(path).map_err(|error| Error::io(path, error))?;
    let mut text = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut text);
    read.map_err(|error| Error::io(path, error))?;
    if text.len() as u64 > MAX_FILE {
        return Err(expected(&format!("at most {MAX_FILE} bytes"), &path));
    }
    serde_json::from_slice(&text).map_err(|error| malformed(path, &error))
}

fn typed<T: DeserializeOwned>(path: &Path, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| malformed(path, &error))
}

fn malformed(path: &Path, error: &serde_json::Error) -> Error {
    let path = path.display();
    Error::Checkpoint(format!(
        "expected the JSON of a Swin in {path}, found: {error}"
    ))
}

fn expected(what: &str, found: &dyn std::fmt::Debug) -> Error {
    Error::Checkpoint(format!("expected {what}, found {found:?}"))
}

fn agree(what: &str, expected: &str, found: &str) -> Result<()> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::Checkpoint(format!(
            "expected {what} of {expected}, found {found}"
        ))),
    }
}
