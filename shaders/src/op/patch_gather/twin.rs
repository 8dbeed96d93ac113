//! The scalar twin: u8 pixels to int8 patches, bytes in the order (y, x, channel).

use super::PatchGather;
use crate::shared::memory::{int8_mut, uint8};

/// Runs one dispatch.
pub fn twin(p: &PatchGather, _weights: &[u32], arena: &mut [u32]) {
    let row_bytes = p.grid_width * p.patch_size * p.channels;
    let patch_bytes = (p.patch_size * p.channels) as usize;
    for row in 0..p.rows {
        let image_rows = p.prefix + p.grid_height * p.grid_width;
        let (image, at) = (row / image_rows, row % image_rows);
        if at < p.prefix {
            let words = p.k_words as usize * 4;
            int8_mut(arena, p.out + row * p.k_words, words).fill(0);
            continue;
        }
        let cell = at - p.prefix;
        let (grid_y, grid_x) = (cell / p.grid_width, cell % p.grid_width);
        let mut patch = vec![0i8; p.k_words as usize * 4];
        for y in 0..p.patch_size {
            let start =
                (grid_y * p.patch_size + y) * row_bytes + grid_x * p.patch_size * p.channels;
            let image_words = p.image + image * p.image_stride;
            let pixels = uint8(arena, image_words, (start as usize) + patch_bytes);
            for i in 0..patch_bytes {
                // 0..255 becomes -128..127.
                patch[y as usize * patch_bytes + i] = (pixels[start as usize + i] ^ 0x80) as i8;
            }
        }
        int8_mut(arena, p.out + row * p.k_words, patch.len()).copy_from_slice(&patch);
    }
}
