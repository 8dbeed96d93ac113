//! `patch_gather`, `shift_gelu` and `mean_pool`.

use bytemuck::{cast_slice, cast_slice_mut};
use intformer_shaders::{
    arithmetic::{clamp8, requantize, unpack_scale},
    op::{
        mean_pool::MeanPool,
        patch_gather::PatchGather,
        shift_gelu::{ShiftGelu, ShiftTables},
    },
};

use super::memory::split;

/// Runs one dispatch.
pub fn patch_gather(p: &PatchGather, arena: &mut [u32]) {
    let (out, stride) = (p.out as usize, p.k_words as usize);
    let (out, rest) = split(arena, out..out + p.rows as usize * stride);
    let [down, across] = [p.grid_height, p.grid_width].map(|side| side as usize);
    let side = p.patch_size as usize;
    let bytes = side * p.channels as usize;
    let image_stride = p.image_stride as usize;
    let prefix = p.prefix as usize;
    let image_rows = prefix + down * across;
    for (row, out) in out.chunks_exact_mut(stride).enumerate() {
        let (image, at) = (row / image_rows, row % image_rows);
        let Some(cell) = at.checked_sub(prefix) else {
            out.fill(0);
            continue;
        };
        let words = rest.words(p.image as usize + image * image_stride, image_stride);
        let pixels: &[u8] = cast_slice(words);
        let first = cell / across * side * across * bytes + cell % across * bytes;
        let out: &mut [u8] = cast_slice_mut(out);
        for (y, out) in out.chunks_exact_mut(bytes).take(side).enumerate() {
            let line = &pixels[first + y * across * bytes..][..bytes];
            // 0..255 becomes -128..127.
            for (out, pixel) in out.iter_mut().zip(line) {
                *out = pixel ^ 0x80;
            }
        }
        out[side * bytes..].fill(0);
    }
}

/// Runs one dispatch. What a value becomes depends on the top of its row alone: there are few tops,
/// so a table for each replaces exponentials and divisions.
pub fn shift_gelu(p: &ShiftGelu, arena: &mut [u32], tables: &mut ShiftTables) {
    let (out, stride) = (p.out as usize, p.k_words as usize);
    let (out, rest) = split(arena, out..out + p.rows as usize * stride);
    let mut outputs = tables.rows(p);
    for (row, out) in out.chunks_exact_mut(stride).enumerate() {
        let x = rest.words(p.x as usize + row * stride, stride);
        outputs(cast_slice(x), cast_slice_mut(out));
    }
}

/// Runs one dispatch; `sums` is room for one row.
pub fn mean_pool(p: &MeanPool, weights: &[u32], arena: &mut [u32], sums: &mut Vec<i32>) {
    let (out, stride) = (p.out as usize, p.stride as usize);
    let (out, rest) = split(arena, out..out + p.batch as usize * stride);
    let scales = &weights[p.channel as usize..][..4 * stride];
    let words = p.tokens as usize * stride;
    for (image, out) in out.chunks_exact_mut(stride).enumerate() {
        sums.clear();
        sums.resize(4 * stride, 0);
        let tokens: &[i8] = cast_slice(rest.words(p.x as usize + image * words, words));
        for row in tokens.chunks_exact(4 * stride) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value);
            }
        }
        let out: &mut [i8] = cast_slice_mut(out);
        for ((out, &sum), &scale) in out.iter_mut().zip(&*sums).zip(scales) {
            let (multiplier, shift) = unpack_scale(scale);
            *out = clamp8(requantize(sum, multiplier, shift), -127);
        }
    }
}
