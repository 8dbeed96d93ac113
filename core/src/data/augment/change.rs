//! The changes, each of which draws from the random numbers of its image.

use rand::{Rng, RngExt, seq::SliceRandom};
use rand_distr::{Distribution, StandardNormal};

use super::RandomCrop;
use crate::{Pixels, Preprocessing};

/// How often a rectangle that does not fit is drawn anew.
const ATTEMPTS: usize = 10;

/// Shares of the area that are erased.
const ERASED: [f64; 2] = [0.02, 1.0 / 3.0];

/// Height over width of what is erased.
const ERASED_ASPECT: [f64; 2] = [0.3, 1.0 / 0.3];

/// A rectangle of an image: its top left corner, its height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub at: [usize; 2],
    pub size: [usize; 2],
}

fn between(random: &mut impl Rng, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// As likely between a and 2 a as between 2 a and 4 a.
fn log_between(random: &mut impl Rng, ends: [f64; 2]) -> f64 {
    between(random, ends.map(f64::ln)).exp()
}

fn placed(size: [usize; 2], inside: [usize; 2], random: &mut impl Rng) -> Window {
    let at = [0, 1].map(|axis| random.random_range(0..=inside[axis] - size[axis]));
    Window { at, size }
}

/// A window of random area and aspect, as torchvision's `RandomResizedCrop` draws it: one that does not fit is drawn anew,
/// and in the end the middle of the image is taken.
pub(super) fn window(crop: &RandomCrop, image: [usize; 2], random: &mut impl Rng) -> Window {
    let [height, width] = image.map(|side| side as f64);
    for _ in 0..ATTEMPTS {
        let area = height * width * between(random, crop.scale);
        let ratio = log_between(random, crop.ratio);
        let size = [(area / ratio).sqrt(), (area * ratio).sqrt()].map(|side| side.round() as usize);
        if (0..2).all(|axis| (1..=image[axis]).contains(&size[axis])) {
            return placed(size, image, random);
        }
    }
    let [least, most] = crop.ratio;
    let ratio = width / height;
    let size = if ratio < least {
        [(width / least).round(), width]
    } else if ratio > most {
        [height, (height * most).round()]
    } else {
        [height, width]
    };
    let size = [0, 1].map(|axis| (size[axis] as usize).clamp(1, image[axis]));
    let at = [0, 1].map(|axis| (image[axis] - size[axis]) / 2);
    Window { at, size }
}

/// The pixels in a window.
pub(super) fn cut(image: &Pixels, Window { at, size }: Window) -> Pixels {
    let (row, channels) = (image.width * image.channels, image.channels);
    let rows = image.data.chunks_exact(row).skip(at[0]).take(size[0]);
    let data = rows.flat_map(|row| &row[at[1] * channels..][..size[1] * channels]);
    Pixels {
        height: size[0],
        width: size[1],
        channels,
        data: data.copied().collect(),
    }
}

/// Mirrors a share of the images left to right.
pub(super) fn flip(image: &mut Pixels, share: f64, random: &mut impl Rng) {
    if share == 0.0 || random.random::<f64>() >= share {
        return;
    }
    let (row, channels) = (image.width * image.channels, image.channels);
    for row in image.data.chunks_exact_mut(row) {
        row.reverse();
        row.chunks_exact_mut(channels).for_each(<[u8]>::reverse);
    }
}

/// Changes brightness, contrast and saturation by random factors, in a random order, as torchvision's `ColorJitter`.
pub(super) fn jitter(image: &mut Pixels, most: f64, random: &mut impl Rng) {
    if most == 0.0 {
        return;
    }
    let ends = [(1.0 - most).max(0.0), 1.0 + most];
    let mut changes = [Change::Brightness, Change::Contrast, Change::Saturation];
    changes.shuffle(random);
    for change in changes {
        let factor = between(random, ends);
        change.by(factor, image);
    }
}

#[derive(Clone, Copy)]
enum Change {
    Brightness,
    Contrast,
    Saturation,
}

impl Change {
    /// Takes `factor` of the image and the rest of black, of its mean grey, or of the grey of each pixel.
    fn by(self, factor: f64, image: &mut Pixels) {
        let channels = image.channels;
        let mix = |value: u8, other: f64| {
            let mixed = factor * f64::from(value) + (1.0 - factor) * other;
            mixed.round().clamp(0.0, 255.0) as u8
        };
        match self {
            Self::Saturation if channels != 3 => {}
            Self::Saturation => {
                for pixel in image.data.chunks_exact_mut(channels) {
                    let other = grey(pixel);
                    pixel
                        .iter_mut()
                        .for_each(|value| *value = mix(*value, other));
                }
            }
            Self::Brightness | Self::Contrast => {
                let other = match self {
                    Self::Brightness => 0.0,
                    _ => {
                        let pixels = image.data.chunks_exact(channels);
                        let count = pixels.len().max(1) as f64;
                        (pixels.map(grey).sum::<f64>() / count).round()
                    }
                };
                image
                    .data
                    .iter_mut()
                    .for_each(|value| *value = mix(*value, other));
            }
        }
    }
}

/// The luma of a pixel.
fn grey(pixel: &[u8]) -> f64 {
    match pixel {
        &[red, green, blue] => {
            let [red, green, blue] = [red, green, blue].map(f64::from);
            (0.299 * red + 0.587 * green + 0.114 * blue).round()
        }
        _ => pixel.iter().copied().map(f64::from).sum::<f64>() / pixel.len().max(1) as f64,
    }
}

/// Replaces a rectangle of a share of the images by noise around the mean of `pre`.
pub(super) fn erase(image: &mut Pixels, share: f64, pre: &Preprocessing, random: &mut impl Rng) {
    if share == 0.0 || random.random::<f64>() >= share {
        return;
    }
    let inside = [image.height, image.width];
    let all = (image.height * image.width) as f64;
    for _ in 0..ATTEMPTS {
        let area = all * between(random, ERASED);
        let aspect = log_between(random, ERASED_ASPECT);
        let size =
            [(area * aspect).sqrt(), (area / aspect).sqrt()].map(|side| side.round() as usize);
        if (0..2).any(|axis| !(1..inside[axis]).contains(&size[axis])) {
            continue;
        }
        let Window { at, size } = placed(size, inside, random);
        let (row, channels) = (image.width * image.channels, image.channels);
        for row in image.data.chunks_exact_mut(row).skip(at[0]).take(size[0]) {
            let values = row[at[1] * channels..][..size[1] * channels].iter_mut();
            for (value, channel) in values.zip((0..channels).cycle()) {
                let noise: f64 = StandardNormal.sample(random);
                let level = 255.0 * (pre.mean[channel] + pre.std[channel] * noise);
                *value = level.round().clamp(0.0, 255.0) as u8;
            }
        }
        return;
    }
}
