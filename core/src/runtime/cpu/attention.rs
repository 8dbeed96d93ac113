//! `window_attention`: one window and head at a time.

use bytemuck::{cast_slice, cast_slice_mut};
use intformer_shaders::{
    ATTENTION_MAX_HEAD_WORDS,
    params::WindowAttention,
    twin::arithmetic::{bits, unpack_scale},
};
use wide::{i16x8, i32x4, i32x8};

use super::{
    linear::{int8, int16},
    memory::{Rest, split},
    product::{COLS, DEPTH, Left, ROWS, Right, pair, put_columns, put_eight, put_row, tile},
    scale::{Scales, requantize_all, scale},
};

/// The most bytes of a head.
const MAX_DIM: usize = 4 * ATTENTION_MAX_HEAD_WORDS as usize;

/// Room for one window of one head.
#[derive(Default)]
pub struct Attention {
    /// Row of each token in the map.
    rows: Vec<u32>,
    /// Which tokens attend to one another; -1 past the last.
    regions: Vec<[i32x4; 2]>,
    /// The position bias of each query and key.
    bias: Vec<[i32x4; 2]>,
    queries: Vec<Left>,
    keys: Vec<Right>,
    values: Vec<Right>,
    /// Logits of four queries.
    logits: Vec<[i32x4; 2]>,
    weights: Vec<Left>,
    scales: Vec<Scales>,
    /// A head's part of a row, padded.
    line: Vec<i8>,
}

/// What is the same for all windows.
struct Job<'a> {
    p: &'a WindowAttention,
    rest: Rest<'a>,
    exp: &'a [u8; 256],
    /// Tokens of a window.
    tokens: usize,
    /// Blocks of eight tokens, the last may be part.
    blocks: usize,
    /// Bytes of a head.
    dim: usize,
    /// Pairs of bytes of a head, a multiple of four.
    depth: usize,
}

/// Runs one dispatch.
pub fn window_attention(
    p: &WindowAttention,
    weights: &[u32],
    arena: &mut [u32],
    room: &mut Attention,
) {
    let (out, stride) = (p.out as usize, p.out_stride as usize);
    let (out, rest) = split(
        arena,
        out..out + (p.batch * p.height * p.width) as usize * stride,
    );
    let exp: &[u8] = cast_slice(&weights[p.exp as usize..][..64]);
    let dim = p.head_words as usize * 4;
    let tokens = (p.window_height * p.window_width) as usize;
    let job = Job {
        p,
        rest,
        exp: exp.try_into().expect("256 bytes"),
        tokens,
        blocks: tokens.div_ceil(DEPTH),
        dim,
        depth: dim.next_multiple_of(DEPTH) / 2,
    };
    job.resize(room);
    for row in out.chunks_exact_mut(stride) {
        row[(p.heads * p.head_words) as usize..].fill(0);
    }
    for head in 0..p.heads as usize {
        job.load_head(room, weights, head);
        for image in 0..p.batch {
            for window_y in 0..p.height / p.window_height {
                for window_x in 0..p.width / p.window_width {
                    job.load_tokens(room, image, window_y, window_x);
                    job.load_window(room, head);
                    job.attend(room, weights, head, out);
                }
            }
        }
    }
}

impl Job<'_> {
    fn resize(&self, room: &mut Attention) {
        let (tokens, blocks, depth) = (self.tokens, self.blocks, self.depth);
        room.rows.resize(tokens, 0);
        room.regions.resize(blocks, Default::default());
        room.bias
            .resize(tokens.next_multiple_of(ROWS) * blocks, Default::default());
        room.queries
            .resize(tokens.div_ceil(ROWS) * depth, Default::default());
        room.keys.resize(blocks * depth, Default::default());
        room.values.resize(depth * blocks, Default::default());
        room.logits.resize(ROWS * blocks, Default::default());
        room.weights.resize(4 * blocks, Default::default());
        room.line.resize(2 * depth, 0);
    }

    /// Spreads the position bias of `head` over queries and keys and reads its scales.
    fn load_head(&self, room: &mut Attention, weights: &[u32], head: usize) {
        let (height, width) = (self.p.window_height as usize, self.p.window_width as usize);
        let across = 2 * width - 1;
        let entries = (2 * height - 1) * across;
        let table = &weights[self.p.bias as usize + head * entries..][..entries];
        let bias: &mut [u32] = cast_slice_mut(&mut room.bias);
        for (query, bias) in bias
            .chunks_exact_mut(self.blocks * COLS)
            .take(self.tokens)
            .enumerate()
        {
            let (y, x) = (query / width, query % width);
            for (key_y, bias) in bias.chunks_mut(width).take(height).enumerate() {
                let first = (y + height - 1 - key_y) * across + x;
                for (bias, &entry) in bias.iter_mut().zip(table[first..][..width].iter().rev()) {
                    *bias = entry;
                }
            }
        }
        let words = &weights[self.p.channel as usize + head * self.dim..][..self.dim];
        room.scales.clear();
        room.scales.extend(words.chunks(COLS).map(|words| {
            // A shift of 1 where there is no channel.
            let mut lanes = [1 << 16; COLS];
            lanes[..words.len()].copy_from_slice(words);
            Scales::new(lanes)
        }));
    }

    /// The tokens of one window of the map rolled up and left by the shift.
    fn load_tokens(&self, room: &mut Attention, image: u32, window_y: u32, window_x: u32) {
        let p = self.p;
        let regions: &mut [i32] = cast_slice_mut(&mut room.regions);
        regions[self.tokens..].fill(-1);
        for (token, (row, set)) in room.rows.iter_mut().zip(regions).enumerate() {
            let y = window_y * p.window_height + token as u32 / p.window_width;
            let x = window_x * p.window_width + token as u32 % p.window_width;
            let map_y = (y + p.shift_height) % p.height;
            let map_x = (x + p.shift_width) % p.width;
            *row = (image * p.height + map_y) * p.width + map_x;
            *set = 3 * region(y, p.height, p.window_height, p.shift_height)
                + region(x, p.width, p.window_width, p.shift_width);
        }
    }

    /// Reads queries, keys and values of a window.
    fn load_window(&self, room: &mut Attention, head: usize) {
        let (p, depth) = (self.p, self.depth);
        let part = (p.heads * p.head_words) as usize;
        let read = |token: usize, which: usize| -> &[i8] {
            let row = room.rows[token.min(self.tokens - 1)] as usize * p.qkv_stride as usize;
            let offset = p.qkv as usize + row + which * part + head * p.head_words as usize;
            cast_slice(self.rest.words(offset, p.head_words as usize))
        };
        for token in 0..self.tokens.next_multiple_of(ROWS) {
            room.line[..self.dim].copy_from_slice(read(token, 0));
            put_row(
                &mut room.queries[token / ROWS * depth..][..depth],
                token % ROWS,
                &room.line,
            );
        }
        for (block, keys) in room.keys.chunks_exact_mut(depth).enumerate() {
            let mut lines = [[0; MAX_DIM]; COLS];
            for (at, line) in lines.iter_mut().enumerate() {
                line[..self.dim].copy_from_slice(read(COLS * block + at, 1));
            }
            put_columns(keys, lines.each_ref().map(|line| line.as_slice()));
        }
        let pairs = 4 * self.blocks;
        let panels = room.values.len() / pairs;
        for at in 0..pairs {
            let mut lines = [[0; MAX_DIM]; 2];
            for (i, line) in lines.iter_mut().enumerate() {
                // Keys past the last have no weight, whatever they are.
                line[..self.dim].copy_from_slice(read(2 * at + i, 2));
            }
            let [first, second] = lines.each_ref().map(|line| line.as_chunks::<16>().0);
            for (panel, (&first, &second)) in first.iter().zip(second).enumerate() {
                let panel = 2 * panel;
                if panel >= panels {
                    break;
                }
                let [low, high] = pair(first, second);
                room.values[panel * pairs + at] = low;
                if panel + 1 < panels {
                    room.values[(panel + 1) * pairs + at] = high;
                }
            }
        }
    }

    fn attend(&self, room: &mut Attention, weights: &[u32], head: usize, out: &mut [u32]) {
        let (blocks, depth) = (self.blocks, self.depth);
        let (multiplier, shift) = unpack_scale(weights[self.p.head as usize + head]);
        for first in (0..self.tokens).step_by(ROWS) {
            let queries = &room.queries[first / ROWS * depth..][..depth];
            for (block, keys) in room.keys.chunks_exact(depth).enumerate() {
                let sums = tile(queries, keys, Default::default());
                for (row, sums) in sums.into_iter().enumerate() {
                    let bias = room.bias[(first + row) * blocks + block];
                    room.logits[row * blocks + block] = [sums[0] + bias[0], sums[1] + bias[1]];
                }
            }
            let count = ROWS.min(self.tokens - first);
            let mut totals = [1; ROWS];
            for row in 0..count {
                let regions: &[i32] = cast_slice(&room.regions);
                let region = i32x4::splat(regions[first + row]);
                let logits = &room.logits[row * blocks..][..blocks];
                totals[row] = self.soften(
                    logits,
                    &room.regions,
                    region,
                    [multiplier, shift],
                    &mut room.weights,
                    row,
                );
            }
            for (block, values) in room.values.chunks_exact(4 * blocks).enumerate() {
                let sums = tile(&room.weights, values, Default::default());
                for row in 0..count {
                    let width = bits(totals[row]);
                    let reciprocal = ((1 << (15 + width)) / totals[row]).min(65535);
                    let sums = sums[row].map(|sums| scale(sums, reciprocal));
                    let bytes = int8(room.scales[block].apply(sums, width - 8), -127);
                    let at = room.rows[first + row] as usize * self.p.out_stride as usize;
                    let out = &mut out[at + head * self.p.head_words as usize..];
                    let out: &mut [i8] = cast_slice_mut(&mut out[..self.p.head_words as usize]);
                    let out = &mut out[COLS * block..];
                    let len = out.len().min(COLS);
                    out[..len].copy_from_slice(&bytes[..len]);
                }
            }
        }
    }

    /// Sets row `row` of `weights` to the weights of one query's keys; returns their sum.
    fn soften(
        &self,
        logits: &[[i32x4; 2]],
        regions: &[[i32x4; 2]],
        region: i32x4,
        [multiplier, shift]: [u32; 2],
        weights: &mut [Left],
        row: usize,
    ) -> u32 {
        let lowest = i32x4::splat(i32::MIN);
        let mut most = lowest;
        for (logits, regions) in logits.iter().zip(regions) {
            for half in 0..2 {
                let seen = regions[half].simd_eq(region);
                most = most.max(seen.bitselect(logits[half], lowest));
            }
        }
        let most = i32x4::splat(most.reduce_max());
        let mut total = i16x8::ZERO;
        let blocks = weights.chunks_exact_mut(DEPTH / 2);
        for ((logits, regions), weights) in logits.iter().zip(regions).zip(blocks) {
            let seen = regions.map(|regions| regions.simd_eq(region));
            let entries = [0, 1].map(|half| {
                let below = (most - logits[half]) & seen[half];
                requantize_all(below, multiplier, shift).min(i32x4::splat(255))
            });
            let found = int16(entries)
                .to_array()
                .map(|entry| i16::from(self.exp[usize::from(entry as u8)]));
            let found = i16x8::new(found) & int16(seen);
            total += found;
            put_eight(weights, row, found.to_array());
        }
        // At most 32 of at most 255 in each lane.
        i32x8::from_i16x8(total).reduce_add() as u32
    }
}

/// Which of the three bands of the rolled axis `at` lies in: tokens attend within one band only.
fn region(at: u32, extent: u32, window: u32, shift: u32) -> i32 {
    if shift == 0 || at < extent - window {
        0
    } else if at < extent - shift {
        1
    } else {
        2
    }
}

impl Attention {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        4 * self.rows.capacity()
            + 32 * (self.regions.capacity() + self.bias.capacity() + self.logits.capacity())
            + size_of::<Left>() * (self.queries.capacity() + self.weights.capacity())
            + size_of::<Right>() * (self.keys.capacity() + self.values.capacity())
            + size_of::<Scales>() * self.scales.capacity()
            + self.line.capacity()
    }
}
