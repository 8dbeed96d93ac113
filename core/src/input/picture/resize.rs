//! Resize and centre crop, as Pillow and torchvision do.
//!
//! Pixels are weighted and summed in integers, so that their order does not matter.

use intformer_cpu::pixels::resample;

use super::filter::taps;
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
    let data = resample(&image.data, image.width, image.channels, &rows, &columns);
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
