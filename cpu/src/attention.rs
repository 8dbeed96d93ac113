//! `attention`: one head of one item at a time.

use bytemuck::{cast, cast_slice};
use intformer_shaders::{
    arithmetic::{bits, unpack_scale},
    op::attention::{Attention, EXPONENTIALS},
};
use wide::i32x4;

use super::{
    heads::Heads,
    linear::int8,
    memory::{Rest, split},
    product::{DEPTH, Left, ROWS, put_eight},
    scale::{Scales, requantize_all, scale},
};

/// The last entry of the exponential table.
const LAST: i32 = EXPONENTIALS as i32 - 1;

/// Runs one dispatch.
pub fn attention(p: &Attention, weights: &[u32], arena: &mut [u32], heads: &mut Heads) {
    let (out, stride) = (p.out as usize, p.out_stride as usize);
    let (out, rest) = split(arena, out..out + p.rows as usize * stride);
    let words = (p.heads * p.head_words) as usize;
    for row in out.chunks_exact_mut(stride) {
        row[words..].fill(0);
    }
    let exp = &weights[p.exp as usize..][..EXPONENTIALS as usize / 2];
    let job = Job {
        p,
        weights,
        rest,
        exp: cast_slice(exp),
    };
    let span = |row: u32| p.span(row, |at| job.rest.words(at as usize, 1)[0]);
    let mut first = 0;
    while first < p.rows {
        // Neighbouring rows mostly have the same keys.
        let keys = span(first);
        let end = (first + 1..p.rows).find(|&row| span(row) != keys);
        let end = end.unwrap_or(p.rows);
        for head in 0..p.heads as usize {
            job.attend(heads, head, [first as usize, end as usize], keys, out);
        }
        first = end;
    }
}

/// What is the same for all items.
struct Job<'a> {
    p: &'a Attention,
    weights: &'a [u32],
    rest: Rest<'a>,
    exp: &'a [u16],
}

impl Job<'_> {
    /// One head of the rows from `first` to `end`, which attend to the same keys.
    fn attend(
        &self,
        room: &mut Heads,
        head: usize,
        [first, end]: [usize; 2],
        [key, count]: [u32; 2],
        out: &mut [u32],
    ) {
        let p = self.p;
        let words = p.head_words as usize;
        let (rows, keys) = (end - first, count as usize);
        room.resize(4 * words, rows, keys);
        room.load_scales(&self.weights[p.channel as usize + 4 * head * words..][..4 * words]);
        let read = |place: u32, stride: u32, start: u32, row: usize| -> &[i8] {
            let at = place as usize + row * stride as usize + start as usize + head * words;
            cast_slice(self.rest.words(at, words))
        };
        room.load_queries(rows, |at| {
            read(p.query, p.query_stride, p.query_start, first + at)
        });
        let key = key as usize;
        room.load_keys(keys, |at| read(p.key, p.key_stride, p.key_start, key + at));
        room.load_values(keys, |at| {
            read(p.value, p.value_stride, p.value_start, key + at)
        });

        let logit_scale = unpack_scale(self.weights[p.head as usize + head]);
        for block in 0..rows.div_ceil(ROWS) {
            let present = ROWS.min(rows - block * ROWS);
            room.score(block, |_, _, sums| sums);
            let mut shares = [Share::default(); ROWS];
            for (row, share) in shares.iter_mut().enumerate().take(present) {
                let (logits, weights) = room.softening(row);
                *share = Share::new(self.soften(logits, keys, logit_scale, weights, row));
            }
            let at = |row: usize| (first + block * ROWS + row) * p.out_stride as usize;
            room.sum(|channels, sums, scales| {
                for (row, share) in shares.iter().enumerate().take(present) {
                    let found: [u32; 2] = cast(int8(share.apply(sums[row], scales), -127));
                    let out = &mut out[at(row) + head * words..][..words];
                    let out = out[2 * channels..].iter_mut();
                    out.zip(found).for_each(|(out, word)| *out = word);
                }
            });
        }
    }

    /// Sets row `row` of `weights` to the weights of one query's `keys`; returns their sum.
    #[inline(always)]
    fn soften(
        &self,
        logits: &[[i32x4; 2]],
        keys: usize,
        (multiplier, shift): (u32, u32),
        weights: &mut [Left],
        row: usize,
    ) -> u32 {
        // Past the last key it stands again, which changes no largest.
        let lowest = i32x4::splat(i32::MIN);
        let most = logits
            .iter()
            .fold(lowest, |most, logits| most.max(logits[0]).max(logits[1]));
        let most = i32x4::splat(most.reduce_max());
        let last = i32x4::splat(LAST);
        let mut total = 0;
        let (blocks, _) = weights.as_chunks_mut::<{ DEPTH / 2 }>();
        for (block, (logits, weights)) in logits.iter().zip(blocks).enumerate() {
            let entries = logits.map(|logits| {
                let entries = requantize_all(most - logits, multiplier, shift);
                entries.min(last).to_array()
            });
            let present = DEPTH.min(keys - block * DEPTH);
            let mut found = [0; DEPTH];
            let entries = entries.as_flattened();
            for (found, &entry) in found.iter_mut().zip(entries).take(present) {
                let weight = self.exp[entry as usize];
                total += u32::from(weight);
                *found = weight as i16;
            }
            put_eight(weights, row, found);
        }
        total
    }
}

/// What makes outputs of a query's sums.
#[derive(Clone, Copy, Default)]
struct Share {
    reciprocal: u32,
    /// Fractional bits of the scaled sums, less 10.
    more: u32,
}

impl Share {
    fn new(total: u32) -> Self {
        let width = bits(total);
        let most = width.min(16);
        Self {
            reciprocal: ((1 << (15 + most)) / (total >> (width - most))).min(65535),
            more: width - 11,
        }
    }

    #[inline(always)]
    fn apply(&self, sums: [i32x4; 2], scales: &Scales) -> [i32x4; 2] {
        scales.apply(sums.map(|sums| scale(sums, self.reciprocal)), self.more)
    }
}
