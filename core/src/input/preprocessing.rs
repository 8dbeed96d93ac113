//! How an image file becomes the pixels of a model.

use serde::{Deserialize, Serialize};

use super::{ImageShape, is_default};
use crate::{Error, Result};

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
/// use intformer::{Decoding, ImageShape, Preprocessing, Resize};
///
/// let preprocessing = Preprocessing {
///     decoding: Decoding::Torchvision,
///     ..Preprocessing::imagenet(3, Resize::ShorterSide { size: 232 })
/// };
/// preprocessing.validate(&ImageShape::new(224, 224, 3))?;
///
/// // A crop cannot be larger than what it is cut from.
/// let larger = ImageShape::new(256, 256, 3);
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

/// The resize rules in use for checkpoints.
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

    /// That of a model that takes no images: of no channels.
    pub fn none() -> Self {
        Self::new(Resize::Squash, Vec::new(), Vec::new())
    }

    /// Whether it is that of a model that takes no images.
    pub fn is_none(&self) -> bool {
        *self == Self::none()
    }

    /// Checks that images of `shape` can be made by this rule: a mean and a deviation for
    /// each channel, and a resize whose crop lies inside the image.
    ///
    /// # Errors
    /// [`Error::Config`] with the first value that does not fit, or as [`ImageShape::validate`].
    pub fn validate(&self, shape: &ImageShape) -> Result<()> {
        use Error::Config;
        let Self {
            resize, mean, std, ..
        } = self;
        shape.validate()?;
        let channels = shape.channels;
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
        let longer = shape.height.max(shape.width);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preprocessing_must_fit_the_model() {
        let shape = ImageShape::new(224, 448, 3);
        let check = |resize| Preprocessing::imagenet(3, resize).validate(&shape);
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
        good.validate(&shape).unwrap();
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
            bad.validate(&shape).unwrap_err();
        }
    }
}
