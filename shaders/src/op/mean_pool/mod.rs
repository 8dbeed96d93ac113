//! The mean over an image's tokens.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

parameters! {
    /// Parameters of `mean_pool`: the sum over the tokens of each image, requantized to int8.
    MeanPool {
        /// The int8 input `[batch * tokens, stride]`.
        x: Input(Any, batch * tokens * stride),
        /// The int8 output `[batch, stride]`.
        out: Output(Any, batch * stride),
        /// Words in a row of either.
        stride: Extent,
        /// Tokens of one image.
        tokens: Extent,
        /// Images in the batch.
        batch: Rows,
        /// The channel parameters: multiplier (16 bits) and shift (next 8), a word for each of
        /// `stride * 4` channels.
        channel: Weights(Scale(1, 30), 4 * stride),
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = MeanPool;

    fn twin(p: &MeanPool, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn work(p: &MeanPool) -> u64 {
        product(&[p.batch, p.tokens, p.stride, 4])
    }

    fn shape(p: &MeanPool) -> String {
        format!("{}x{}x{}", p.batch, p.tokens, p.stride * 4)
    }

    fn shrink(p: &mut MeanPool, factor: u32) {
        p.batch = p.batch.div_ceil(factor);
    }

    fn workgroups(p: &MeanPool, shader: &Shader) -> u64 {
        product(&[p.batch, p.stride]).div_ceil(shader.threads())
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        kernel.product(&["COLS", "PARTS"])
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &MeanPool, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let blocks = p.stride.div_ceil(kernel.constant("COLS"));
        Some(Grid::of(product(&[p.batch, blocks])))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> MeanPool {
        MeanPool {
            batch: draw(1, 5),
            tokens: draw(1, 50),
            stride: 4 * draw(1, 12),
            ..MeanPool::default()
        }
    }
}
