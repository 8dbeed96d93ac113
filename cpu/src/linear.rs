//! `linear` and `norm_linear`.

use bytemuck::{cast, cast_slice, cast_slice_mut};
use intformer_shaders::{
    I_GELU_LARGEST,
    arithmetic::unpack_scale,
    op::linear::{Linear, epilogue},
};
use wide::{i8x16, i16x8, i16x16, i32x4, i32x8};

use super::{
    memory::{Rest, split},
    norm::{Norm, Table},
    product::{COLS, DEPTH, ROWS, dots, widen_row},
    scale::{Scales, requantize_all},
};

/// Bytes of the rows that are widened at once: they stay in the second cache.
const BLOCK_BYTES: usize = 320 << 10;

/// Room for a block of rows.
#[derive(Default)]
pub struct LinearRoom {
    rows: Vec<i16x8>,
    /// Their sums with eight columns.
    sums: Vec<[i32x4; 2]>,
}

impl LinearRoom {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<i16x8>() + self.sums.capacity() * size_of::<[i32x4; 2]>()
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
    room: &mut LinearRoom,
    mut source: Source,
) {
    let k = p.k_words as usize * 4;
    let depth = k / DEPTH;
    let (rows, stride) = (p.rows as usize, p.out_stride as usize);
    let out = p.out as usize;
    let (out, rest) = split(arena, out..out + rows * stride);
    let store = Store::new(p, weights, rest);

    let block = (BLOCK_BYTES / (2 * k))
        .max(1)
        .next_multiple_of(ROWS)
        .min(rows.next_multiple_of(ROWS));
    room.rows
        .resize(room.rows.len().max(block * depth), i16x8::ZERO);

    for (at, out) in out.chunks_mut(block * stride).enumerate() {
        let first = at * block;
        let count = out.len() / stride;
        let present = count.next_multiple_of(ROWS);
        let wide_rows = room.rows.chunks_exact_mut(depth);
        for (row, wide) in wide_rows.enumerate().take(present) {
            // Rows past the last repeat it: nothing of them is stored.
            let from = first + row.min(count - 1);
            match &mut source {
                Source::Rows => {
                    let words = rest.words(p.a as usize + from * p.k_words as usize, k / 4);
                    widen_row(wide, cast_slice(words));
                }
                Source::Norm(table, norm) => {
                    let x_stride = p.x_stride as usize;
                    let words = rest.words(p.x as usize + from * x_stride, x_stride);
                    norm.load(table, &[cast_slice(words)], p.norm_channels as usize);
                    widen_row(wide, norm.int8(table, p.norm_epsilon, k));
                }
            }
        }
        let rows = &room.rows[..present * depth];
        for col in (0..p.cols as usize).step_by(COLS) {
            let (bias, scales) = channels(&weights[p.channel as usize + 2 * col..]);
            let columns: [&[i8]; COLS] = std::array::from_fn(|at| {
                let words = p.weight as usize + (col + at) * p.k_words as usize;
                cast_slice(&weights[words..][..p.k_words as usize])
            });
            room.sums.clear();
            for rows in rows.chunks_exact(ROWS * depth) {
                room.sums.extend(dots(rows, columns, bias));
            }
            store.put(&room.sums, &scales, [first, col], out);
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

/// What becomes of requantized sums.
struct Store<'a> {
    kind: u32,
    low: i16,
    /// Of the columns before `split`, and from it on.
    tables: [&'a [u8; 256]; 2],
    split: usize,
    gelu: IGelu,
    /// The residual, or `None` if it is the output.
    residual: Option<&'a [u32]>,
    stride: usize,
}

impl<'a> Store<'a> {
    fn new(p: &Linear, weights: &'a [u32], rest: Rest<'a>) -> Self {
        let table = |at: u32| -> &[u8; 256] {
            let words = &weights[(p.table + 64 * at) as usize..][..64];
            cast_slice(words).try_into().expect("256 bytes")
        };
        let tables = match p.epilogue {
            epilogue::TABLE if p.split < p.cols => [0, 1].map(table),
            epilogue::TABLE => [table(0); 2],
            _ => [&[0; 256]; 2],
        };
        let other = p.epilogue == epilogue::RESIDUAL && p.residual != p.out;
        let words = (p.rows * p.out_stride) as usize;
        Self {
            kind: p.epilogue,
            low: (p.low as i32) as i16,
            tables,
            split: p.split as usize,
            gelu: IGelu::new(p),
            residual: other.then(|| rest.words(p.residual as usize, words)),
            stride: p.out_stride as usize,
        }
    }

    /// Stores the outputs of eight columns from `col` on in the rows of `out`, of which `first`
    /// are before.
    fn put(&self, sums: &[[i32x4; 2]], scales: &Scales, [first, col]: [usize; 2], out: &mut [u32]) {
        let stride = self.stride;
        match self.kind {
            epilogue::INT8 => each(sums, scales, out, stride, |_, values, out| {
                let bytes = int8(values, self.low);
                out[col / 4..][..COLS / 4].copy_from_slice(&cast::<_, [u32; 2]>(bytes));
            }),
            epilogue::TABLE => {
                let table = self.tables[usize::from(col >= self.split)];
                each(sums, scales, out, stride, |_, values, out| {
                    let out: &mut [u8] = cast_slice_mut(&mut out[col / 4..][..COLS / 4]);
                    for (out, value) in out.iter_mut().zip(int8(values, -127)) {
                        *out = table[usize::from(value as u8 ^ 0x80)];
                    }
                });
            }
            epilogue::I_GELU => each(sums, scales, out, stride, |_, values, out| {
                let bytes = int8(values.map(|values| self.gelu.apply(values)), -127);
                out[col / 4..][..COLS / 4].copy_from_slice(&cast::<_, [u32; 2]>(bytes));
            }),
            epilogue::RESIDUAL => each(sums, scales, out, stride, |row, values, out| {
                let out = &mut out[col / 2..][..COLS / 2];
                let before = match self.residual {
                    Some(words) => &words[(first + row) * stride + col / 2..][..COLS / 2],
                    None => &*out,
                };
                let before: [u32; COLS / 2] = before.try_into().expect("eight columns");
                let before: [i32x4; 2] = cast(i32x8::from_i16x8(cast(before)));
                let sums = int16([values[0] + before[0], values[1] + before[1]]);
                out.copy_from_slice(&cast::<_, [u32; COLS / 2]>(sums));
            }),
            epilogue::INT16 => each(sums, scales, out, stride, |_, values, out| {
                let values: [u32; COLS / 2] = cast(int16(values));
                out[col / 2..][..COLS / 2].copy_from_slice(&values);
            }),
            epilogue::INT32 => each(sums, scales, out, stride, |_, values, out| {
                out[col..][..COLS].copy_from_slice(&cast::<_, [u32; COLS]>(values));
            }),
            other => unreachable!("no epilogue {other}"),
        }
    }
}

/// I-BERT's integer GELU (`intformer_shaders::i_gelu`), requantized.
struct IGelu {
    clip: i32x4,
    two: i32x4,
    scale: (u32, u32),
}

impl IGelu {
    fn new(p: &Linear) -> Self {
        Self {
            clip: i32x4::splat(p.gelu_clip as i32),
            two: i32x4::splat(2 * p.gelu_one as i32),
            scale: unpack_scale(p.gelu_scale),
        }
    }

    #[inline(always)]
    fn apply(&self, values: i32x4) -> i32x4 {
        let most = i32x4::splat(I_GELU_LARGEST);
        let q = values.min(most).max(-most);
        let u = self.clip - q.abs().min(self.clip);
        let square = u * u;
        let negative = q.simd_lt(i32x4::ZERO);
        let wide = q * negative.select(square, self.two - square);
        requantize_all(wide, self.scale.0, self.scale.1)
    }
}

/// Calls `put` with each row's place, its requantized sums, and its words.
#[inline(always)]
fn each(
    sums: &[[i32x4; 2]],
    scales: &Scales,
    out: &mut [u32],
    stride: usize,
    put: impl Fn(usize, [i32x4; 2], &mut [u32]),
) {
    for (row, (&sums, out)) in sums.iter().zip(out.chunks_exact_mut(stride)).enumerate() {
        put(row, scales.apply(sums, 0), out);
    }
}

/// Saturated to int16.
#[inline(always)]
pub fn int16(values: [i32x4; 2]) -> i16x8 {
    i16x8::from_i32x8_saturate(cast(values))
}

/// Clamped to `[low, 127]`.
#[inline(always)]
pub fn int8(values: [i32x4; 2], low: i16) -> [i8; COLS] {
    let values = int16(values).max(i16x8::splat(low));
    let bytes = i8x16::from_i16x16_saturate(cast::<[i16x8; 2], i16x16>([values, values]));
    let [bytes, _]: [[i8; COLS]; 2] = cast(bytes);
    bytes
}
