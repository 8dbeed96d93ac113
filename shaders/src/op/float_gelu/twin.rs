//! The scalar twin: what FasterTransformer's int8 Swin does between fc1 and
//! fc2, to measure against.

use super::FloatGelu;
use crate::shared::memory::{int8, int8_mut};

/// Runs one dispatch.
pub fn twin(p: &FloatGelu, weights: &[u32], arena: &mut [u32]) {
    let k = p.k_words as usize * 4;
    let scale = f32::from_bits(p.input_scale);
    let factor = f32::from_bits(p.output_factor);
    for row in 0..p.rows {
        let x = int8(arena, p.x + row * p.k_words, k).to_vec();
        let out = int8_mut(arena, p.out + row * p.k_words, k);
        for (channel, (out, &value)) in out.iter_mut().zip(&x).enumerate() {
            let bias = f32::from_bits(weights[p.bias as usize + channel]);
            let y = gelu(f32::from(value) * scale + bias);
            *out = (y * factor).round_ties_even().clamp(-127.0, 127.0) as i8;
        }
    }
}

/// The tanh form.
fn gelu(x: f32) -> f32 {
    let inner = 0.797_884_6 * (x + 0.044_715 * x * x * x);
    0.5 * x * (1.0 + inner.tanh())
}
