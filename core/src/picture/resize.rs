//! Antialiased bicubic resize (Keys 1981, a = -0.5) and centre crop, as Pillow and torchvision do.
//!
//! Weights use only `+ - * /` and truncation on `f64`, which IEEE 754 rounds exactly, and pixels
//! only integers: the bytes are the same on every platform, which SIMD resize libraries with their
//! own precision for each instruction set do not promise.

use crate::{Pixels, Resize, Result};

/// Fraction bits of a weight: 8 bits of pixel and 2 of headroom leave 22 of 32.
const BITS: u32 = 32 - 8 - 2;
/// Reach of the bicubic filter in pixels of the coarser grid.
const SUPPORT: f64 = 2.0;

/// Resizes `image` by `rule` and crops its centre to `input` (height, width).
///
/// Only the pixels of the crop are computed, so that memory is bounded whatever the aspect.
pub(super) fn fit(image: &Pixels, rule: Resize, input: [usize; 2]) -> Result<Pixels> {
    let full = full_size(rule, [image.height, image.width], input);
    let [rows, columns] = [0, 1].map(|axis| {
        let source = [image.height, image.width][axis];
        taps(
            source,
            full[axis],
            crop_start(full[axis], input[axis]),
            input[axis],
        )
    });
    let data = match image.channels {
        1 => resample::<1>(image, &rows, &columns),
        _ => resample::<3>(image, &rows, &columns),
    };
    Pixels::new(input[0], input[1], image.channels, data)
}

/// Height and width after the resize by `rule`, before the crop; no side is below the input's.
fn full_size(rule: Resize, source: [usize; 2], input: [usize; 2]) -> [usize; 2] {
    let shorter = |size: usize| {
        let short = source[0].min(source[1]);
        source.map(|side| size * side / short)
    };
    match rule {
        Resize::Squash => input,
        Resize::ShorterSide { size } => shorter(size),
        Resize::CropFraction { crop } => {
            let target = input.map(|side| (side as f64 / crop).floor());
            if target[0] == target[1] {
                return shorter(target[0] as usize);
            }
            // timm covers the target box: the side that is scaled most fits exactly.
            let [height, width] = [0, 1].map(|axis| source[axis] as f64 / target[axis]);
            let ratio = if height < width { height } else { width };
            source.map(|side| (side as f64 / ratio).round_ties_even() as usize)
        }
    }
}

/// Where a centre crop of `input` pixels begins: half of the rest, ties to even as in Python.
fn crop_start(full: usize, input: usize) -> usize {
    let rest = full - input;
    rest / 2 + (rest % 2) * (rest / 2 % 2)
}

/// The source pixels that make up one pixel of the result, along one axis.
#[derive(Debug)]
struct Taps {
    first: usize,
    /// In units of 2^-22.
    weights: Vec<i32>,
}

/// The taps of the `count` pixels from `start`, of an axis resized from `source` to `full` pixels.
fn taps(source: usize, full: usize, start: usize, count: usize) -> Vec<Taps> {
    let scale = source as f64 / full as f64;
    let stretch = if scale < 1.0 { 1.0 } else { scale };
    let reach = SUPPORT * stretch;
    // The same order of operations as in Pillow: the last bit of a weight depends on it.
    let inverse = 1.0 / stretch;
    let tap = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        // Casts from float to integer truncate, and negative values become 0.
        let first = (centre - reach + 0.5) as usize;
        let end = ((centre + reach + 0.5) as usize).min(source);
        let weight = |at: usize| cubic((at as f64 - centre + 0.5) * inverse);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().fold(0.0, |sum, weight| sum + weight);
        let fixed = |weight: f64| {
            let scaled = weight / sum * f64::from(1 << BITS);
            (if scaled < 0.0 {
                scaled - 0.5
            } else {
                scaled + 0.5
            }) as i32
        };
        Taps {
            first,
            weights: weights.into_iter().map(fixed).collect(),
        }
    };
    (start..start + count).map(tap).collect()
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < SUPPORT {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// Along the rows, then along the columns, each rounded to bytes; Pillow 13 turns the order round
/// for heights that shrink far more than widths, after all published models.
fn resample<const C: usize>(image: &Pixels, rows: &[Taps], columns: &[Taps]) -> Vec<u8> {
    let (source, _) = image.data.as_chunks::<C>();
    let first = rows.first().map_or(0, |tap| tap.first);
    let end = rows.last().map_or(0, |tap| tap.first + tap.weights.len());
    let mut narrow: Vec<[u8; C]> = Vec::with_capacity((end - first) * columns.len());
    for row in source.chunks_exact(image.width).take(end).skip(first) {
        narrow.extend(columns.iter().map(|tap| {
            let mut sum = [0; C];
            for (pixel, weight) in row[tap.first..].iter().zip(&tap.weights) {
                for (sum, &value) in sum.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            sum.map(byte)
        }));
    }

    let width = columns.len() * C;
    let narrow = narrow.as_flattened();
    let mut data = Vec::with_capacity(rows.len() * width);
    let mut sums = vec![0; width];
    for tap in rows {
        sums.fill(0);
        let lines = narrow[(tap.first - first) * width..].chunks_exact(width);
        for (line, weight) in lines.zip(&tap.weights) {
            for (sum, &value) in sums.iter_mut().zip(line) {
                *sum += i32::from(value) * weight;
            }
        }
        data.extend(sums.iter().map(|&sum| byte(sum)));
    }
    data
}

/// A sum of weighted bytes, rounded and clamped; as absolute weights sum to at most 5/4, it fits.
fn byte(sum: i32) -> u8 {
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}
