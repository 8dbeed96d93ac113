//! `layer_norm`, and the normalized rows of `norm_linear`.

use bytemuck::{cast, cast_slice, cast_slice_mut};
use intformer_shaders::{
    params::{LayerNorm, gather},
    twin::arithmetic::bits,
};
use wide::{i16x8, i32x4, i32x8};

use super::{
    linear::{int8, int16},
    memory::split,
    scale::{scale, upper},
};

/// Channels of a vector step.
const STEP: usize = 8;

/// Channel parameters of a norm, each in a list of its own and padded by zeros.
#[derive(Default)]
pub struct Table {
    /// 2 to the power of the exponent.
    power: Vec<[i32x4; 2]>,
    multiplier: Vec<[i32x4; 2]>,
    /// The bias, with half of what the shift takes.
    bias: Vec<[i32x4; 2]>,
    /// `2^(31 - shift)`.
    factor: Vec<[i32x4; 2]>,
}

impl Table {
    /// Reads the parameters of `channels` channels.
    pub fn load(&mut self, words: &[u32], channels: usize) {
        let words = &words[..2 * channels];
        let fill = |list: &mut Vec<[i32x4; 2]>, value: fn(u32, i32) -> i32| {
            list.clear();
            list.extend(words.chunks(2 * STEP).map(|words| {
                let mut lanes = [0; STEP];
                for (lane, word) in lanes.iter_mut().zip(words.chunks_exact(2)) {
                    *lane = value(word[0], word[1] as i32);
                }
                cast::<[i32; STEP], [i32x4; 2]>(lanes)
            }));
        };
        fill(&mut self.power, |word, _| 1 << (word >> 24));
        fill(&mut self.multiplier, |word, _| {
            i32::from(word as u16 as i16)
        });
        fill(&mut self.bias, |word, bias| {
            bias + (1 << (((word >> 16) & 0xff) - 1))
        });
        fill(&mut self.factor, |word, _| {
            1 << (31 - ((word >> 16) & 0xff))
        });
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let lists = [&self.power, &self.multiplier, &self.bias, &self.factor];
        lists
            .map(|list| list.capacity() * size_of::<[i32x4; 2]>())
            .iter()
            .sum()
    }
}

/// Room for one row.
#[derive(Default)]
pub struct Norm {
    /// The row; past its channels anything.
    x: Vec<i16>,
    y: Vec<[i32x4; 2]>,
    bytes: Vec<i8>,
    channels: usize,
}

impl Norm {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        2 * self.x.capacity() + self.y.capacity() * size_of::<[i32x4; 2]>() + self.bytes.capacity()
    }

    /// Takes a row: the first `channels` of each part.
    pub fn load(&mut self, parts: &[&[i16]], channels: usize) {
        self.channels = parts.len() * channels;
        let padded = self.channels.next_multiple_of(STEP);
        self.x.resize(padded, 0);
        self.y.resize(padded / STEP, Default::default());
        for (x, part) in self.x.chunks_exact_mut(channels).zip(parts) {
            x.copy_from_slice(&part[..channels]);
        }
    }

    /// The row normalized to int8, padded by zeros to `len`.
    pub fn int8(&mut self, table: &Table, epsilon: u32, len: usize) -> &[i8] {
        let (shift, reciprocal) = self.measure(table, epsilon);
        self.bytes.resize(len.max(self.x.len()), 0);
        let steps = self.bytes.chunks_exact_mut(STEP).zip(&self.y);
        for (at, (bytes, &y)) in steps.enumerate().take(self.channels.div_ceil(STEP)) {
            bytes.copy_from_slice(&int8(table.apply(at, y, shift, reciprocal), -127));
        }
        self.bytes[self.channels..].fill(0);
        &self.bytes[..len]
    }

    /// The row normalized to int16, padded by zeros to `len`.
    fn int16(&mut self, table: &Table, epsilon: u32, len: usize) -> &[i16] {
        let (shift, reciprocal) = self.measure(table, epsilon);
        self.x.resize(len.max(self.x.len()), 0);
        let steps = self.x.chunks_exact_mut(STEP).zip(&self.y);
        for (at, (x, &y)) in steps.enumerate().take(self.channels.div_ceil(STEP)) {
            x.copy_from_slice(&int16(table.apply(at, y, shift, reciprocal)).to_array());
        }
        self.x[self.channels..].fill(0);
        &self.x[..len]
    }

    /// Sets y to the row without its mean; returns by how much it must be shifted left, and what
    /// it must then be multiplied by.
    fn measure(&mut self, table: &Table, epsilon: u32) -> (i32, u32) {
        let count = self.channels as u32;
        let steps = self.channels.div_ceil(STEP);
        let y = &mut self.y[..steps];

        let mut sums = [i32x4::ZERO; 2];
        let x = self.x.chunks_exact(STEP);
        for ((y, x), power) in y.iter_mut().zip(x).zip(&table.power) {
            let x: &[i16; STEP] = x.try_into().expect("eight channels");
            let x: [i32x4; 2] = cast(i32x8::from_i16x8(i16x8::new(*x)));
            *y = [x[0] * power[0], x[1] * power[1]];
            sums = [sums[0] + y[0], sums[1] + y[1]];
        }
        // Offset binary, as the twin: below 2^32 in all.
        let sum = (sums[0] + sums[1]).reduce_add() as u32;
        let sum = sum.wrapping_add(count << 18);
        let mean = ((sum + count / 2) / count) as i32 - (1 << 18);

        let mean = i32x4::splat(mean);
        for y in y.iter_mut() {
            *y = [y[0] - mean, y[1] - mean];
        }
        if let Some(last) = y.last_mut() {
            let lanes: &mut [i32] = cast_slice_mut(last);
            lanes[(self.channels - 1) % STEP + 1..].fill(0);
        }
        let most = y
            .iter()
            .fold(i32x4::ZERO, |most, y| most.max(y[0].abs()).max(y[1].abs()));
        let largest = most.reduce_max() as u32;

        let kept = (31 - bits(count - 1)) / 2;
        let down = bits(largest).saturating_sub(kept);
        let squares = y.iter().fold(i32x4::ZERO, |sum, y| {
            let y = [y[0] >> down, y[1] >> down];
            sum + y[0] * y[0] + y[1] * y[1]
        });
        // Lanes may wrap, the sum below 2^32 does not mind.
        let squares = squares
            .to_array()
            .into_iter()
            .fold(0u32, |sum, lane| sum.wrapping_add(lane as u32));
        let squares = (squares + (epsilon >> (2 * down))).max(1);

        let up = squares.leading_zeros() / 2;
        let root = (squares << (2 * up)).isqrt();
        (up as i32 - down as i32, ((1 << 31) / root).min(65535))
    }
}

impl Table {
    /// The outputs of the channels of step `at`, unclamped.
    #[inline]
    fn apply(&self, at: usize, y: [i32x4; 2], shift: i32, reciprocal: u32) -> [i32x4; 2] {
        let limit = i32x4::splat(32767);
        [0, 1].map(|i| {
            let y = if shift >= 0 {
                y[i] << shift.unsigned_abs()
            } else {
                y[i] >> shift.unsigned_abs()
            };
            let unit = scale(y, reciprocal).max(-limit).min(limit);
            let value = unit * self.multiplier[at][i] + self.bias[at][i];
            let product = value.widening_mul(self.factor[at][i]);
            upper(product + product)
        })
    }
}

/// Runs one dispatch.
pub fn layer_norm(
    p: &LayerNorm,
    weights: &[u32],
    arena: &mut [u32],
    table: &mut Table,
    norm: &mut Norm,
) {
    let channels = p.channels as usize;
    let merge = p.gather == gather::MERGE;
    let parts = if merge { 4 } else { 1 };
    table.load(&weights[p.channel as usize..], parts * channels);
    let (out, stride) = (p.out as usize, p.out_stride as usize);
    let (out, rest) = split(arena, out..out + p.rows as usize * stride);
    let (half_height, half_width) = (p.height / 2, p.width / 2);
    for (row, out) in (0..p.rows).zip(out.chunks_exact_mut(stride)) {
        let token = |row: u32| -> &[i16] {
            let offset = (p.x + row * p.x_stride) as usize;
            cast_slice(rest.words(offset, p.x_stride as usize))
        };
        if merge {
            let image = row / (half_height * half_width);
            let cell = row % (half_height * half_width);
            let (y, x) = (2 * (cell / half_width), 2 * (cell % half_width));
            let first = (image * p.height + y) * p.width + x;
            let rows = [first, first + p.width, first + 1, first + p.width + 1];
            norm.load(&rows.map(token), channels);
        } else {
            norm.load(&[token(row)], channels);
        }
        if p.wide == 1 {
            let out: &mut [i16] = cast_slice_mut(out);
            out.copy_from_slice(norm.int16(table, p.epsilon, out.len()));
        } else {
            let out: &mut [i8] = cast_slice_mut(out);
            out.copy_from_slice(norm.int8(table, p.epsilon, out.len()));
        }
    }
}
