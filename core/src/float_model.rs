//! A trained float model on the host: what import and training produce and the quantizer reads.

use serde::{Deserialize, Serialize};

use crate::{
    Params, Result,
    model::{SwinConfig, census},
};

/// Pixels that the shorter side may have after a resize.
const MAX_RESIZED: usize = 8192;

/// How an image file becomes the pixels of a model.
///
/// # Examples
///
/// As torchvision evaluates its Swin-T: the shorter side to 232 pixels by the bicubic filter, a centre
/// crop of 224, and ImageNet's mean and deviation.
///
/// ```
/// use intformer::{Decoding, Preprocessing, Resize, model::SwinConfig};
///
/// let preprocessing = Preprocessing {
///     decoding: Decoding::Torchvision,
///     ..Preprocessing::imagenet(3, Resize::ShorterSide { size: 232 })
/// };
/// preprocessing.validate(&SwinConfig::tiny())?;
///
/// // A crop cannot be larger than what it is cut from.
/// let larger = SwinConfig {
///     image_size: [256, 256],
///     ..SwinConfig::tiny()
/// };
/// let error = preprocessing.validate(&larger).unwrap_err().to_string();
/// assert!(error.contains("expected a resize of the shorter side to 256"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Resize and crop.
    pub resize: Resize,
    /// The filter of the resize.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter: Filter,
    /// What becomes of orientation, transparency and deep pixels.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decoding: Decoding,
    /// Mean of each channel, of values in 0..1.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel, of values in 0..1.
    pub std: Vec<f64>,
}

/// The filters of a resize, as Pillow has them; all but the nearest are antialiased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// The mean of a box.
    Box,
    /// A triangle.
    Bilinear,
    /// A Hamming window of a sinc.
    Hamming,
    /// Keys 1981 with a = -0.5.
    #[default]
    Bicubic,
    /// A Lanczos window of a sinc, three lobes.
    Lanczos,
}

/// How the pixels of an image file are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decoding {
    /// As people see them: turned upright by EXIF, transparency over white, 16 bits rounded to 8.
    #[default]
    Seen,
    /// As Pillow's `convert("RGB")` and so torchvision's `ImageFolder` take them: as stored,
    /// transparency dropped.
    Torchvision,
}

/// The order in which a trainer numbers the folders of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClassOrder {
    /// By the bytes of their names: 0, 1, 10, 2 (torchvision, Microsoft).
    String,
    /// Runs of digits by their number: 0, 1, 2, 10 (timm).
    Natural,
}

/// Whether a field needs no place in a file.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The resize rules in use for Swin checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Resize {
    /// Shorter side to `size` pixels, then a centre crop of the model's input (Microsoft 256,
    /// torchvision 232, 246 and 238).
    ShorterSide {
        /// Pixels of the shorter side after the resize.
        size: usize,
    },
    /// Shorter side to floor(input / `crop`), then a centre crop of the model's input (timm).
    CropFraction {
        /// Share of the resized image that the crop keeps.
        crop: f64,
    },
    /// Both sides to the model's input, whatever the aspect (Hugging Face).
    Squash,
}

impl Preprocessing {
    /// `resize` by the bicubic filter, then `mean` and deviation `std` of each channel.
    pub fn new(resize: Resize, mean: Vec<f64>, std: Vec<f64>) -> Self {
        Self {
            resize,
            filter: Filter::default(),
            decoding: Decoding::default(),
            mean,
            std,
        }
    }

    /// ImageNet's mean and deviation with `resize`; for one channel, the means of the three.
    pub fn imagenet(channels: usize, resize: Resize) -> Self {
        let (mean, std) = match channels {
            3 => (vec![0.485, 0.456, 0.406], vec![0.229, 0.224, 0.225]),
            _ => (vec![0.449; channels], vec![0.226; channels]),
        };
        Self::new(resize, mean, std)
    }

    /// Checks that a model of `config` can take images by this rule: a mean and a deviation for
    /// each channel, and a resize whose crop lies inside the image.
    ///
    /// # Errors
    /// [`Config`](crate::Error::Config) with the first value that does not fit.
    pub fn validate(&self, config: &SwinConfig) -> Result<()> {
        use crate::Error::Config;
        let Self {
            resize, mean, std, ..
        } = self;
        let channels = config.in_channels;
        if mean.len() != channels || std.len() != channels {
            return Err(Config(format!(
                "expected a mean and a deviation for each of {channels} channels, found {} and {}",
                mean.len(),
                std.len()
            )));
        }
        if mean.iter().any(|m| !m.is_finite()) || std.iter().any(|s| !(s.is_finite() && *s > 0.0)) {
            return Err(Config(format!(
                "expected finite means and positive deviations, found {mean:?} and {std:?}"
            )));
        }
        let longer = config.image_size[0].max(config.image_size[1]);
        match *resize {
            Resize::ShorterSide { size } if !(longer..=MAX_RESIZED).contains(&size) => {
                Err(Config(format!(
                    "expected a resize of the shorter side to {longer} to {MAX_RESIZED} pixels, found {size}"
                )))
            }
            Resize::CropFraction { crop } if !(crop > 0.1 && crop <= 1.0) => Err(Config(format!(
                "expected a crop above 0.1 and at most 1, found {crop}"
            ))),
            _ => Ok(()),
        }
    }
}

/// A float Swin with all that is needed to run it on an image file.
///
/// `checkpoint::load` reads one and `float::train` makes one; its parts may also come from elsewhere.
///
/// # Examples
///
/// ```
/// use intformer::{
///     FloatModel, HostTensor, Params, Preprocessing, Resize,
///     model::{SwinConfig, census},
/// };
///
/// let config = SwinConfig {
///     image_size: [8, 8],
///     in_channels: 1,
///     embed_dim: 8,
///     depths: vec![1],
///     heads: vec![1],
///     window_size: 2,
///     classes: 2,
///     ..SwinConfig::tiny()
/// };
/// // The census says which tensors there are; these are all of zeros.
/// let tensors = census(&config)?.params.into_iter().map(|(name, shape)| {
///     let count = shape.iter().product();
///     (name, HostTensor::new(shape, vec![0.0; count]))
/// });
/// let mut model = FloatModel {
///     params: Params(tensors.collect()),
///     preprocessing: Preprocessing::new(Resize::Squash, vec![0.5], vec![0.5]),
///     labels: vec!["cat".into(), "dog".into()],
///     class_order: None,
///     config,
/// };
/// model.validate()?;
///
/// model.labels.push("fox".into());
/// let error = model.validate().unwrap_err().to_string();
/// assert_eq!(error, "checkpoint: expected 2 class names, found 3");
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FloatModel {
    /// Hyper-parameters.
    pub config: SwinConfig,
    /// Parameters by canonical name.
    pub params: Params,
    /// From image file to pixels.
    pub preprocessing: Preprocessing,
    /// Names of the classes; as many as `config.classes`, or none.
    pub labels: Vec<String>,
    /// How the trainer numbers folders of classes, if that is known and there are no labels.
    pub class_order: Option<ClassOrder>,
}

impl FloatModel {
    /// Checks configuration, parameters, preprocessing and labels against each other.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn validate(&self) -> Result<()> {
        use crate::Error::Checkpoint;
        self.params.check(&census(&self.config)?.params)?;
        self.preprocessing.validate(&self.config)?;
        let classes = self.config.classes;
        if !self.labels.is_empty() && self.labels.len() != classes {
            return Err(Checkpoint(format!(
                "expected {classes} class names, found {}",
                self.labels.len()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preprocessing_must_fit_the_model() {
        let config = SwinConfig {
            image_size: [224, 448],
            ..SwinConfig::tiny()
        };
        let check = |resize| Preprocessing::imagenet(3, resize).validate(&config);
        for size in [448, 8192] {
            check(Resize::ShorterSide { size }).unwrap();
        }
        for size in [0, 447, 8193, usize::MAX] {
            check(Resize::ShorterSide { size }).unwrap_err();
        }
        for crop in [0.11, 1.0] {
            check(Resize::CropFraction { crop }).unwrap();
        }
        for crop in [f64::NAN, f64::NEG_INFINITY, 0.1, 1.01] {
            check(Resize::CropFraction { crop }).unwrap_err();
        }

        let good = Preprocessing::imagenet(3, Resize::Squash);
        good.validate(&config).unwrap();
        let spoilt: [fn(&mut Preprocessing); 5] = [
            |p| p.mean.truncate(2),
            |p| p.std.push(1.0),
            |p| p.mean[1] = f64::NAN,
            |p| p.std[2] = 0.0,
            |p| p.std[0] = f64::INFINITY,
        ];
        for spoil in spoilt {
            let mut bad = good.clone();
            spoil(&mut bad);
            bad.validate(&config).unwrap_err();
        }
    }
}
