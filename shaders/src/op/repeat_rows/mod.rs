//! The same rows of the weights for each item.

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

parameters! {
    /// Parameters of `repeat_rows`: rows of any format.
    RepeatRows {
        /// The rows, one after the other.
        table: Weights(Any, words),
        /// The output: the rows of each item.
        out: Output(Any, items * words),
        /// Items in the whole batch.
        items: Rows,
        /// Words of all rows; a multiple of 4.
        words: Extent,
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = RepeatRows;

    fn twin(p: &RepeatRows, weights: &[u32], arena: &mut [u32]) {
        let words = p.words as usize;
        let rows = &weights[p.table as usize..][..words];
        let out = &mut arena[p.out as usize..][..p.items as usize * words];
        for item in out.chunks_exact_mut(words) {
            item.copy_from_slice(rows);
        }
    }

    fn work(p: &RepeatRows) -> u64 {
        product(&[p.items, p.words])
    }

    fn shape(p: &RepeatRows) -> String {
        format!("{}x{} words", p.items, p.words)
    }

    fn shrink(p: &mut RepeatRows, factor: u32) {
        p.items = p.items.div_ceil(factor);
    }

    fn workgroups(p: &RepeatRows, shader: &Shader) -> u64 {
        product(&[p.items, p.words / 4]).div_ceil(shader.threads())
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        kernel.constant("THREADS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &RepeatRows, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let pieces = product(&[p.items, p.words / 4]);
        Some(Grid::of(pieces.div_ceil(kernel.threads().into())))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> RepeatRows {
        RepeatRows {
            items: draw(1, 20),
            words: 4 * draw(1, 90),
            ..RepeatRows::default()
        }
    }
}
