//! Layer normalization of int16 rows.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

pub(in crate::op) use twin::normalize;

/// Where a row comes from (field `gather`).
pub mod gather {
    /// Row `r` of the input.
    pub const ROW: u32 = 0;
    /// The four neighbours of a 2x2 cell, in the order (y, x) = (0,0), (1,0), (0,1), (1,1); those
    /// past an odd side of the map are zero.
    pub const MERGE: u32 = 1;
}

/// Cells of a map of that height and width.
fn cells(height: u64, width: u64) -> u64 {
    height.div_ceil(2) * width.div_ceil(2)
}

/// Rows of the input from which `rows` come.
fn input_rows(gather: u64, rows: u64, height: u64, width: u64) -> u64 {
    match gather == u64::from(gather::MERGE) {
        true => rows.div_ceil(cells(height, width).max(1)) * height * width,
        false => rows,
    }
}

/// Rows of the input that make a row.
fn parts(gather: u32) -> u32 {
    if gather == gather::MERGE { 4 } else { 1 }
}

parameters! {
    /// Parameters of `layer_norm`: int16 rows to normalized int8 or int16 rows.
    LayerNorm {
        /// The int16 input.
        x: Input(Any, input_rows(gather, rows, height, width) * x_stride),
        /// Words in a row of the input.
        x_stride: Extent,
        /// The output, `[rows, out_stride]`.
        out: Output(Any, rows * out_stride),
        /// Words in a row of the output.
        out_stride: Extent,
        /// Output rows in the whole batch.
        rows: Rows,
        /// Channels of an input row, before padding. A gathered row has 4 times as many.
        channels: Extent,
        /// The channel parameters, two words per gathered channel: multiplier (signed, low 16 bits), shift
        /// (next 8), exponent (top 8); then bias (i32).
        channel: Weights(Norm, 2 * u64::from(parts(gather as u32)) * channels),
        /// Added to the sum of squares: round(channels * eps / scale^2).
        epsilon: Number,
        /// One of [`gather`].
        gather: Extent,
        /// Height of the input map, for [`gather::MERGE`].
        height: Extent,
        /// Width of the input map, for [`gather::MERGE`].
        width: Extent,
        /// 1: int16 output, saturated; 0: int8 output, clamped to [-127, 127].
        wide: Extent,
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = LayerNorm;

    fn twin(p: &LayerNorm, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn work(p: &LayerNorm) -> u64 {
        product(&[p.rows, p.out_stride, 4]) * 16
    }

    fn shape(p: &LayerNorm) -> String {
        format!("{}x{}", p.rows, p.channels)
    }

    fn shrink(p: &mut LayerNorm, factor: u32) {
        p.rows = p.rows.div_ceil(factor);
    }

    fn workgroups(p: &LayerNorm, shader: &Shader) -> u64 {
        match shader.has("TOGETHER") {
            true => u64::from(p.rows.div_ceil(shader.constant("ROWS"))),
            false => u64::from(p.rows).div_ceil(shader.threads()),
        }
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        CudaKernel::LANES * kernel.constant("WARPS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &LayerNorm, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let row_lanes = kernel.constant("ROW_LANES");
        let most = 4 * row_lanes * kernel.constant("GROUPS");
        if most > 0 && parts(p.gather) * p.channels > most {
            return None;
        }
        let blocks = p.rows.div_ceil(kernel.threads() / row_lanes);
        Some(Grid::of(blocks.into()))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> LayerNorm {
        let [batch, height, width] = [draw(1, 3), draw(1, 6), draw(1, 6)];
        let channels = match draw(1, 4) {
            1 => draw(90, 200),
            2 => draw(700, 800),
            _ => draw(1, 90),
        };
        let [merge, wide] = [draw(0, 1) == 1, draw(0, 1) == 1];
        let epsilon = LayerNorm::draw_epsilon(draw);
        LayerNorm {
            epsilon,
            ..LayerNorm::new(batch, [height, width], channels, merge, wide)
        }
    }
}

impl LayerNorm {
    /// A norm of the rows, or with `merge` of the 2x2 cells, of `batch` maps; places are 0.
    pub fn new(
        batch: u32,
        [height, width]: [u32; 2],
        channels: u32,
        merge: bool,
        wide: bool,
    ) -> Self {
        let gather = if merge { gather::MERGE } else { gather::ROW };
        let rows = match merge {
            true => height.div_ceil(2) * width.div_ceil(2),
            false => height * width,
        };
        let out_words = (parts(gather) * channels).div_ceil(16) * 4;
        Self {
            x_stride: channels.div_ceil(16) * 8,
            out_stride: if wide { 2 * out_words } else { out_words },
            rows: batch * rows,
            channels,
            gather,
            height,
            width,
            wide: u32::from(wide),
            ..Self::default()
        }
    }

    /// Rows and columns of 2x2 cells, for [`gather::MERGE`]; past an odd side of the map a cell is zero.
    pub fn cells(&self) -> [u32; 2] {
        [self.height.div_ceil(2), self.width.div_ceil(2)]
    }

    /// Small ones are the usual case, any below 2^31 is allowed.
    pub(in crate::op) fn draw_epsilon(draw: &mut dyn FnMut(u32, u32) -> u32) -> u32 {
        let bits = draw(0, 31);
        draw(0, ((1u64 << bits) - 1) as u32)
    }
}
