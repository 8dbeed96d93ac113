//! Rows of tables, summed, for tokens.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

/// Words of a token's row: id, position, segment, and what the kernel does not read.
pub const TOKEN_WORDS: u32 = 4;

parameters! {
    /// Parameters of `embedding`: for each token the sum of its rows of three tables, int16.
    Embedding {
        /// The tokens, [`TOKEN_WORDS`] each.
        tokens: Input(
            Token([vocabulary, positions, segments].map(|count| count as u32)),
            rows * u64::from(TOKEN_WORDS)
        ),
        /// The int16 output, `[rows, stride]`.
        out: Output(Any, rows * stride),
        /// Tokens in the whole batch.
        rows: Rows,
        /// Words in a row of the output; even.
        stride: Extent,
        /// Ids that there are.
        vocabulary: Extent,
        /// Positions that there are.
        positions: Extent,
        /// Segments that there are.
        segments: Extent,
        /// The int8 rows of the ids, half as many words.
        word: Weights(Int8, vocabulary * (stride / 2)),
        /// For each id multiplier (16 bits) and shift (next 8).
        word_scale: Weights(Scale(1, 30), vocabulary),
        /// The int16 rows of the positions.
        position: Weights(Any, positions * stride),
        /// The int16 rows of the segments.
        segment: Weights(Any, segments * stride),
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = Embedding;

    fn twin(p: &Embedding, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    /// A row of each table a token, and the scale.
    fn moved(p: &Embedding) -> u64 {
        let row = u64::from(p.stride) * 7 / 2 + 1;
        u64::from(p.rows) * (row + u64::from(TOKEN_WORDS))
    }

    fn work(p: &Embedding) -> u64 {
        product(&[p.rows, p.stride, 2])
    }

    fn shape(p: &Embedding) -> String {
        format!("{}x{}", p.rows, p.stride * 2)
    }

    fn shrink(p: &mut Embedding, factor: u32) {
        p.rows = p.rows.div_ceil(factor);
    }

    fn workgroups(p: &Embedding, shader: &Shader) -> u64 {
        product(&[p.rows, p.stride / 2]).div_ceil(shader.threads())
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        kernel.constant("THREADS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &Embedding, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let pairs = product(&[p.rows, p.stride / 2]);
        Some(Grid::of(pairs.div_ceil(kernel.threads().into())))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> Embedding {
        Embedding {
            rows: draw(1, 40),
            stride: 8 * draw(1, 9),
            vocabulary: draw(1, 30),
            positions: draw(1, 12),
            segments: draw(1, 3),
            ..Embedding::default()
        }
    }
}
