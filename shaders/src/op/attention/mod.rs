//! Attention of each token to all tokens of its item, over int8 queries, keys and values, softmax included.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

/// The most words of one head (64 channels).
pub const MAX_HEAD_WORDS: u32 = 16;

/// The most keys of a query: 4096 weights of 2047 with values of 127 sum to less than 2^30.
pub const MAX_KEYS: u32 = 4096;

/// Entries of the exponential table, two to a word.
pub const EXPONENTIALS: u32 = 1024;

/// The largest entry of the exponential table, the first.
pub const LARGEST_WEIGHT: u32 = 2047;

/// Words of an item's span and of a token.
pub const INDEX_WORDS: u32 = 4;

/// `words` where items have tokens of their own, else none.
fn ragged(length: u64, words: u64) -> u64 {
    match length {
        0 => words * u64::from(INDEX_WORDS),
        _ => 0,
    }
}

parameters! {
    /// Parameters of `attention`.
    Attention {
        /// Of each item its first row and how many there are, of [`INDEX_WORDS`] words; only if `length` is 0.
        spans: Input(Span(rows as u32), ragged(length, items)),
        /// Of each row its item, the last of [`INDEX_WORDS`] words; only if `length` is 0.
        tokens: Input(Item(items as u32), ragged(length, rows)),
        /// `[rows, query_stride]` int8: in each row the queries of all heads, side by side.
        query: Input(Int8, rows * query_stride),
        /// Words in a row of `query`.
        query_stride: Extent,
        /// The word of a row at which the queries begin.
        query_start: Extent,
        /// `[rows, key_stride]` int8: keys, in the same way.
        key: Input(Int8, rows * key_stride),
        /// Words in a row of `key`.
        key_stride: Extent,
        /// The word of a row at which the keys begin.
        key_start: Extent,
        /// `[rows, value_stride]` int8: values, in the same way.
        value: Input(Int8, rows * value_stride),
        /// Words in a row of `value`.
        value_stride: Extent,
        /// The word of a row at which the values begin.
        value_start: Extent,
        /// The output `[rows, out_stride]` int8, heads side by side.
        out: Output(Any, rows * out_stride),
        /// Words in a row of the output; words past the heads are zero.
        out_stride: Extent,
        /// Tokens in the whole batch.
        rows: Rows,
        /// Items in the whole batch.
        items: Sources,
        /// Tokens of each item, one after the other; or 0 where `spans` and `tokens` say.
        length: Extent,
        /// Heads.
        heads: Extent,
        /// Words of one head in a row.
        head_words: Extent,
        /// The head parameters: multiplier (16 bits) and shift (next 8), a word a head.
        head: Weights(LogitScale, heads),
        /// The exponential table, [`EXPONENTIALS`] of 16 bits.
        exp: Weights(Softmax, u64::from(EXPONENTIALS / 2)),
        /// The output channel parameters: multiplier (16 bits) and shift minus 10 fractional bits (next 8), a
        /// word for each of `heads * head_words * 4` channels.
        channel: Weights(Scale(1, 18), 4 * heads * head_words),
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = Attention;

    fn twin(p: &Attention, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn multiply_adds(p: &Attention) -> u64 {
        // Logits, and sums of values; of items of unknown lengths as if all were as long.
        2 * product(&[p.rows, p.heads, 4 * p.head_words]) * p.keys()
    }

    fn work(p: &Attention) -> u64 {
        product(&[p.rows, p.heads, p.head_words]) * p.keys() * 12
    }

    fn shape(p: &Attention) -> String {
        format!(
            "{}x{}, {} heads of {}",
            p.rows,
            p.keys(),
            p.heads,
            p.head_words * 4
        )
    }

    fn shrink(p: &mut Attention, factor: u32) {
        // Keys lie where they did: fewer queries may look at as many.
        let rows = (p.rows / factor).max(1);
        let factor = factor.div_ceil(p.rows / rows);
        (p.rows, p.heads) = (rows, (p.heads / factor).max(1));
    }

    /// Items of one length each: where theirs are is not known before a run.
    fn sample(p: &Attention) -> Attention {
        let length = p.keys() as u32;
        Attention {
            length,
            rows: p.rows - p.rows % length.max(1),
            ..*p
        }
    }

    fn fits(p: &Attention, shader: &Shader) -> bool {
        p.head_words <= shader.constant("HEAD_WORDS")
    }

    fn workgroups(p: &Attention, shader: &Shader) -> u64 {
        u64::from(p.heads) * u64::from(p.rows).div_ceil(shader.threads())
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        kernel.constant("THREADS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &Attention, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        // One variant for each size of heads.
        let most = kernel.constant("HEAD_WORDS");
        if p.head_words > most || (most == MAX_HEAD_WORDS && p.head_words <= MAX_HEAD_WORDS / 2) {
            return None;
        }
        let blocks = p.rows.div_ceil(kernel.threads());
        Some(Grid::of(product(&[p.heads, blocks])))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> Attention {
        let [heads, head_words] = [draw(1, 3), draw(1, MAX_HEAD_WORDS)];
        let items = draw(1, 4);
        let (length, rows) = match draw(0, 1) {
            0 => (0, draw(1, 40)),
            _ => {
                let length = if items == 1 {
                    draw(1, 100)
                } else {
                    draw(1, 30)
                };
                (length, items * length)
            }
        };
        // In one tensor, or in one each.
        let fused = draw(0, 1) == 1;
        let usual = Attention::new(heads, head_words, fused);
        let more = |words: u32| if fused { 0 } else { words };
        Attention {
            rows,
            items,
            length,
            key_stride: usual.key_stride + more(4),
            value_stride: usual.value_stride + more(8),
            ..usual
        }
    }
}

impl Attention {
    /// Heads in rows of their usual strides, queries, keys and values side by side or in a tensor each.
    pub fn new(heads: u32, head_words: u32, fused: bool) -> Self {
        let part = heads * head_words;
        let pad = |words: u32| words.next_multiple_of(4);
        let stride = if fused { pad(3 * part) } else { pad(part) };
        let start = |at: u32| if fused { at * part } else { 0 };
        Self {
            query_stride: stride,
            key_stride: stride,
            value_stride: stride,
            query_start: start(0),
            key_start: start(1),
            value_start: start(2),
            out_stride: pad(part),
            heads,
            head_words,
            ..Self::default()
        }
    }

    /// Keys of a query, on average at most.
    fn keys(&self) -> u64 {
        match self.length {
            0 => u64::from(self.rows.div_ceil(self.items.max(1))),
            length => length.into(),
        }
    }

    /// The rows to which row `row` attends: the first, and how many.
    #[inline]
    pub fn span(&self, row: u32, word: impl Fn(u32) -> u32) -> [u32; 2] {
        if self.length > 0 {
            return [row - row % self.length, self.length];
        }
        let item = word(self.tokens + row * INDEX_WORDS + 3);
        let span = self.spans + item * INDEX_WORDS;
        [word(span), word(span + 1)]
    }
}
