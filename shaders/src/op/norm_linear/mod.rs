//! Layer normalization of int16 rows, then an int8 matrix product.

mod twin;

use super::{
    Dispatch, Operation,
    layer_norm::{LayerNorm, gather},
    linear::{self, Linear},
    product,
};
use crate::Shader;
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};

/// The largest `k_words` that every adapter's variants take; a plan uses `layer_norm` and `linear` for
/// longer rows.
pub const MAX_K_WORDS: u32 = 384;

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = Linear;

    fn twin(p: &Linear, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn multiply_adds(p: &Linear) -> u64 {
        linear::Op::multiply_adds(p)
    }

    fn work(p: &Linear) -> u64 {
        linear::Op::work(p)
    }

    fn shape(p: &Linear) -> String {
        linear::Op::shape(p)
    }

    fn shrink(p: &mut Linear, factor: u32) {
        linear::Op::shrink(p, factor);
    }

    fn fits(p: &Linear, shader: &Shader) -> bool {
        !shader.has("TOGETHER") || p.k_words <= 4 * shader.constant("K_LIMIT")
    }

    fn workgroups(p: &Linear, shader: &Shader) -> u64 {
        if shader.has("TOGETHER") {
            let cols = 16 * shader.constant("COL_GROUPS");
            let blocks = p.rows.div_ceil(shader.constant("ROWS"));
            return product(&[blocks, p.cols.div_ceil(cols)]);
        }
        let rows = shader.constant("THREADS") * shader.constant("THREAD_ROWS");
        u64::from(p.rows.div_ceil(rows))
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        linear::product_threads(kernel)
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &Linear, kernel: &CudaKernel, processors: u32) -> Option<Grid> {
        if p.norm_channels.div_ceil(4 * CudaKernel::LANES) > kernel.constant("GROUPS") {
            return None;
        }
        let [rows, cols] = linear::tile(kernel);
        let blocks = p.rows.div_ceil(rows);
        let tiles = p.cols.div_ceil(cols);
        // Enough blocks for every multiprocessor, each with as many tiles as that leaves it.
        let wanted = (2 * processors).div_ceil(blocks).clamp(1, tiles);
        let input = rows * (4 * p.k_words).next_multiple_of(kernel.constant("TILE_K"));
        let stages = cols * kernel.product(&["TILE_K", "STAGES"]);
        Some(Grid {
            blocks: [blocks.into(), tiles.div_ceil(tiles.div_ceil(wanted)).into()],
            shared_bytes: input + stages.max(linear::sums_bytes(kernel)),
        })
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> Linear {
        let k = match draw(1, 8) {
            1 => draw(40, 60),
            2 => MAX_K_WORDS / 4,
            _ => draw(1, 12),
        };
        let channels = 16 * k - draw(0, 15);
        let [rows, cols] = [draw(1, 40), draw(1, 20)];
        Linear {
            x_stride: 8 * k,
            norm_channels: channels,
            norm_epsilon: LayerNorm::draw_epsilon(draw),
            ..Linear::drawn(draw, rows, 4 * k, 16 * cols)
        }
    }
}

/// The norm to the scratch, and the product of that.
pub(super) fn split(p: &Linear) -> [Dispatch; 2] {
    let norm = LayerNorm {
        x: p.x,
        x_stride: p.x_stride,
        out: p.scratch,
        out_stride: p.k_words,
        rows: p.rows,
        channels: p.norm_channels,
        channel: p.norm_channel,
        epsilon: p.norm_epsilon,
        gather: gather::ROW,
        ..LayerNorm::default()
    };
    let product = Linear {
        a: p.scratch,
        x_stride: 0,
        norm_channels: 0,
        ..*p
    };
    [Dispatch::LayerNorm(norm), Dispatch::Linear(product)]
}
