//! `window_attention`: one window and head at a time.

use bytemuck::{cast, cast_slice, cast_slice_mut};
use intformer_shaders::{
    arithmetic::{bits, unpack_scale},
    op::window_attention::WindowAttention,
};
use wide::{i16x8, i32x4, i32x8};

use super::{
    heads::Heads,
    linear::{int8, int16},
    memory::{Rest, split},
    product::{DEPTH, Left, ROWS, put_eight},
    scale::{Scales, requantize_all, scale},
};

/// Room for one window of one head.
#[derive(Default)]
pub struct WindowRoom {
    /// Row of each token in an image's map, window by window; [`NO_ROW`] for those that pad it.
    rows: Vec<u32>,
    /// Which tokens of a window attend to one another; -1 past its last.
    regions: Vec<[i32x4; 2]>,
    /// The position bias of each query and key.
    bias: Vec<[i32x4; 2]>,
    heads: Heads,
}

/// The row of a token that pads the map.
const NO_ROW: u32 = u32::MAX;

/// What is the same for all windows.
struct Job<'a> {
    p: &'a WindowAttention,
    weights: &'a [u32],
    rest: Rest<'a>,
    exp: &'a [u8; 256],
    /// Tokens of a window.
    tokens: usize,
    /// Blocks of eight tokens, the last may be part.
    blocks: usize,
    /// Bytes of a head.
    dim: usize,
}

/// Runs one dispatch.
pub fn window_attention(
    p: &WindowAttention,
    weights: &[u32],
    arena: &mut [u32],
    room: &mut WindowRoom,
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
        weights,
        rest,
        exp: exp.try_into().expect("256 bytes"),
        tokens,
        blocks: tokens.div_ceil(DEPTH),
        dim,
    };
    job.resize(room);
    for row in out.chunks_exact_mut(stride) {
        row[(p.heads * p.head_words) as usize..].fill(0);
    }
    job.load_tokens(room);
    let windows = p.windows().into_iter().product::<u32>() as usize;
    let image_rows = (p.height * p.width) as usize;
    for head in 0..p.heads as usize {
        job.load_head(room, head);
        for image in 0..p.batch as usize {
            for window in 0..windows {
                let place = Place {
                    head,
                    first: image * image_rows,
                    rows: window * tokens,
                    regions: window * job.blocks,
                };
                job.load_window(room, &place);
                job.attend(room, &place, out);
            }
        }
    }
}

/// One window of one head.
struct Place {
    head: usize,
    /// Rows of the images before.
    first: usize,
    /// Where the window's rows begin.
    rows: usize,
    /// Where its regions begin.
    regions: usize,
}

impl Job<'_> {
    fn resize(&self, room: &mut WindowRoom) {
        let rows = self.tokens.next_multiple_of(ROWS);
        room.bias.resize(rows * self.blocks, Default::default());
        room.heads.resize(self.dim, self.tokens, self.tokens);
    }

    /// Spreads the position bias of `head` over queries and keys and reads its scales.
    fn load_head(&self, room: &mut WindowRoom, head: usize) {
        let weights = self.weights;
        let (height, width) = (self.p.window_height as usize, self.p.window_width as usize);
        let across = 2 * width - 1;
        let entries = (2 * height - 1) * across;
        let table = &weights[self.p.bias as usize + head * entries..][..entries];
        let bias: &mut [u32] = cast_slice_mut(&mut room.bias);
        for (query, bias) in bias
            .chunks_exact_mut(self.blocks * DEPTH)
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
        room.heads.load_scales(words);
    }

    /// The tokens of each window of the map rolled up and left by the shift, and padded.
    fn load_tokens(&self, room: &mut WindowRoom) {
        let p = self.p;
        let [down, across] = p.windows();
        let (height, width) = (down * p.window_height, across * p.window_width);
        room.rows.clear();
        room.regions.clear();
        for window_y in 0..down {
            for window_x in 0..across {
                let start = room.regions.len();
                room.regions
                    .resize(start + self.blocks, [i32x4::splat(-1); 2]);
                let regions: &mut [i32] = cast_slice_mut(&mut room.regions[start..]);
                for (token, set) in regions.iter_mut().enumerate().take(self.tokens) {
                    let y = window_y * p.window_height + token as u32 / p.window_width;
                    let x = window_x * p.window_width + token as u32 % p.window_width;
                    let map_y = (y + p.shift_height) % p.roll_height;
                    let map_x = (x + p.shift_width) % p.roll_width;
                    let rolled = y < p.roll_height && x < p.roll_width;
                    let present = rolled && map_y < p.height && map_x < p.width;
                    let row = map_y * p.width + map_x;
                    room.rows.push(if present { row } else { NO_ROW });
                    *set = 3 * region(y, height, p.window_height, p.shift_height)
                        + region(x, width, p.window_width, p.shift_width);
                }
            }
        }
    }

    /// Reads queries, keys and values of a window.
    fn load_window(&self, room: &mut WindowRoom, place: &Place) {
        let p = self.p;
        let part = (p.heads * p.head_words) as usize;
        let rows = &room.rows[place.rows..][..self.tokens];
        let read = |token: usize, which: usize| -> &[i8] {
            let head = which * part + place.head * p.head_words as usize;
            let words = p.head_words as usize;
            let row = match rows[token] {
                NO_ROW => {
                    return cast_slice(&self.weights[p.padding as usize + head..][..words]);
                }
                row => place.first + row as usize,
            };
            let offset = p.qkv as usize + row * p.qkv_stride as usize + head;
            cast_slice(self.rest.words(offset, words))
        };
        room.heads.load_queries(self.tokens, |token| read(token, 0));
        room.heads.load_keys(self.tokens, |token| read(token, 1));
        room.heads.load_values(self.tokens, |token| read(token, 2));
    }

    fn attend(&self, room: &mut WindowRoom, place: &Place, out: &mut [u32]) {
        let blocks = self.blocks;
        let scale = unpack_scale(self.weights[self.p.head as usize + place.head]);
        let regions = &room.regions[place.regions..][..blocks];
        let lanes: &[i32] = cast_slice(regions);
        let rows = &room.rows[place.rows..][..self.tokens];
        for first in (0..self.tokens).step_by(ROWS) {
            let count = ROWS.min(self.tokens - first);
            if rows[first..][..count].iter().all(|&row| row == NO_ROW) {
                continue;
            }
            room.heads.score(first / ROWS, |row, block, sums| {
                let bias = room.bias[(first + row) * blocks + block];
                [sums[0] + bias[0], sums[1] + bias[1]]
            });
            let mut shares = [Share::default(); ROWS];
            for (row, share) in shares.iter_mut().enumerate().take(count) {
                let region = i32x4::splat(lanes[first + row]);
                let (logits, weights) = room.heads.softening(row);
                let total = self.soften(logits, regions, region, scale, weights, row);
                *share = Share::new(total);
                let map_row = match rows[first + row] {
                    NO_ROW => continue,
                    row => place.first + row as usize,
                };
                let out = map_row * self.p.out_stride as usize;
                share.out = Some(out + place.head * self.p.head_words as usize);
            }
            room.heads.sum(|block, sums, scales| {
                for (share, &sums) in shares.iter().zip(sums).take(count) {
                    let Some(at) = share.out.map(|out| out + 2 * block) else {
                        continue;
                    };
                    let words: [u32; 2] = cast(int8(share.apply(sums, scales), -127));
                    out[at] = words[0];
                    if 2 * block + 1 < self.p.head_words as usize {
                        out[at + 1] = words[1];
                    }
                }
            });
        }
    }

    /// Sets row `row` of `weights` to the weights of one query's keys; returns their sum.
    #[inline(always)]
    fn soften(
        &self,
        logits: &[[i32x4; 2]],
        regions: &[[i32x4; 2]],
        region: i32x4,
        (multiplier, shift): (u32, u32),
        weights: &mut [Left],
        row: usize,
    ) -> u32 {
        let lowest = i32x4::splat(i32::MIN);
        let mut most = [lowest; 2];
        for (logits, regions) in logits.iter().zip(regions) {
            let [low, high] = [regions[0].simd_eq(region), regions[1].simd_eq(region)];
            most[0] = most[0].max(low.bitselect(logits[0], lowest));
            most[1] = most[1].max(high.bitselect(logits[1], lowest));
        }
        let most = i32x4::splat(most[0].max(most[1]).reduce_max());
        let mut total = i16x8::ZERO;
        let (blocks, _) = weights.as_chunks_mut::<{ DEPTH / 2 }>();
        for ((logits, regions), weights) in logits.iter().zip(regions).zip(blocks) {
            let seen = [regions[0].simd_eq(region), regions[1].simd_eq(region)];
            // What is not seen must stay in range until it is masked.
            let below = [(most - logits[0]) & seen[0], (most - logits[1]) & seen[1]];
            let entries = int8_entries([
                requantize_all(below[0], multiplier, shift),
                requantize_all(below[1], multiplier, shift),
            ]);
            let mut found = [0; DEPTH];
            for (found, entry) in found.iter_mut().zip(entries) {
                *found = i16::from(self.exp[usize::from(entry)]);
            }
            let found = i16x8::new(found) & int16(seen);
            total += found;
            put_eight(weights, row, found.to_array());
        }
        // At most 32 of at most 255 in each lane.
        i32x8::from_i16x8(total).reduce_add() as u32
    }
}

/// Places in the table: values from 0 on, at most 255.
#[inline(always)]
fn int8_entries(values: [i32x4; 2]) -> [u8; DEPTH] {
    let most = i16x8::splat(255);
    int16(values).min(most).to_array().map(|value| value as u8)
}

/// What makes outputs of a query's sums.
#[derive(Clone, Copy, Default)]
struct Share {
    reciprocal: u32,
    /// Fractional bits of the scaled sums, less 7.
    more: u32,
    /// First word of the output, of a token of the map.
    out: Option<usize>,
}

impl Share {
    fn new(total: u32) -> Self {
        let width = bits(total);
        Self {
            reciprocal: ((1 << (15 + width)) / total).min(65535),
            more: width - 8,
            out: None,
        }
    }

    #[inline(always)]
    fn apply(&self, sums: [i32x4; 2], scales: &Scales) -> [i32x4; 2] {
        let sums = [
            scale(sums[0], self.reciprocal),
            scale(sums[1], self.reciprocal),
        ];
        scales.apply(sums, self.more)
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

impl WindowRoom {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        4 * self.rows.capacity()
            + 32 * (self.regions.capacity() + self.bias.capacity())
            + self.heads.memory()
    }
}
