//! The scalar twin: `layer_norm` of int16 rows, then `linear` on the int8 result.

use crate::arithmetic::clamp8;
use crate::op::layer_norm::normalize;
use crate::op::linear::{Linear, linear_row};
use crate::shared::memory::int16;

/// Runs one dispatch.
pub fn twin(p: &Linear, weights: &[u32], arena: &mut [u32]) {
    for row in 0..p.rows {
        let x = int16(arena, p.x + row * p.x_stride, p.norm_channels as usize).to_vec();
        let mut a = vec![0i8; p.k_words as usize * 4];
        let y = normalize(&x, weights, p.norm_channel, p.norm_epsilon);
        for (a, value) in a.iter_mut().zip(y) {
            *a = clamp8(value, -127);
        }
        linear_row(p, weights, arena, row, &a);
    }
}
