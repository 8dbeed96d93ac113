//! What a dispatch has to do at least, whatever runs it.

use std::ops::AddAssign;

use crate::{
    Dispatch,
    params::{self, epilogue, gather},
};

/// The least work of a dispatch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Products of two int8 values that are summed; padding counts.
    pub multiply_adds: u64,
    /// Bytes of tensors and weights that are read and written, each once.
    pub bytes: u64,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.multiply_adds += other.multiply_adds;
        self.bytes += other.bytes;
    }
}

/// Words of `rows` rows of `stride` words.
fn words(rows: u32, stride: u32) -> u64 {
    u64::from(rows) * u64::from(stride)
}

impl Dispatch {
    /// The least work of this dispatch.
    pub fn cost(&self) -> Cost {
        let (multiply_adds, words) = match self {
            Self::PatchGather(p) => (0, 2 * words(p.rows, p.k_words)),
            Self::Linear(p) => product(p, words(p.rows, p.k_words)),
            Self::NormLinear(p) => {
                let norm = words(p.rows, p.x_stride) + words(p.norm_channels, 2);
                product(p, norm)
            }
            Self::LayerNorm(p) => {
                let parts = if p.gather == gather::MERGE { 4 } else { 1 };
                let input = parts * words(p.rows, p.x_stride) + parts * words(p.channels, 2);
                (0, input + words(p.rows, p.out_stride))
            }
            Self::WindowAttention(p) => {
                let rows = words(p.batch * p.height, p.width);
                let tokens = words(p.window_height, p.window_width);
                let channels = words(p.heads, 4 * p.head_words);
                let bias = words(2 * p.window_height - 1, 2 * p.window_width - 1);
                let moved = rows * (u64::from(p.qkv_stride) + u64::from(p.out_stride));
                let weights = u64::from(p.heads) * bias + channels;
                // Logits, and sums of values.
                (2 * rows * tokens * channels, moved + weights)
            }
            Self::ShiftGelu(p) => (0, 2 * words(p.rows, p.k_words)),
            #[cfg(feature = "comparison")]
            Self::FloatGelu(p) => (0, 2 * words(p.rows, p.k_words) + words(p.k_words, 4)),
            Self::MeanPool(p) => {
                let rows = words(p.batch, p.tokens + 1);
                (0, rows * u64::from(p.stride) + words(p.stride, 4))
            }
        };
        Cost {
            multiply_adds,
            bytes: 4 * words,
        }
    }
}

/// Multiply-adds and words of a product that reads `input` words.
fn product(p: &params::Linear, input: u64) -> (u64, u64) {
    let outputs = match p.epilogue {
        epilogue::RESIDUAL => 2,
        _ => 1,
    };
    let weights = words(p.cols, p.k_words + 2);
    let moved = input + weights + outputs * words(p.rows, p.out_stride);
    (words(p.rows, p.cols) * 4 * u64::from(p.k_words), moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Linear;

    #[test]
    fn a_product_reads_both_factors_and_writes_its_rows() {
        let p = Linear {
            rows: 10,
            k_words: 4,
            cols: 32,
            out_stride: 8,
            ..Linear::default()
        };
        let cost = Dispatch::Linear(p).cost();
        assert_eq!(cost.multiply_adds, 10 * 32 * 16);
        // Inputs, weights, channel parameters, outputs.
        assert_eq!(cost.bytes, 10 * 16 + 32 * 16 + 32 * 8 + 10 * 32);
    }
}
