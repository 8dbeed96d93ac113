//! `linear` and `norm_linear`.

use bytemuck::{cast, cast_slice, cast_slice_mut};
use intformer_shaders::params::{Linear, epilogue};
use wide::{i8x16, i16x8, i16x16, i32x4, i32x8};

use super::{
    memory::{Rest, split},
    norm::{Norm, Table},
    product::{COLS, Left, ROWS, Right, Tile, put_columns, put_row, tile},
    scale::Scales,
};

/// Bytes of the rows that are widened at once: they stay in the second cache.
const BLOCK_BYTES: usize = 192 << 10;

/// Room for a block of rows and for eight columns.
#[derive(Default)]
pub struct Panels {
    left: Vec<Left>,
    right: Vec<Right>,
}

impl Panels {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.left.capacity() * size_of::<Left>() + self.right.capacity() * size_of::<Right>()
    }
}

/// Where the int8 rows come from.
pub enum Source<'a> {
    /// The arena.
    Rows,
    /// The norm of int16 rows.
    Norm(&'a Table, &'a mut Norm),
}

/// Runs one dispatch.
pub fn linear(
    p: &Linear,
    weights: &[u32],
    arena: &mut [u32],
    panels: &mut Panels,
    mut source: Source,
) {
    let k = p.k_words as usize * 4;
    let depth = k / 2;
    let (rows, stride) = (p.rows as usize, p.out_stride as usize);
    let out = p.out as usize;
    let (out, rest) = split(arena, out..out + rows * stride);
    let store = Store::new(p, weights, rest);

    let block = (BLOCK_BYTES / (2 * k))
        .next_multiple_of(ROWS)
        .min(rows.next_multiple_of(ROWS));
    panels
        .left
        .resize(panels.left.len().max(block / ROWS * depth), Left::default());
    panels
        .right
        .resize(panels.right.len().max(depth), Right::default());
    let right = &mut panels.right[..depth];

    for (at, out) in out.chunks_mut(block * stride).enumerate() {
        let first = at * block;
        let count = out.len() / stride;
        for row in 0..count.next_multiple_of(ROWS) {
            let left = &mut panels.left[row / ROWS * depth..][..depth];
            // Rows past the last repeat it: nothing of them is stored.
            let from = first + row.min(count - 1);
            match &mut source {
                Source::Rows => {
                    let words = rest.words(p.a as usize + from * p.k_words as usize, k / 4);
                    put_row(left, row % ROWS, cast_slice(words));
                }
                Source::Norm(table, norm) => {
                    let x_stride = p.x_stride as usize;
                    let words = rest.words(p.x as usize + from * x_stride, x_stride);
                    norm.load(&[cast_slice(words)], p.norm_channels as usize);
                    put_row(left, row % ROWS, norm.int8(table, p.norm_epsilon, k));
                }
            }
        }
        let left = &panels.left[..count.div_ceil(ROWS) * depth];
        for col in (0..p.cols as usize).step_by(COLS) {
            let column = |i| {
                let words = p.weight as usize + (col + i) * p.k_words as usize;
                cast_slice(&weights[words..][..k / 4])
            };
            put_columns(right, std::array::from_fn(column));
            let (bias, scales) = channels(&weights[p.channel as usize + 2 * col..]);
            for (group, left) in left.chunks_exact(depth).enumerate() {
                let sums = tile(left, right, bias);
                let values = sums.map(|sums| scales.apply(sums, 0));
                let count = ROWS.min(count - group * ROWS);
                let place = Place {
                    row: group * ROWS,
                    first,
                    count,
                    col,
                };
                store.put(values, place, out);
            }
        }
    }
}

/// Biases and scales of eight columns.
fn channels(words: &[u32]) -> ([i32x4; 2], Scales) {
    let bias: [u32; COLS] = std::array::from_fn(|i| words[2 * i]);
    (
        cast(bias),
        Scales::new(std::array::from_fn(|i| words[2 * i + 1])),
    )
}

/// Where a tile goes.
struct Place {
    /// First row in the block.
    row: usize,
    /// Rows before the block.
    first: usize,
    /// Rows to store.
    count: usize,
    /// First column.
    col: usize,
}

/// What becomes of requantized sums.
struct Store<'a> {
    kind: u32,
    low: i16,
    table: &'a [u8; 256],
    /// The residual, or `None` if it is the output.
    residual: Option<&'a [u32]>,
    stride: usize,
}

impl<'a> Store<'a> {
    fn new(p: &Linear, weights: &'a [u32], rest: Rest<'a>) -> Self {
        let table: &[u8] = match p.epilogue {
            epilogue::TABLE => cast_slice(&weights[p.table as usize..][..64]),
            _ => &[0; 256],
        };
        let other = p.epilogue == epilogue::RESIDUAL && p.residual != p.out;
        let words = (p.rows * p.out_stride) as usize;
        Self {
            kind: p.epilogue,
            low: (p.low as i32) as i16,
            table: table.try_into().expect("256 bytes"),
            residual: other.then(|| rest.words(p.residual as usize, words)),
            stride: p.out_stride as usize,
        }
    }

    #[inline]
    fn put(&self, values: Tile, place: Place, out: &mut [u32]) {
        let out = &mut out[place.row * self.stride..];
        let rows = out.chunks_mut(self.stride).take(place.count);
        let col = place.col;
        for (at, (out, values)) in rows.zip(values).enumerate() {
            match self.kind {
                epilogue::INT8 => {
                    let out: &mut [i8] = cast_slice_mut(out);
                    out[col..][..COLS].copy_from_slice(&int8(values, self.low));
                }
                epilogue::TABLE => {
                    let out: &mut [u8] = cast_slice_mut(out);
                    let entries = int8(values, -127).map(|value| value as u8 ^ 0x80);
                    let bytes = entries.map(|entry| self.table[usize::from(entry)]);
                    out[col..][..COLS].copy_from_slice(&bytes);
                }
                epilogue::RESIDUAL => {
                    let row = (place.first + place.row + at) * self.stride;
                    let before = match self.residual {
                        Some(words) => &words[row..][..self.stride],
                        None => &*out,
                    };
                    let before: &[i16; COLS] = cast_slice(before)[col..][..COLS]
                        .try_into()
                        .expect("eight columns");
                    let before: [i32x4; 2] = cast(i32x8::from_i16x8(i16x8::new(*before)));
                    let sums = [values[0] + before[0], values[1] + before[1]];
                    let out: &mut [i16] = cast_slice_mut(out);
                    out[col..][..COLS].copy_from_slice(&int16(sums).to_array());
                }
                epilogue::INT16 => {
                    let out: &mut [i16] = cast_slice_mut(out);
                    out[col..][..COLS].copy_from_slice(&int16(values).to_array());
                }
                epilogue::INT32 => {
                    let values: [u32; COLS] = cast(values);
                    out[col..][..COLS].copy_from_slice(&values);
                }
                other => unreachable!("no epilogue {other}"),
            }
        }
    }
}

/// Saturated to int16.
#[inline]
pub fn int16(values: [i32x4; 2]) -> i16x8 {
    i16x8::from_i32x8_saturate(cast(values))
}

/// Clamped to `[low, 127]`.
#[inline]
pub fn int8(values: [i32x4; 2], low: i16) -> [i8; COLS] {
    let values = int16(values).max(i16x8::splat(low));
    let bytes = i8x16::from_i16x16_saturate(cast::<[i16x8; 2], i16x16>([values, values]));
    let [bytes, _]: [[i8; COLS]; 2] = cast(bytes);
    bytes
}
