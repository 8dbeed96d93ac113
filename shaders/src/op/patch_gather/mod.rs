//! u8 pixels to int8 patches.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

parameters! {
    /// Parameters of `patch_gather`.
    PatchGather {
        /// The images: `image_stride` words each, bytes in HWC order.
        image: Input(Any, rows.div_ceil((prefix + grid_height * grid_width).max(1)) * image_stride),
        /// The patches of each image, `[rows, k_words]`, after `prefix` rows of zeros.
        out: Output(Any, rows * k_words),
        /// Rows in the whole batch.
        rows: Rows,
        /// Words in a row of the output; bytes past the patch are zero.
        k_words: Extent,
        /// Words of one image.
        image_stride: Extent,
        /// Height of the patch grid.
        grid_height: Extent,
        /// Width of the patch grid.
        grid_width: Extent,
        /// Image channels.
        channels: Extent,
        /// Side of a patch in pixels.
        patch_size: Extent,
        /// Rows before the patches of an image.
        prefix: Extent,
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = PatchGather;

    fn twin(p: &PatchGather, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn work(p: &PatchGather) -> u64 {
        product(&[p.rows, p.k_words, 4])
    }

    fn shape(p: &PatchGather) -> String {
        format!("{}x{}", p.rows, p.k_words * 4)
    }

    fn shrink(p: &mut PatchGather, factor: u32) {
        p.rows = p.rows.div_ceil(factor);
    }

    fn workgroups(p: &PatchGather, shader: &Shader) -> u64 {
        product(&[p.rows, p.k_words]).div_ceil(shader.threads())
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        kernel.constant("THREADS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &PatchGather, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let words = product(&[p.rows, p.k_words]);
        Some(Grid::of(words.div_ceil(kernel.threads().into())))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> PatchGather {
        let [grid_height, grid_width] = [draw(1, 6), draw(1, 6)];
        let [batch, channels, patch_size] = [draw(1, 5), draw(1, 4), draw(1, 5)];
        let prefix = draw(0, 2);
        let patches = PatchGather::new(batch, [grid_height, grid_width], channels, patch_size);
        PatchGather {
            rows: patches.rows + batch * prefix,
            prefix,
            ..patches
        }
    }
}

impl PatchGather {
    /// The patches of `batch` images and no other rows; places are 0.
    pub fn new(
        batch: u32,
        [grid_height, grid_width]: [u32; 2],
        channels: u32,
        patch_size: u32,
    ) -> Self {
        let patch = channels * patch_size * patch_size;
        Self {
            rows: batch * grid_height * grid_width,
            k_words: patch.div_ceil(16) * 4,
            image_stride: (grid_height * grid_width * patch).div_ceil(4),
            grid_height,
            grid_width,
            channels,
            patch_size,
            ..Self::default()
        }
    }
}
