//! How images are changed while they are trained on.

use clap::Args;
use intformer::data::{Augmentation, RandomCrop};

/// Random changes of images, by the names that timm gives them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Augmentation of image folders")]
pub struct AugmentArguments {
    /// What timm does by default: --scale 0.08,1 --ratio 0.75,1.3333 --hflip 0.5 --color-jitter 0.4; options beside it
    /// change a part.
    #[arg(long, conflicts_with = "glyphs")]
    augment: bool,
    /// A random crop of the decoded image: least and most of its area.
    #[arg(long, value_name = "MIN,MAX", value_parser = pair, conflicts_with = "glyphs")]
    scale: Option<[f64; 2]>,
    /// The crop's width over height: least and most.
    #[arg(long, value_name = "MIN,MAX", value_parser = pair, conflicts_with = "glyphs")]
    ratio: Option<[f64; 2]>,
    /// Share of the images that are mirrored left to right.
    #[arg(long, value_name = "SHARE", conflicts_with = "glyphs")]
    hflip: Option<f64>,
    /// Largest change of brightness, contrast and saturation.
    #[arg(long, value_name = "X", conflicts_with = "glyphs")]
    color_jitter: Option<f64>,
    /// Share of the images in which a rectangle becomes noise (random erasing).
    #[arg(long, value_name = "SHARE", conflicts_with = "glyphs")]
    reprob: Option<f64>,
}

/// Parses `0.08,1`.
fn pair(text: &str) -> Result<[f64; 2], String> {
    let numbers = text.split_once(',').and_then(|(low, high)| {
        let parse = |number: &str| number.trim().parse().ok();
        Some([parse(low)?, parse(high)?])
    });
    numbers.ok_or_else(|| format!("expected two numbers such as 0.08,1, found {text:?}"))
}

impl AugmentArguments {
    /// As the library takes it.
    pub fn augmentation(&self) -> Augmentation {
        let usual = match self.augment {
            true => Augmentation::timm(),
            false => Augmentation::default(),
        };
        let crop = match (self.scale, self.ratio) {
            (None, None) => usual.crop,
            (scale, ratio) => {
                let all = RandomCrop::default();
                Some(RandomCrop {
                    scale: scale.unwrap_or(all.scale),
                    ratio: ratio.unwrap_or(all.ratio),
                })
            }
        };
        Augmentation {
            crop,
            flip: self.hflip.unwrap_or(usual.flip),
            color_jitter: self.color_jitter.unwrap_or(usual.color_jitter),
            erase: self.reprob.unwrap_or(usual.erase),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_change_a_part_of_what_is_usual() {
        let none = AugmentArguments::default();
        assert!(none.augmentation().is_none());
        let usual = AugmentArguments {
            augment: true,
            reprob: Some(0.25),
            scale: Some([0.5, 1.0]),
            ..none.clone()
        };
        let found = usual.augmentation();
        assert_eq!((found.flip, found.erase), (0.5, 0.25));
        let crop = found.crop.unwrap();
        assert_eq!(
            (crop.scale, crop.ratio),
            ([0.5, 1.0], RandomCrop::default().ratio)
        );
        let flip = AugmentArguments {
            hflip: Some(0.5),
            ..none
        };
        assert_eq!(flip.augmentation().crop, None);
    }

    #[test]
    fn a_pair_is_two_numbers() {
        assert_eq!(pair("0.08,1"), Ok([0.08, 1.0]));
        for text in ["", "1", "1,", "a,b", "1,2,3"] {
            assert!(pair(text).is_err(), "{text}");
        }
    }
}
