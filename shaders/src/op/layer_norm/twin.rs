//! The scalar twin: integer layer normalization of int16 rows.

use super::{LayerNorm, gather};
use crate::arithmetic::{bits, clamp8, clamp16, scale, square_root, unpack_scale};
use crate::shared::memory::{int8_mut, int16, int16_mut};

/// Runs one dispatch.
pub fn twin(p: &LayerNorm, weights: &[u32], arena: &mut [u32]) {
    for row in 0..p.rows {
        let x = gather_row(p, arena, row);
        let y = normalize(&x, weights, p.channel, p.epsilon);
        let out = p.out + row * p.out_stride;
        if p.wide == 1 {
            let out = int16_mut(arena, out, p.out_stride as usize * 2);
            out.fill(0);
            for (out, value) in out.iter_mut().zip(y) {
                *out = clamp16(value);
            }
        } else {
            let out = int8_mut(arena, out, p.out_stride as usize * 4);
            out.fill(0);
            for (out, value) in out.iter_mut().zip(y) {
                *out = clamp8(value, -127);
            }
        }
    }
}

fn gather_row(p: &LayerNorm, arena: &[u32], row: u32) -> Vec<i16> {
    let channels = p.channels as usize;
    let read = |row: u32| int16(arena, p.x + row * p.x_stride, channels).to_vec();
    if p.gather == gather::ROW {
        return read(row);
    }
    let [down, across] = p.cells();
    let image = row / (down * across);
    let cell = row % (down * across);
    let (y, x) = (2 * (cell / across), 2 * (cell % across));
    let token = |(dy, dx)| match y + dy < p.height && x + dx < p.width {
        true => read((image * p.height + y + dy) * p.width + x + dx),
        false => vec![0; channels],
    };
    [(0, 0), (1, 0), (0, 1), (1, 1)]
        .into_iter()
        .flat_map(token)
        .collect()
}

/// Normalizes one row and applies the channel parameters at `channel` of `weights`; unclamped.
pub(in crate::op) fn normalize(x: &[i16], weights: &[u32], channel: u32, epsilon: u32) -> Vec<i32> {
    let count = x.len() as u32;
    let params = &weights[channel as usize..][..2 * x.len()];

    // Offset binary keeps the division unsigned: |x << 3| <= 2^18.
    let x: Vec<i32> = x
        .iter()
        .zip(params.chunks(2))
        .map(|(&x, param)| i32::from(x) << (param[0] >> 24))
        .collect();
    let sum: u32 = x.iter().map(|x| (x + (1 << 18)) as u32).sum();
    let mean = ((sum + count / 2) / count) as i32 - (1 << 18);
    let y: Vec<i32> = x.iter().map(|x| x - mean).collect();

    // Shift until the sum of squares is sure to fit.
    let largest = y.iter().map(|y| y.unsigned_abs()).max().unwrap_or(0);
    let kept = (31 - bits(count - 1)) / 2;
    let down = bits(largest).saturating_sub(kept);
    let squares: u32 = y.iter().map(|y| ((y >> down) * (y >> down)) as u32).sum();
    let squares = (squares + (epsilon >> (2 * down))).max(1);

    // Shift back up so that the root has 16 bits.
    let up = squares.leading_zeros() / 2;
    let root = square_root(squares << (2 * up));
    let reciprocal = ((1 << 31) / root).min(65535);

    y.iter()
        .zip(params.chunks(2))
        .map(|(&y, param)| {
            let y = if up >= down {
                y << (up - down)
            } else {
                y >> (down - up)
            };
            // 2^15 is one norm of the row: y / sqrt(sum of squares).
            let unit = scale(y, reciprocal).clamp(-32767, 32767);
            let multiplier = i32::from(param[0] as u16 as i16);
            let (_, shift) = unpack_scale(param[0]);
            let bias = param[1] as i32;
            (unit * multiplier + bias + (1 << (shift - 1))) >> shift
        })
        .collect()
}
