//! How like the calibration images an image is, told from its pixels and its logits: integers alone, so the same
//! everywhere.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The least difference between the lightest and the darkest value of a channel in an image that is not of one colour.
///
/// Compression leaves a few steps of noise in a plain surface.
pub const LEAST_SPREAD: u8 = 16;

/// The fewest calibration images from which percentiles follow.
pub const LEAST_IMAGES: usize = 100;

/// The largest logits that a model gave to its calibration images.
///
/// The largest logit tells images like those of the training from others (MaxLogit, arXiv 1911.11132).
///
/// # Examples
///
/// ```
/// use intformer::plan::Typical;
///
/// // From 201 images whose largest logits are 1000, 1001, ... 1200.
/// let typical = Typical::new((1000..=1200).collect()).expect("100 images or more");
/// assert_eq!(typical.percentiles().len(), 101);
/// assert_eq!(typical.percentiles()[50], 1100);
///
/// assert_eq!(Typical::new(vec![1000; 99]), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Typical(Vec<i32>);

/// What there is to say of an image beside its classes.
///
/// # Examples
///
/// ```
/// use intformer::plan::{Hint, Look, Typical};
///
/// // The model's file has this as `IntModel::typical`.
/// let typical = Typical::new((1000..=1200).collect());
/// let look = |pixels: &[u8], logits: &[i32]| Look::of(pixels, 1, logits, typical.as_ref());
///
/// let usual = look(&[0, 90, 200, 255], &[1150, -300, 20]);
/// assert_eq!((usual.spread, usual.typicality), (255, Some(75)));
/// assert_eq!(usual.hint(), None);
///
/// // All classes are unlikely: the picture may be of none of them.
/// let strange = look(&[0, 90, 200, 255], &[310, 290, 305]);
/// assert_eq!(strange.hint(), Some(Hint::Unlike));
///
/// // Whatever the logits say, there is nothing to see here.
/// let plain = look(&[90, 90, 91, 90], &[1150, -300, 20]);
/// assert_eq!(plain.hint(), Some(Hint::Uniform));
/// println!("{}", Hint::Uniform.sentence());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The largest difference between the lightest and the darkest value within a channel, 0 to 255.
    pub spread: u8,
    /// How many percent of the calibration images had a largest logit of at most this image's, 0 to 100; `None` if the
    /// model's file does not say.
    pub typicality: Option<u8>,
}

/// Why an answer is not to be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The image is of one colour.
    Uniform,
    /// The model is less sure of it than of 99 of 100 calibration images.
    Unlike,
}

impl Typical {
    /// From the largest logit of each calibration image, in any order; `None` of fewer than [`LEAST_IMAGES`].
    pub fn new(mut largest: Vec<i32>) -> Option<Self> {
        if largest.len() < LEAST_IMAGES {
            return None;
        }
        largest.sort_unstable();
        let last = largest.len() - 1;
        let at = |percent: usize| largest[percent * last / 100];
        Some(Self((0..=100).map(at).collect()))
    }

    /// The value at each percentile from 0 to 100.
    pub fn percentiles(&self) -> &[i32] {
        &self.0
    }

    /// # Errors
    /// [`Error::ModelFile`] if these are not 101 values in ascending order.
    pub(super) fn validate(&self) -> Result<()> {
        if self.0.len() == 101 && self.0.is_sorted() {
            return Ok(());
        }
        Err(Error::ModelFile(
            "expected the largest logits of calibration at 101 percentiles in ascending order"
                .to_owned(),
        ))
    }

    /// How many of the percentiles 1 to 100 a largest logit reaches.
    fn rank(&self, largest: i32) -> u8 {
        let reached = self.0.partition_point(|&value| value <= largest);
        reached.saturating_sub(1).min(100) as u8
    }
}

impl Look {
    /// Looks at an image as the model takes it, `channels` bytes for each pixel, and at its logits.
    pub fn of(pixels: &[u8], channels: usize, logits: &[i32], typical: Option<&Typical>) -> Self {
        let spread = (0..channels)
            .map(|channel| {
                let values = || pixels.iter().skip(channel).step_by(channels);
                let least = values().min().unwrap_or(&0);
                values().max().unwrap_or(&0) - least
            })
            .max();
        let largest = logits.iter().max();
        Self {
            spread: spread.unwrap_or(0),
            typicality: typical
                .zip(largest)
                .map(|(typical, &largest)| typical.rank(largest)),
        }
    }

    /// Whether the answer is not to be relied on, and why.
    pub fn hint(&self) -> Option<Hint> {
        if self.spread < LEAST_SPREAD {
            return Some(Hint::Uniform);
        }
        (self.typicality == Some(0)).then_some(Hint::Unlike)
    }
}

impl Hint {
    /// The hint in a word, for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Unlike => "unlike",
        }
    }

    /// The hint in a sentence, for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Uniform => {
                "The picture is of one colour, or nearly: there is nothing in it to name."
            }
            Self::Unlike => {
                "The picture is unlike those that the model was made with: it may be none of what the model knows."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_follow_the_percentiles() {
        let typical = Typical::new((0..=1000).rev().collect()).expect("there are images");
        assert_eq!(typical.percentiles().len(), 101);
        let rank = |largest| {
            let logits = [-5, largest];
            Look::of(&[0, 255], 1, &logits, Some(&typical)).typicality
        };
        assert_eq!(rank(-1), Some(0));
        assert_eq!(rank(9), Some(0));
        assert_eq!(rank(10), Some(1));
        assert_eq!(rank(505), Some(50));
        assert_eq!(rank(i32::MAX), Some(100));
        assert_eq!(Typical::new(vec![7; LEAST_IMAGES - 1]), None);
        let one = Typical::new(vec![7; LEAST_IMAGES]).expect("there are images");
        assert_eq!((one.rank(6), one.rank(7)), (0, 100));
    }

    #[test]
    fn one_colour_is_told_by_channel() {
        let look = |pixels: &[u8]| Look::of(pixels, 3, &[1], None);
        let plain = look(&[10, 200, 90, 12, 201, 90]);
        assert_eq!((plain.spread, plain.hint()), (2, Some(Hint::Uniform)));
        let other = look(&[10, 200, 90, 26, 200, 90]);
        assert_eq!((other.spread, other.hint()), (16, None));
        assert_eq!(look(&[]).hint(), Some(Hint::Uniform));
    }

    #[test]
    fn damaged_percentiles_are_refused() {
        for bad in [vec![], vec![1; 100], (0..101).rev().collect()] {
            assert!(Typical(bad).validate().is_err());
        }
        assert!(Typical((0..101).collect()).validate().is_ok());
    }
}
