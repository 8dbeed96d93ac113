//! What FasterTransformer's int8 Swin does between fc1 and fc2: int8 rows to float, a bias, GELU, and back.
//! To measure against.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

parameters! {
    /// Parameters of `float_gelu`.
    FloatGelu {
        /// The int8 input `[rows, k_words]`.
        x: Input(Int8, rows * k_words),
        /// The int8 output `[rows, k_words]`.
        out: Output(Any, rows * k_words),
        /// Rows in the whole batch.
        rows: Rows,
        /// Words in a row, a multiple of 4.
        k_words: Extent,
        /// The biases: the bits of an f32 for each of `k_words * 4` channels.
        bias: Weights(Float, 4 * k_words),
        /// The bits of the f32 that one of the input stands for.
        input_scale: Number,
        /// The bits of the f32 that one divided by the output's scale is.
        output_factor: Number,
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = FloatGelu;

    fn twin(p: &FloatGelu, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn work(p: &FloatGelu) -> u64 {
        product(&[p.rows, p.k_words, 4]) * 16
    }

    fn shape(p: &FloatGelu) -> String {
        format!("{}x{}", p.rows, p.k_words * 4)
    }

    fn shrink(p: &mut FloatGelu, factor: u32) {
        p.rows = p.rows.div_ceil(factor);
    }

    fn workgroups(p: &FloatGelu, shader: &Shader) -> u64 {
        product(&[p.rows, p.k_words / 4]).div_ceil(shader.threads())
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        kernel.constant("THREADS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &FloatGelu, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let pieces = product(&[p.rows, p.k_words / 4]);
        Some(Grid::of(pieces.div_ceil(kernel.threads().into())))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> FloatGelu {
        FloatGelu {
            rows: draw(1, 40),
            k_words: 4 * draw(1, 12),
            input_scale: (draw(1, 1000) as f32 / 10_000.0).to_bits(),
            output_factor: (draw(1, 1000) as f32 / 10.0).to_bits(),
            ..FloatGelu::default()
        }
    }
}
