//! Queries, keys and values of one head, laid out for products, and the room to work with them.

use wide::i32x4;

use super::{
    product::{COLS, DEPTH, Left, ROWS, Right, Tile, pair, put_columns, put_row, tile},
    scale::Scales,
};

/// The most bytes of a head.
const MAX_DIM: usize = 64;

/// One head of some tokens.
#[derive(Default)]
pub struct Heads {
    /// Bytes of a head.
    dim: usize,
    /// Pairs of bytes of a head, a multiple of four.
    depth: usize,
    /// Blocks of eight keys, the last may be part.
    blocks: usize,
    queries: Vec<Left>,
    keys: Vec<Right>,
    values: Vec<Right>,
    /// Logits of four queries.
    logits: Vec<[i32x4; 2]>,
    weights: Vec<Left>,
    scales: Vec<Scales>,
    /// Heads' parts of eight rows, padded by zeros, where they are no multiple of 16 bytes.
    lines: [Line; COLS],
}

/// Bytes of a head.
type Line = [[i8; 16]; MAX_DIM / 16];

/// `bytes` of a head padded by zeros to a multiple of 16, in `line` if need be.
fn padded<'a>(bytes: &'a [i8], line: &'a mut Line) -> &'a [i8] {
    if bytes.len().is_multiple_of(16) {
        return bytes;
    }
    let line = line.as_flattened_mut();
    line[..bytes.len()].copy_from_slice(bytes);
    line
}

impl Heads {
    /// Makes room for `queries` and `keys` of `dim` bytes.
    pub fn resize(&mut self, dim: usize, queries: usize, keys: usize) {
        self.dim = dim;
        self.depth = dim.next_multiple_of(DEPTH) / 2;
        self.blocks = keys.div_ceil(DEPTH);
        let (blocks, depth) = (self.blocks, self.depth);
        self.queries
            .resize(queries.div_ceil(ROWS) * depth, Default::default());
        self.keys.resize(blocks * depth, Default::default());
        self.values.resize(depth * blocks, Default::default());
        self.logits.resize(ROWS * blocks, Default::default());
        self.weights.resize(4 * blocks, Default::default());
        // What was there of longer heads would not be zero.
        self.lines = Default::default();
    }

    /// Reads the scales of the head's outputs, a word a channel.
    pub fn load_scales(&mut self, words: &[u32]) {
        self.scales.clear();
        self.scales.extend(words.chunks(COLS).map(|words| {
            // A shift of 1 where there is no channel.
            let mut lanes = [1 << 16; COLS];
            lanes[..words.len()].copy_from_slice(words);
            Scales::new(lanes)
        }));
    }

    /// Reads queries, of which `read` gives each. Past the last it stands again: nothing of it is used.
    pub fn load_queries<'a>(&mut self, count: usize, read: impl Fn(usize) -> &'a [i8]) {
        for token in 0..count.next_multiple_of(ROWS) {
            let queries = &mut self.queries[token / ROWS * self.depth..][..self.depth];
            let line = padded(read(token.min(count - 1)), &mut self.lines[0]);
            put_row(queries, token % ROWS, line);
        }
    }

    /// Reads keys in the same way.
    pub fn load_keys<'a>(&mut self, count: usize, read: impl Fn(usize) -> &'a [i8]) {
        for (block, keys) in self.keys.chunks_exact_mut(self.depth).enumerate() {
            let mut lines = self.lines.iter_mut();
            let columns = std::array::from_fn(|at| {
                let line = lines.next().expect("eight lines");
                padded(read((COLS * block + at).min(count - 1)), line)
            });
            put_columns(keys, columns);
        }
    }

    /// Reads values in the same way.
    pub fn load_values<'a>(&mut self, count: usize, read: impl Fn(usize) -> &'a [i8]) {
        let pairs = 4 * self.blocks;
        let [line, other, ..] = &mut self.lines;
        for at in 0..pairs {
            let [first, second] = [2 * at, 2 * at + 1].map(|token| read(token.min(count - 1)));
            let (first, _) = padded(first, line).as_chunks();
            let (second, _) = padded(second, other).as_chunks();
            let channels = self.values.chunks_mut(2 * pairs);
            for ((values, &first), &second) in channels.zip(first).zip(second) {
                let [low, high] = pair(first, second);
                values[at] = low;
                if let Some(value) = values.get_mut(pairs + at) {
                    *value = high;
                }
            }
        }
    }

    /// The logits of four queries, the block `at`, as `logit` makes them of products, by row and block of keys.
    #[inline(always)]
    pub fn score(&mut self, at: usize, logit: impl Fn(usize, usize, [i32x4; 2]) -> [i32x4; 2]) {
        let queries = &self.queries[at * self.depth..][..self.depth];
        for (block, keys) in self.keys.chunks_exact(self.depth).enumerate() {
            let sums = tile(queries, keys, Default::default());
            for (row, sums) in sums.into_iter().enumerate() {
                self.logits[row * self.blocks + block] = logit(row, block, sums);
            }
        }
    }

    /// The logits of the query `row` of four, and where the weights of the four go.
    #[inline(always)]
    pub fn softening(&mut self, row: usize) -> (&[[i32x4; 2]], &mut [Left]) {
        let logits = &self.logits[row * self.blocks..][..self.blocks];
        (logits, &mut self.weights)
    }

    /// Gives `take` the sums of weighted values of four queries, eight channels at a time: which block of
    /// channels, the sums by row, and the scales.
    #[inline(always)]
    pub fn sum(&self, mut take: impl FnMut(usize, &Tile, &Scales)) {
        for (block, values) in self.values.chunks_exact(4 * self.blocks).enumerate() {
            let sums = tile(&self.weights, values, Default::default());
            take(block, &sums, &self.scales[block]);
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        32 * self.logits.capacity()
            + size_of::<Left>() * (self.queries.capacity() + self.weights.capacity())
            + size_of::<Right>() * (self.keys.capacity() + self.values.capacity())
            + size_of::<Scales>() * self.scales.capacity()
    }
}
