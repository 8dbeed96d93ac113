//! The scalar twin: an int8 matrix product with its epilogue.

use super::{Linear, epilogue};
use crate::arithmetic::{clamp8, clamp16, requantize, unpack_scale};
use crate::i_gelu;
use crate::shared::memory::{int8, int8_mut, int16, int16_mut};

/// Runs one dispatch.
pub fn twin(p: &Linear, weights: &[u32], arena: &mut [u32]) {
    let k = p.k_words as usize * 4;
    for row in 0..p.rows {
        let a = int8(arena, p.a + row * p.k_words, k).to_vec();
        linear_row(p, weights, arena, row, &a);
    }
}

/// One row: products with every column, then the epilogue.
pub(in crate::op) fn linear_row(
    p: &Linear,
    weights: &[u32],
    arena: &mut [u32],
    row: u32,
    a: &[i8],
) {
    let cols = p.cols as usize;
    let out = p.out + row * p.out_stride;
    for col in 0..cols {
        let w = int8(weights, p.weight + col as u32 * p.k_words, a.len());
        let channel = p.channel as usize + 2 * col;
        let bias = weights[channel] as i32;
        let (multiplier, shift) = unpack_scale(weights[channel + 1]);
        let value = requantize(dot(a, w) + bias, multiplier, shift);
        match p.epilogue {
            epilogue::INT8 => {
                int8_mut(arena, out, cols)[col] = clamp8(value, p.low as i32);
            }
            epilogue::TABLE => {
                let second = u32::from(col as u32 >= p.split);
                let table = int8(weights, p.table + 64 * second, 256);
                let entry = (i32::from(clamp8(value, -127)) + 128) as usize;
                int8_mut(arena, out, cols)[col] = table[entry];
            }
            epilogue::RESIDUAL => {
                let residual = int16(arena, p.residual + row * p.out_stride, cols)[col];
                int16_mut(arena, out, cols)[col] = clamp16(i32::from(residual) + value);
            }
            epilogue::INT16 => int16_mut(arena, out, cols)[col] = clamp16(value),
            epilogue::I_GELU => {
                let value = i_gelu(value, p.gelu_clip, p.gelu_one);
                let (multiplier, shift) = unpack_scale(p.gelu_scale);
                let value = requantize(value, multiplier, shift);
                int8_mut(arena, out, cols)[col] = clamp8(value, -127);
            }
            epilogue::INT32 => arena[out as usize + col] = value as u32,
            other => unreachable!("no epilogue {other}"),
        }
    }
}

fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| i32::from(a) * i32::from(b))
        .sum()
}
