//! Images changed at random while they are trained on, as timm does.

mod change;
#[cfg(test)]
mod tests;

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};

use crate::{Error, ImageShape, Pixels, Preprocessing, Result, picture};

/// How each image is changed, anew in each epoch.
///
/// In the order in which it is done: a random crop of the decoded image, resized to what the model takes; a mirror
/// image; brightness, contrast and saturation in a random order; a rectangle of noise. What an image becomes follows
/// from the seed, the epoch and its place alone, so that a run that goes on sees the same.
///
/// # Examples
///
/// ```
/// use intformer::data::Augmentation;
///
/// let usual = Augmentation::timm();
/// assert_eq!((usual.flip, usual.color_jitter), (0.5, 0.4));
/// usual.validate()?;
///
/// let none = Augmentation::default();
/// assert!(none.is_none());
/// let wrong = Augmentation { flip: 1.5, ..none };
/// assert!(wrong.validate().unwrap_err().to_string().contains("expected a share of images to flip"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// A random crop; without one, the model's own resize.
    pub crop: Option<RandomCrop>,
    /// Share of the images that are mirrored left to right.
    pub flip: f64,
    /// Largest change of brightness, contrast and (of colour images) saturation, each a factor from 1 - x to 1 + x.
    pub color_jitter: f64,
    /// Share of the images in which a rectangle is replaced by noise (random erasing, arXiv 1708.04896): 2 to 33 % of
    /// the area, normal around the mean of the data.
    pub erase: f64,
}

/// A crop of random area and aspect, resized to what the model takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Share of the area: least and most.
    pub scale: [f64; 2],
    /// Width over height: least and most.
    pub ratio: [f64; 2],
}

impl Default for RandomCrop {
    /// 8 % to all of the area, 3:4 to 4:3.
    fn default() -> Self {
        Self {
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
        }
    }
}

impl Augmentation {
    /// What timm's training script does by default: a random crop, half of the images mirrored, 0.4 of colour jitter.
    pub fn timm() -> Self {
        Self {
            crop: Some(RandomCrop::default()),
            flip: 0.5,
            color_jitter: 0.4,
            erase: 0.0,
        }
    }

    /// Whether nothing changes.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Checks that all values are possible.
    ///
    /// # Errors
    /// [`Error::Data`] with the first that is not.
    pub fn validate(&self) -> Result<()> {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let rising = |[low, high]: [f64; 2], most: f64| 0.0 < low && low <= high && high <= most;
        let crop = self.crop.unwrap_or_default();
        let rules = [
            ("a share of images to flip", share(self.flip)),
            ("a share of images to erase from", share(self.erase)),
            ("a colour jitter from 0 to 1", share(self.color_jitter)),
            (
                "a least and a most area above 0, up to 1",
                rising(crop.scale, 1.0),
            ),
            (
                "a least and a most aspect from 0.01 to 100",
                rising(crop.ratio, 100.0) && crop.ratio[0] >= 0.01,
            ),
        ];
        match rules.iter().find(|(_, holds)| !holds) {
            Some((rule, _)) => Err(Error::Data(format!("expected {rule}, found {self:?}"))),
            None => Ok(()),
        }
    }

    /// The decoded `image` as a model that takes images of `shape` is trained on it.
    ///
    /// # Errors
    /// As [`picture::prepare`](crate::picture::prepare), of an image that is decoded.
    pub(super) fn apply(
        &self,
        image: &Pixels,
        shape: &ImageShape,
        pre: &Preprocessing,
        [seed, epoch, index]: [u64; 3],
    ) -> Result<Pixels> {
        let random = &mut random([seed, epoch, index]);
        let mut pixels = match &self.crop {
            None => picture::fitted(image, shape, pre)?,
            Some(crop) => {
                let window = change::window(crop, [image.height, image.width], random);
                picture::squashed(&change::cut(image, window), shape, pre)?
            }
        };
        change::flip(&mut pixels, self.flip, random);
        change::jitter(&mut pixels, self.color_jitter, random);
        change::erase(&mut pixels, self.erase, pre, random);
        Ok(pixels)
    }
}

fn random(words: [u64; 3]) -> ChaCha8Rng {
    // Beside other streams of the same words.
    let mut bytes = *b"augment\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for (slot, word) in bytes.chunks_mut(8).skip(1).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}
