//! The scalar twin: the sum over an image's tokens, requantized.

use super::MeanPool;
use crate::arithmetic::{clamp8, requantize, unpack_scale};
use crate::shared::memory::{int8, int8_mut};

/// Runs one dispatch.
pub fn twin(p: &MeanPool, weights: &[u32], arena: &mut [u32]) {
    let channels = p.stride as usize * 4;
    for image in 0..p.batch {
        for channel in 0..channels {
            let row = |token| p.x + (image * p.tokens + token) * p.stride;
            let sum = (0..p.tokens)
                .map(|token| i32::from(int8(arena, row(token), channels)[channel]))
                .sum();
            let (multiplier, shift) = unpack_scale(weights[p.channel as usize + channel]);
            let value = requantize(sum, multiplier, shift);
            let out = int8_mut(arena, p.out + image * p.stride, channels);
            out[channel] = clamp8(value, -127);
        }
    }
}
