//! The filters of a resize, as Pillow computes them: which pixels of the source make up a pixel of
//! the result, and how much each counts.
//!
//! Weights use only `+ - * /` and truncation on `f64`, which IEEE 754 rounds exactly, and for
//! [`Filter::Hamming`] and [`Filter::Lanczos`] the sine and cosine of `libm`, which are written in
//! these same operations: the bytes are the same on every platform, which the sine of a system
//! and SIMD resize libraries with their own precision for each instruction set do not promise.

use std::{f64::consts::PI, ops::Range};

use intformer_cpu::pixels::{BITS, Taps};

use crate::Filter;

/// The taps of the pixels `wanted` of an axis resized by `filter` from `source` to `full` pixels.
pub(super) fn taps(filter: Filter, source: usize, full: usize, wanted: Range<usize>) -> Vec<Taps> {
    let scale = source as f64 / full as f64;
    match filter {
        Filter::Nearest => nearest(source, scale, wanted),
        Filter::Box => antialiased(0.5, square, source, scale, wanted),
        Filter::Bilinear => antialiased(1.0, triangle, source, scale, wanted),
        Filter::Hamming => antialiased(1.0, hamming, source, scale, wanted),
        Filter::Bicubic => antialiased(2.0, cubic, source, scale, wanted),
        Filter::Lanczos => antialiased(3.0, lanczos, source, scale, wanted),
    }
}

/// One pixel each, the one under the centre. Pillow adds the scale up pixel by pixel, and the
/// rounding of the sum says which side of an edge a centre on it falls to.
fn nearest(source: usize, scale: f64, wanted: Range<usize>) -> Vec<Taps> {
    let mut centre = scale * 0.5;
    for _ in 0..wanted.start {
        centre += scale;
    }
    let tap = |_| {
        let first = (centre as usize).min(source - 1);
        centre += scale;
        let weights = vec![1 << BITS];
        Taps { first, weights }
    };
    wanted.map(tap).collect()
}

/// The weights of the function `weight`, which is 0 from `support` on, stretched over the pixels
/// that a smaller result leaves out.
fn antialiased(
    support: f64,
    weight: fn(f64) -> f64,
    source: usize,
    scale: f64,
    wanted: Range<usize>,
) -> Vec<Taps> {
    let stretch = if scale < 1.0 { 1.0 } else { scale };
    let reach = support * stretch;
    // The same order of operations as in Pillow: the last bit of a weight depends on it.
    let inverse = 1.0 / stretch;
    let tap = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        // Casts from float to integer truncate, and negative values become 0.
        let first = (centre - reach + 0.5) as usize;
        let end = ((centre + reach + 0.5) as usize).min(source);
        let weights: Vec<f64> = (first..end)
            .map(|at| weight((at as f64 - centre + 0.5) * inverse))
            .collect();
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
    wanted.map(tap).collect()
}

fn square(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn triangle(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x == 0.0 {
        1.0
    } else if x < 1.0 {
        let x = x * PI;
        // Pillow has the constants of the window in single precision.
        libm::sin(x) / x * (f64::from(0.54_f32) + f64::from(0.46_f32) * libm::cos(x))
    } else {
        0.0
    }
}

/// Keys 1981.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) {
        sinc(x) * sinc(x / 3.0)
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    libm::sin(x) / x
}
