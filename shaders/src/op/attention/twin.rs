//! The scalar twin: attention of each token to all of its item, softmax included.

use super::Attention;
use crate::arithmetic::{bits, clamp8, requantize, scale, unpack_scale};
use crate::shared::memory::{int8, int8_mut};

/// Runs one dispatch.
pub fn twin(p: &Attention, weights: &[u32], arena: &mut [u32]) {
    for row in 0..p.rows {
        let [first, count] = p.span(row, |at| arena[at as usize]);
        let out = p.out + row * p.out_stride;
        int8_mut(arena, out, p.out_stride as usize * 4).fill(0);
        for head in 0..p.heads {
            attend(p, weights, arena, [row, head], first..first + count);
        }
    }
}

fn attend(
    p: &Attention,
    weights: &[u32],
    arena: &mut [u32],
    [row, head]: [u32; 2],
    keys: std::ops::Range<u32>,
) {
    let dim = p.head_words as usize * 4;
    let start = head * p.head_words;
    let (multiplier, shift) = unpack_scale(weights[(p.head + head) as usize]);
    let exp = |entry: i32| {
        let word = weights[(p.exp + entry as u32 / 2) as usize];
        word >> (entry as u32 % 2 * 16) & 0xffff
    };

    let query = p.query + row * p.query_stride + p.query_start + start;
    let logit = |key: u32| -> i32 {
        let key = p.key + key * p.key_stride + p.key_start + start;
        let products = int8(arena, query, dim).iter().zip(int8(arena, key, dim));
        products.map(|(&q, &k)| i32::from(q) * i32::from(k)).sum()
    };
    let largest = keys.clone().map(logit).max().expect("an item has a token");

    // Weights of 0 to 2047; the largest logit always weighs 2047.
    let mut total = 0;
    let mut sums = vec![0i32; dim];
    for key in keys {
        let entry = requantize(largest - logit(key), multiplier, shift).min(1023);
        let weight = exp(entry);
        total += weight;
        let value = p.value + key * p.value_stride + p.value_start + start;
        for (sum, &value) in sums.iter_mut().zip(int8(arena, value, dim)) {
            *sum += weight as i32 * i32::from(value);
        }
    }

    // sums / total with bits(total) - 1 fractional bits, then to the output's scale.
    let width = bits(total);
    let most = width.min(16);
    let reciprocal = ((1 << (15 + most)) / (total >> (width - most))).min(65535);
    let out = p.out + row * p.out_stride + start;
    for (i, &sum) in sums.iter().enumerate() {
        let channel = p.channel as usize + head as usize * dim + i;
        let (multiplier, shift) = unpack_scale(weights[channel]);
        let value = requantize(scale(sum, reciprocal), multiplier, shift + width - 11);
        int8_mut(arena, out, dim)[i] = clamp8(value, -127);
    }
}
