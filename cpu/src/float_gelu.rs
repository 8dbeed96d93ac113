//! GELU in floats as a pass of its own, to measure against.

use bytemuck::{cast_slice, cast_slice_mut};
use intformer_shaders::op::float_gelu::FloatGelu;
use wide::f32x8;

use super::memory::split;

/// Runs one dispatch.
pub fn float_gelu(p: &FloatGelu, weights: &[u32], arena: &mut [u32]) {
    let (out, stride) = (p.out as usize, p.k_words as usize);
    let (out, rest) = split(arena, out..out + p.rows as usize * stride);
    let bias: &[f32] = cast_slice(&weights[p.bias as usize..][..4 * stride]);
    let scale = f32x8::splat(f32::from_bits(p.input_scale));
    let factor = f32x8::splat(f32::from_bits(p.output_factor));
    for (row, out) in out.chunks_exact_mut(stride).enumerate() {
        let x: &[i8] = cast_slice(rest.words(p.x as usize + row * stride, stride));
        let out: &mut [i8] = cast_slice_mut(out);
        let eights = out.as_chunks_mut::<8>().0.iter_mut();
        let inputs = x.as_chunks::<8>().0.iter().zip(bias.as_chunks::<8>().0);
        for (out, (x, bias)) in eights.zip(inputs) {
            let x = f32x8::from(x.map(f32::from)) * scale + f32x8::from(*bias);
            // The tanh form, by one exponential.
            let inner = x * f32x8::splat(0.044_715) * x * x + x;
            let y = x / (f32x8::ONE + (inner * f32x8::splat(-1.595_769)).exp());
            let bytes = (y * factor).round_int().to_array();
            *out = bytes.map(|value| value.clamp(-127, 127) as i8);
        }
    }
}
