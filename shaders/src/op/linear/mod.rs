//! An int8 matrix product with its epilogue.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

pub(in crate::op) use twin::linear_row;

/// What becomes of an accumulator (field `epilogue`).
pub mod epilogue {
    /// Requantize, clamp to `[low, 127]`, store int8.
    pub const INT8: u32 = 0;
    /// Requantize, clamp to `[-127, 127]`, look the byte up in the column's 256-entry table, store int8.
    pub const TABLE: u32 = 1;
    /// Requantize, add the int16 value at `residual`, saturate to int16, store int16.
    pub const RESIDUAL: u32 = 2;
    /// Requantize, saturate to int16, store int16.
    pub const INT16: u32 = 3;
    /// Requantize, store int32.
    pub const INT32: u32 = 4;
    /// Requantize, clamp to 11 bits, I-BERT's integer GELU, store int8.
    pub const I_GELU: u32 = 5;

    /// How many there are.
    pub const COUNT: u32 = 6;
}

/// `words` if the epilogue is `of`, else none.
fn only(epilogue: u64, of: u32, words: u64) -> u64 {
    if epilogue == u64::from(of) { words } else { 0 }
}

parameters! {
    /// Parameters of `linear` and `norm_linear`: `out = epilogue(a * w^T + bias)`.
    Linear {
        /// The int8 input, `[rows, k_words]`; not of `norm_linear`.
        a: Input(Byte, if norm_channels == 0 { rows * k_words } else { 0 }),
        /// The int8 weights, `[cols, k_words]`.
        weight: Weights(Int8, cols * k_words),
        /// The channel parameters, two words each: bias (i32), then multiplier (low 16 bits) and shift
        /// (next 8 bits).
        channel: Weights(BiasScale, 2 * cols),
        /// The output, `[rows, out_stride]`.
        out: Output(Any, rows * out_stride),
        /// The int16 residual, `[rows, out_stride]`, which may be the output; only for
        /// `epilogue::RESIDUAL`.
        residual: Input(Any, only(epilogue, epilogue::RESIDUAL, rows * out_stride)),
        /// The 64-word table, and a second one behind it for the columns from `split` on, if there are some; only for
        /// `epilogue::TABLE`.
        table: Weights(Int8, only(epilogue, epilogue::TABLE, if split < cols { 128 } else { 64 })),
        /// Rows in the whole batch.
        rows: Rows,
        /// Words in a row of the input, a multiple of 4.
        k_words: Extent,
        /// Output columns, a multiple of 16.
        cols: Extent,
        /// Words in a row of the output.
        out_stride: Extent,
        /// One of [`epilogue`].
        epilogue: Extent,
        /// Lower clamp of `epilogue::INT8` (an i32): -127, or 0 for ReLU.
        low: Number,
        /// The int16 input of `norm_linear`, `[rows, x_stride]`.
        x: Input(Any, rows * x_stride),
        /// Words in a row of `x`.
        x_stride: Extent,
        /// The channel parameters of the norm (see
        /// [`LayerNorm::channel`](crate::op::layer_norm::LayerNorm::channel)).
        norm_channel: Weights(Norm, 2 * norm_channels),
        /// Channels of the norm, before padding; 0 for `linear`.
        norm_channels: Extent,
        /// Added to the sum of squares: round(channels * eps / scale^2).
        norm_epsilon: Number,
        /// Room `[rows, k_words]` that a variant of `norm_linear` may use for the normalized rows.
        scratch: Scratch(Any, if norm_channels == 0 { 0 } else { rows * k_words }),
        /// Where the polynomial of `epilogue::I_GELU` ends: B.
        gelu_clip: Number,
        /// What stands for 1 in that polynomial: C.
        gelu_one: Number,
        /// Multiplier (16 bits) and shift (next 8) after it.
        gelu_scale: Number,
        /// The first column that has the second table, a multiple of 16; `cols` if there is one table.
        split: Extent,
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = Linear;

    fn twin(p: &Linear, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn multiply_adds(p: &Linear) -> u64 {
        product(&[p.rows, p.cols, p.k_words, 4])
    }

    fn work(p: &Linear) -> u64 {
        Self::multiply_adds(p)
    }

    fn shape(p: &Linear) -> String {
        format!("{}x{}x{}", p.rows, p.k_words * 4, p.cols)
    }

    fn shrink(p: &mut Linear, factor: u32) {
        // A few rows fill no tile, unless there are no more.
        p.rows = p.rows.div_ceil(factor).max(64).min(p.rows);
    }

    fn workgroups(p: &Linear, shader: &Shader) -> u64 {
        if shader.has("TILED") {
            let rows = shader.constant("ROW_GROUPS") * shader.constant("THREAD_ROWS");
            let cols = 16 * shader.constant("COL_GROUPS");
            return product(&[p.rows.div_ceil(rows), p.cols.div_ceil(cols)]);
        }
        let rows = shader.constant("THREADS") * shader.constant("THREAD_ROWS");
        product(&[p.rows.div_ceil(rows), p.cols / 16])
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        product_threads(kernel)
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &Linear, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let [rows, cols] = tile(kernel);
        let tiles = product(&[p.rows.div_ceil(rows), p.cols.div_ceil(cols)]);
        let stages = (rows + cols) * kernel.product(&["TILE_K", "STAGES"]);
        Some(Grid::of(tiles).with_shared(stages.max(sums_bytes(kernel))))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> Linear {
        // At times more rows, columns and inputs than are taken at once.
        let [rows, k, cols] = match draw(1, 4) {
            1 => [draw(101, 150), draw(91, 110), draw(1, 2)],
            2 => [draw(61, 150), draw(1, 12), draw(9, 12)],
            _ => [draw(1, 60), draw(1, 12), draw(1, 12)],
        };
        Linear::drawn(draw, rows, 4 * k, 16 * cols)
    }
}

impl Linear {
    /// A product with any epilogue and its numbers; places are 0.
    pub(in crate::op) fn drawn(
        draw: &mut dyn FnMut(u32, u32) -> u32,
        rows: u32,
        k_words: u32,
        cols: u32,
    ) -> Self {
        let kind = draw(0, epilogue::COUNT - 1);
        let gelu_one = draw(1, crate::I_GELU_MOST_ONE);
        Self {
            rows,
            k_words,
            cols,
            out_stride: Self::stride(kind, cols),
            epilogue: kind,
            low: if draw(0, 1) == 1 { 0 } else { -127i32 as u32 },
            gelu_one,
            gelu_clip: draw(0, gelu_one.isqrt()),
            gelu_scale: draw(0, 65535) | draw(1, 30) << 16,
            split: 16 * draw(0, cols / 16),
            ..Self::default()
        }
    }

    /// Words in a row of `cols` outputs of the epilogue `kind`.
    pub fn stride(kind: u32, cols: u32) -> u32 {
        match kind {
            epilogue::INT8 | epilogue::TABLE | epilogue::I_GELU => cols / 4,
            epilogue::RESIDUAL | epilogue::INT16 => cols / 2,
            _ => cols,
        }
    }
}

/// Threads of a block of a product.
#[cfg(feature = "cuda")]
pub(in crate::op) fn product_threads(kernel: &CudaKernel) -> u32 {
    CudaKernel::LANES * kernel.product(&["ROW_WARPS", "COL_WARPS", "K_WARPS"])
}

/// Rows and columns of a tile.
#[cfg(feature = "cuda")]
pub(in crate::op) fn tile(kernel: &CudaKernel) -> [u32; 2] {
    ["TILE_ROWS", "TILE_COLS"].map(|name| kernel.constant(name))
}

/// Bytes of a tile's sums in shared memory (`shared/tile.cuh`).
#[cfg(feature = "cuda")]
pub(in crate::op) fn sums_bytes(kernel: &CudaKernel) -> u32 {
    let [rows, cols] = tile(kernel);
    4 * rows * (cols + 8) * kernel.constant("K_WARPS")
}
