//! What a dispatch has to do at least, whatever runs it.

use std::ops::AddAssign;

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

#[cfg(test)]
mod tests {
    use crate::{Dispatch, op::linear::Linear};

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
