//! `layer_norm`, and the normalized rows of `norm_linear`.

use bytemuck::{cast, cast_slice, cast_slice_mut};
use intformer_shaders::{
    arithmetic::bits,
    op::layer_norm::{LayerNorm, gather},
};
use wide::{i16x8, i32x4};

use super::{
    linear::{int8, int16},
    memory::split,
    scale::{scale, upper},
};

/// Channels of a vector step.
const STEP: usize = 8;

/// Channel parameters of a norm, eight channels at a time; zeros past the last.
#[derive(Default)]
pub struct Table {
    /// 2 to the power of the exponent.
    power: Vec<i16x8>,
    outputs: Vec<Output>,
}

/// What makes outputs of the units of eight channels.
#[derive(Clone, Copy, Default)]
struct Output {
    multiplier: [i32x4; 2],
    /// The bias, with half of what the shift takes.
    bias: [i32x4; 2],
    /// `2^(31 - shift)`.
    factor: [i32x4; 2],
}

impl Table {
    /// Reads the parameters of `channels` channels.
    pub fn load(&mut self, words: &[u32], channels: usize) {
        self.power.clear();
        self.outputs.clear();
        for words in words[..2 * channels].chunks(2 * STEP) {
            let mut power = [0; STEP];
            let [mut multiplier, mut bias, mut factor] = [[0; STEP]; 3];
            for (at, words) in words.chunks_exact(2).enumerate() {
                let shift = (words[0] >> 16) & 0xff;
                power[at] = 1 << (words[0] >> 24);
                multiplier[at] = i32::from(words[0] as u16 as i16);
                bias[at] = words[1] as i32 + (1 << (shift - 1));
                factor[at] = 1 << (31 - shift);
            }
            self.power.push(i16x8::new(power));
            self.outputs.push(Output {
                multiplier: cast(multiplier),
                bias: cast(bias),
                factor: cast(factor),
            });
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.power.capacity() * size_of::<i16x8>() + self.outputs.capacity() * size_of::<Output>()
    }
}

impl Output {
    /// The outputs of eight channels, unclamped.
    #[inline(always)]
    fn apply(&self, y: [i32x4; 2], stretch: Stretch) -> [i32x4; 2] {
        [
            self.apply_half(0, y[0], stretch),
            self.apply_half(1, y[1], stretch),
        ]
    }

    #[inline(always)]
    fn apply_half(&self, half: usize, y: i32x4, stretch: Stretch) -> i32x4 {
        let limit = i32x4::splat(32767);
        let y = (y << stretch.up) >> stretch.down;
        let unit = scale(y, stretch.reciprocal).max(-limit).min(limit);
        let value = unit * self.multiplier[half] + self.bias[half];
        let product = value.widening_mul(self.factor[half]);
        upper(product + product)
    }
}

/// What makes a row without its mean a row of units: one of the shifts is 0.
#[derive(Clone, Copy)]
struct Stretch {
    up: u32,
    down: u32,
    reciprocal: u32,
}

/// Room for one row.
#[derive(Default)]
pub struct Norm {
    /// Parts side by side, or outputs.
    x: Vec<i16>,
    /// The exact row, then the row without its mean.
    y: Vec<[i32x4; 2]>,
    bytes: Vec<i8>,
    channels: usize,
    /// The sum of the row, in eight parts.
    sum: [i32x4; 2],
}

/// Sets `y` to the exact values of `x` and adds them to `sum`.
#[inline(always)]
fn add(sum: &mut [i32x4; 2], y: &mut [[i32x4; 2]], x: &[[i16; STEP]], power: &[i16x8]) {
    let mut sums = *sum;
    for ((y, &x), &power) in y.iter_mut().zip(x).zip(power) {
        *y = cast(i16x8::new(x).widening_mul(power));
        sums = [sums[0] + y[0], sums[1] + y[1]];
    }
    *sum = sums;
}

/// Zeros what is past `channels`.
fn pad<T: Copy + Default>(row: &mut [T], channels: usize) {
    if channels < row.len() {
        row[channels..].fill(T::default());
    }
}

impl Norm {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        2 * self.x.capacity() + self.y.capacity() * size_of::<[i32x4; 2]>() + self.bytes.capacity()
    }

    /// Takes a row: the first `channels` of each part, which is padded to a multiple of eight.
    pub fn load(&mut self, table: &Table, parts: &[&[i16]], channels: usize) {
        self.channels = parts.len() * channels;
        let steps = self.channels.div_ceil(STEP);
        self.y.resize(steps, Default::default());
        self.x.resize(steps * STEP, 0);
        self.sum = [i32x4::ZERO; 2];
        if parts.len() == 1 || channels.is_multiple_of(STEP) {
            let part_steps = steps / parts.len();
            for (at, part) in parts.iter().enumerate() {
                let first = at * part_steps;
                let (part, _) = part.as_chunks::<STEP>();
                let y = &mut self.y[first..][..part_steps];
                add(&mut self.sum, y, part, &table.power[first..]);
            }
            return;
        }
        for (x, part) in self.x.chunks_exact_mut(channels).zip(parts) {
            x.copy_from_slice(&part[..channels]);
        }
        add(
            &mut self.sum,
            &mut self.y,
            self.x.as_chunks().0,
            &table.power,
        );
    }

    /// The row normalized to int8, padded by zeros to `len`.
    pub fn int8(&mut self, table: &Table, epsilon: u32, len: usize) -> &[i8] {
        let stretch = self.measure(epsilon);
        self.bytes.resize(len.max(self.x.len()), 0);
        let (bytes, _) = self.bytes.as_chunks_mut::<STEP>();
        for ((bytes, &y), output) in bytes.iter_mut().zip(&self.y).zip(&table.outputs) {
            *bytes = int8(output.apply(y, stretch), -127);
        }
        pad(&mut self.bytes, self.channels);
        &self.bytes[..len]
    }

    /// The row normalized to int16, padded by zeros to `len`.
    fn int16(&mut self, table: &Table, epsilon: u32, len: usize) -> &[i16] {
        let stretch = self.measure(epsilon);
        self.x.resize(len.max(self.x.len()), 0);
        let (x, _) = self.x.as_chunks_mut::<STEP>();
        for ((x, &y), output) in x.iter_mut().zip(&self.y).zip(&table.outputs) {
            *x = int16(output.apply(y, stretch)).to_array();
        }
        pad(&mut self.x, self.channels);
        &self.x[..len]
    }

    /// Sets y to the row without its mean; returns what makes units of it.
    fn measure(&mut self, epsilon: u32) -> Stretch {
        let count = self.channels as u32;
        // Offset binary, as the twin: below 2^32 in all.
        let sum = (self.sum[0] + self.sum[1]).reduce_add() as u32;
        let sum = sum.wrapping_add(count << 18);
        let mean = ((sum + count / 2) / count) as i32 - (1 << 18);

        // What is no channel must count as nothing.
        cast_slice_mut::<_, i32>(&mut self.y)[self.channels..].fill(mean);
        let mean = i32x4::splat(mean);
        let mut most = [i32x4::ZERO; 2];
        for y in &mut self.y {
            *y = [y[0] - mean, y[1] - mean];
            most = [most[0].max(y[0].abs()), most[1].max(y[1].abs())];
        }
        let largest = most[0].max(most[1]).reduce_max() as u32;

        let kept = (31 - bits(count - 1)) / 2;
        let down = bits(largest).saturating_sub(kept);
        let mut squares = [i32x4::ZERO; 2];
        for y in &self.y {
            let y = [y[0] >> down, y[1] >> down];
            squares = [squares[0] + y[0] * y[0], squares[1] + y[1] * y[1]];
        }
        // Lanes may wrap: the sum is below 2^32.
        let squares = (squares[0] + squares[1]).reduce_add() as u32;
        let squares = (squares + (epsilon >> (2 * down))).max(1);

        let up = squares.leading_zeros() / 2;
        let root = (squares << (2 * up)).isqrt();
        Stretch {
            up: up.saturating_sub(down),
            down: down.saturating_sub(up),
            reciprocal: ((1 << 31) / root).min(65535),
        }
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
    let [down, across] = p.cells();
    // What lies past an odd side of the map.
    let odd = merge && (p.height | p.width) % 2 == 1;
    let nothing = vec![0; if odd { p.x_stride as usize * 2 } else { 0 }];
    for (row, out) in (0..p.rows).zip(out.chunks_exact_mut(stride)) {
        let token = |row: u32| -> &[i16] {
            let offset = (p.x + row * p.x_stride) as usize;
            cast_slice(rest.words(offset, p.x_stride as usize))
        };
        if merge {
            let image = row / (down * across);
            let cell = row % (down * across);
            let (y, x) = (2 * (cell / across), 2 * (cell % across));
            let part = |(dy, dx)| match y + dy < p.height && x + dx < p.width {
                true => token((image * p.height + y + dy) * p.width + x + dx),
                false => &nothing[..],
            };
            let parts = [(0, 0), (1, 0), (0, 1), (1, 1)].map(part);
            norm.load(table, &parts, channels);
        } else {
            norm.load(table, &[token(row)], channels);
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
