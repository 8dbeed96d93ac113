//! The scalar twin: a scaled int8 row and two int16 rows, summed for each token.

use super::{Embedding, TOKEN_WORDS};
use crate::arithmetic::{clamp16, unpack_scale};
use crate::shared::memory::{int8, int16, int16_mut};

/// Runs one dispatch.
pub fn twin(p: &Embedding, weights: &[u32], arena: &mut [u32]) {
    let channels = p.stride as usize * 2;
    for row in 0..p.rows {
        let token = (p.tokens + row * TOKEN_WORDS) as usize;
        let [id, position, segment] = [0, 1, 2].map(|field| arena[token + field]);
        let (multiplier, shift) = unpack_scale(weights[(p.word_scale + id) as usize]);
        let word = int8(weights, p.word + id * (p.stride / 2), channels);
        let position = int16(weights, p.position + position * p.stride, channels);
        let segment = int16(weights, p.segment + segment * p.stride, channels);
        let out = int16_mut(arena, p.out + row * p.stride, channels);
        for channel in 0..channels {
            let product = i32::from(word[channel]) * multiplier as i32;
            let word = (product + (1 << (shift - 1))) >> shift;
            let rest = i32::from(position[channel]) + i32::from(segment[channel]);
            out[channel] = clamp16(word + rest);
        }
    }
}
