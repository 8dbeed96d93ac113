//! Loops over pixels: what an image becomes before a model sees it.
//!
//! Pixels are weighted and summed in integers, so that their order does not matter.

/// Fraction bits of a weight: 8 bits of pixel and 2 of headroom leave 22 of 32.
pub const BITS: u32 = 32 - 8 - 2;

/// The source pixels that make up one pixel of the result, along one axis.
#[derive(Debug)]
pub struct Taps {
    /// The first of them.
    pub first: usize,
    /// How much each counts, in units of 2^-22; absolute values sum to less than 2.
    pub weights: Vec<i32>,
}

/// Resizes an image of `width` pixels a row and `channels` bytes a pixel, 1 or 3: the taps of each row and of each
/// column of the result, which lie in the image and begin in ascending order.
pub fn resample(
    image: &[u8],
    width: usize,
    channels: usize,
    rows: &[Taps],
    columns: &[Taps],
) -> Vec<u8> {
    // Generic code is compiled where its parameters are known, and only this crate is compiled for speed everywhere.
    match channels {
        1 => resample_of::<1>(image, width, rows, columns),
        _ => resample_of::<3>(image, width, rows, columns),
    }
}

/// Along the rows, then along the columns, each rounded to bytes; Pillow 13 turns the order round
/// for heights that shrink far more than widths, after all published models.
fn resample_of<const C: usize>(
    image: &[u8],
    width: usize,
    rows: &[Taps],
    columns: &[Taps],
) -> Vec<u8> {
    let (source, _) = image.as_chunks::<C>();
    let first = rows.first().map_or(0, |tap| tap.first);
    let end = rows.last().map_or(0, |tap| tap.first + tap.weights.len());
    let mut narrow: Vec<[u8; C]> = Vec::with_capacity((end - first) * columns.len());
    for row in source.chunks_exact(width).take(end).skip(first) {
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

/// Pixels of `stored` bytes, 1 to 4, to pixels of `channels` bytes, 1 (luma) or 3; if `blends`, what is not opaque
/// lies over white, else alpha is left out.
pub fn convert(raw: &[u8], stored: usize, channels: usize, blends: bool) -> Vec<u8> {
    let blend = match blends {
        true => over_white,
        false => |value, _| value,
    };
    let mut data = Vec::with_capacity(raw.len() / stored * channels);
    for pixel in raw.chunks_exact(stored) {
        let rgb = match *pixel {
            [grey] => [grey; 3],
            [grey, alpha] => [blend(grey, alpha); 3],
            [r, g, b] => [r, g, b],
            [r, g, b, alpha] => [r, g, b].map(|c| blend(c, alpha)),
            _ => unreachable!("images have 1 to 4 channels"),
        };
        match channels {
            1 => data.push(luma(rgb)),
            _ => data.extend(rgb),
        }
    }
    data
}

fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 32_768) >> 16) as u8
}
