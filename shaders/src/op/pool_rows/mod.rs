//! The mean or the largest of the int16 rows of each item.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

/// Words of an item's span.
pub const INDEX_WORDS: u32 = 4;

/// The most rows of an item: 2^15 values of 16 bits, and half as many to round, sum to less than 2^32.
pub const MAX_ROWS: u32 = 1 << 15;

parameters! {
    /// Parameters of `pool_rows`.
    PoolRows {
        /// The int16 rows, `[sources, stride]`.
        x: Input(Any, sources * stride),
        /// Of each item its first row and how many there are, of [`INDEX_WORDS`] words; only if `every` is 0.
        spans: Input(Span(sources as u32), match every {
            0 => rows * u64::from(INDEX_WORDS),
            _ => 0,
        }),
        /// The int16 output, `[rows, stride]`.
        out: Output(Any, rows * stride),
        /// Items in the whole batch.
        rows: Rows,
        /// Rows that there are in the whole batch.
        sources: Sources,
        /// Words in a row of either; a multiple of 4.
        stride: Extent,
        /// Rows of each item; or 0 where `spans` says.
        every: Extent,
        /// How many rows of each item are left out, the first ones; below `every`.
        first: Extent,
        /// 1 for the largest of the values, 0 for their mean.
        largest: Extent,
    }
}

impl PoolRows {
    /// Rows of an item; of items of unknown lengths as if all were as long.
    fn each(&self) -> u64 {
        u64::from(match self.every {
            0 => self.sources.div_ceil(self.rows.max(1)),
            every => every - self.first,
        })
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = PoolRows;

    fn twin(p: &PoolRows, _: &[u32], arena: &mut [u32]) {
        twin::twin(p, arena);
    }

    fn work(p: &PoolRows) -> u64 {
        product(&[p.rows, p.stride, 2]) * p.each()
    }

    fn shape(p: &PoolRows) -> String {
        format!("{}x{}x{}", p.rows, p.each(), p.stride * 2)
    }

    fn shrink(p: &mut PoolRows, factor: u32) {
        p.rows = p.rows.div_ceil(factor);
    }

    fn workgroups(p: &PoolRows, shader: &Shader) -> u64 {
        product(&[p.rows, p.stride]).div_ceil(shader.threads())
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        kernel.product(&["COLS", "PARTS"])
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &PoolRows, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let blocks = p.stride.div_ceil(kernel.constant("COLS"));
        Some(Grid::of(product(&[p.rows, blocks])))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> PoolRows {
        let rows = draw(1, 6);
        let (sources, every, first) = match draw(0, 1) {
            0 => (draw(1, 90), 0, 0),
            _ => {
                let every = draw(1, 40);
                (rows * every, every, draw(0, every - 1))
            }
        };
        PoolRows {
            rows,
            sources,
            every,
            first,
            stride: 4 * draw(1, 12),
            largest: draw(0, 1),
            ..PoolRows::default()
        }
    }
}
