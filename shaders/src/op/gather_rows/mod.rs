//! Rows at given places: where indices say, or those at the same places of each item.

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

/// Words from one index to the next.
pub const INDEX_WORDS: u32 = 4;

parameters! {
    /// Parameters of `gather_rows`: for each index the row that it tells, or with `every` of so many rows those that
    /// the weights tell.
    GatherRows {
        /// The rows, `[sources, stride]`, of any format.
        x: Input(Any, sources * stride),
        /// The indices, the first of each [`INDEX_WORDS`] words; only if `every` is 0.
        index: Input(Below(sources as u32), match every {
            0 => rows * u64::from(INDEX_WORDS),
            _ => 0,
        }),
        /// The output, `[rows, stride]`.
        out: Output(Any, rows * stride),
        /// Rows of the output in the whole batch.
        rows: Rows,
        /// Rows that there are in the whole batch.
        sources: Sources,
        /// Words in a row; a multiple of 4.
        stride: Extent,
        /// Rows of an item of the input, of which some are taken; or 0 for indices.
        every: Extent,
        /// How many are taken of an item; 1 for indices.
        kept: Extent,
        /// Which ones; only if `every` is not 0.
        table: Weights(Below(every as u32), match every {
            0 => 0,
            _ => kept,
        }),
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = GatherRows;

    fn twin(p: &GatherRows, weights: &[u32], arena: &mut [u32]) {
        for row in 0..p.rows {
            let source = match p.every {
                0 => arena[(p.index + row * INDEX_WORDS) as usize],
                every => row / p.kept * every + weights[(p.table + row % p.kept) as usize],
            };
            let source = p.x + source * p.stride;
            let source = source as usize..(source + p.stride) as usize;
            arena.copy_within(source, (p.out + row * p.stride) as usize);
        }
    }

    /// Only the rows that are asked for.
    fn moved(p: &GatherRows) -> u64 {
        u64::from(p.rows) * (2 * u64::from(p.stride) + 1)
    }

    fn work(p: &GatherRows) -> u64 {
        product(&[p.rows, p.stride])
    }

    fn shape(p: &GatherRows) -> String {
        format!("{} of {}x{} words", p.rows, p.sources, p.stride)
    }

    fn shrink(p: &mut GatherRows, factor: u32) {
        p.rows = p.rows.div_ceil(factor);
    }

    fn workgroups(p: &GatherRows, shader: &Shader) -> u64 {
        product(&[p.rows, p.stride / 4]).div_ceil(shader.threads())
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        kernel.constant("THREADS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &GatherRows, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let pieces = product(&[p.rows, p.stride / 4]);
        Some(Grid::of(pieces.div_ceil(kernel.threads().into())))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> GatherRows {
        let rows = draw(1, 40);
        let (sources, every, kept) = match draw(0, 1) {
            0 => (draw(1, 60), 0, 1),
            _ => {
                let every = draw(1, 9);
                (rows * every, every, draw(1, every))
            }
        };
        GatherRows {
            rows: rows * kept,
            sources,
            every,
            kept,
            stride: 4 * draw(1, 12),
            ..GatherRows::default()
        }
    }
}
