//! Resize and centre crop, as Pillow and torchvision do.
//!
//! Pixels are weighted and summed in integers, so that their order does not matter.

use super::filter::{BITS, Taps, taps};
use crate::{Filter, Pixels, Resize, Result};

/// Resizes `image` by `rule` and `filter` and crops its centre to `input` (height, width).
///
/// Only the pixels of the crop are computed, so that memory is bounded whatever the aspect.
pub(super) fn fit(
    image: &Pixels,
    rule: Resize,
    filter: Filter,
    input: [usize; 2],
) -> Result<Pixels> {
    let full = full_size(rule, [image.height, image.width], input);
    let [rows, columns] = [0, 1].map(|axis| {
        let source = [image.height, image.width][axis];
        let start = crop_start(full[axis], input[axis]);
        taps(filter, source, full[axis], start..start + input[axis])
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

/// A sum of weighted bytes, rounded and clamped; as absolute weights sum to less than 2, it fits.
fn byte(sum: i32) -> u8 {
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}
