//! I-ViT's ShiftGELU of int8 rows.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

pub use twin::ShiftTables;

/// The largest unit.
pub const MAX_UNIT: u32 = 127;

parameters! {
    /// Parameters of `shift_gelu`.
    ShiftGelu {
        /// The int8 input `[rows, k_words]`.
        x: Input(Int8, rows * k_words),
        /// The int8 output `[rows, k_words]`.
        out: Output(Any, rows * k_words),
        /// Rows in the whole batch.
        rows: Rows,
        /// Words in a row, a multiple of 4.
        k_words: Extent,
        /// The input that stands for 1 in the exponent, 1 to [`MAX_UNIT`].
        unit: Number,
        /// Multiplier (16 bits) and shift (next 8) of the output.
        scale: Number,
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = ShiftGelu;

    fn twin(p: &ShiftGelu, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn work(p: &ShiftGelu) -> u64 {
        product(&[p.rows, p.k_words, 4]) * 16
    }

    fn shape(p: &ShiftGelu) -> String {
        format!("{}x{}", p.rows, p.k_words * 4)
    }

    fn shrink(p: &mut ShiftGelu, factor: u32) {
        p.rows = p.rows.div_ceil(factor);
    }

    fn workgroups(p: &ShiftGelu, shader: &Shader) -> u64 {
        match shader.has("TOGETHER") {
            true => u64::from(p.rows),
            false => u64::from(p.rows).div_ceil(shader.threads()),
        }
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        CudaKernel::LANES * kernel.constant("WARPS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &ShiftGelu, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        Some(Grid::of(p.rows.div_ceil(kernel.constant("WARPS")).into()))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> ShiftGelu {
        ShiftGelu {
            rows: draw(1, 70),
            k_words: 4 * if draw(1, 4) == 1 {
                draw(40, 80)
            } else {
                draw(1, 12)
            },
            unit: draw(1, MAX_UNIT),
            scale: draw(0, 65535) | draw(1, 30) << 16,
            ..ShiftGelu::default()
        }
    }
}
