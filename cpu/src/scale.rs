//! Requantization of eight columns at a time (`docs/INTEGER.md`, "Arithmetic").

use bytemuck::cast;
use intformer_shaders::arithmetic::{requantize, unpack_scale};
use wide::{i32x4, i64x4, u32x4};

/// Multipliers and shifts of eight columns.
#[derive(Clone, Copy)]
pub enum Scales {
    /// All shifts are at most 16: `multiplier << (16 - shift)` fits 31 bits, and its product with
    /// a value, rounded, has the answer in its upper half.
    Upper([i32x4; 2]),
    /// Multipliers and shifts as they are.
    Any([(u32, u32); 8]),
}

impl Scales {
    /// The packed multipliers and shifts of eight columns.
    pub fn new(words: [u32; 8]) -> Self {
        let scales = words.map(unpack_scale);
        if scales.iter().any(|&(_, shift)| shift > 16) {
            return Self::Any(scales);
        }
        Self::Upper(cast(
            scales.map(|(multiplier, shift)| (multiplier << (16 - shift)) as i32),
        ))
    }

    /// `requantize(value, multiplier, shift + more)` of each column.
    #[inline(always)]
    pub fn apply(&self, values: [i32x4; 2], more: u32) -> [i32x4; 2] {
        match self {
            Self::Upper(factors) => {
                let half = i64x4::splat(1 << (31 + more));
                [
                    upper(values[0].widening_mul(factors[0]) + half) >> more,
                    upper(values[1].widening_mul(factors[1]) + half) >> more,
                ]
            }
            Self::Any(scales) => apply_any(scales, values, more),
        }
    }
}

#[cold]
fn apply_any(scales: &[(u32, u32); 8], values: [i32x4; 2], more: u32) -> [i32x4; 2] {
    let mut values: [i32; 8] = cast(values);
    for (value, &(multiplier, shift)) in values.iter_mut().zip(scales) {
        *value = requantize(*value, multiplier, shift + more);
    }
    cast(values)
}

/// The upper halves of four 64-bit values.
#[inline(always)]
pub fn upper(values: i64x4) -> i32x4 {
    i32x4::new(values.to_array().map(|value| (value >> 32) as i32))
}

/// `floor(value * multiplier / 2^16)`, `multiplier < 2^16`.
#[inline(always)]
pub fn scale(values: i32x4, multiplier: u32) -> i32x4 {
    let multiplier = i32x4::splat(multiplier as i32);
    let low: u32x4 = cast((values & i32x4::splat(0xffff)) * multiplier);
    let low: i32x4 = cast(low >> 16u32);
    (values >> 16u32) * multiplier + low
}

/// [`requantize`] by one multiplier and shift.
#[inline(always)]
pub fn requantize_all(values: i32x4, multiplier: u32, shift: u32) -> i32x4 {
    (scale(values, multiplier) + i32x4::splat(1 << (shift - 1))) >> shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use intformer_shaders::arithmetic;
    use proptest::prelude::*;

    const MOST: i32 = (1 << 30) - 1;

    fn value() -> impl Strategy<Value = i32> {
        prop_oneof![-MOST..=MOST, Just(MOST), Just(-MOST), -300..300]
    }

    fn word(shifts: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = u32> {
        let multiplier = prop_oneof![0u32..=65535, Just(65535), Just(32768), 0u32..3];
        (multiplier, shifts).prop_map(|(multiplier, shift)| multiplier | shift << 16)
    }

    proptest! {
        #[test]
        fn columns_are_requantized_as_by_the_twin(
            values in prop::array::uniform8(value()),
            words in prop_oneof![
                prop::array::uniform8(word(1..=16)),
                prop::array::uniform8(word(1..=18)),
            ],
            more in 0u32..=12,
        ) {
            let found: [i32; 8] = cast(Scales::new(words).apply(cast(values), more));
            for ((value, word), found) in values.into_iter().zip(words).zip(found) {
                let (multiplier, shift) = unpack_scale(word);
                prop_assert_eq!(found, requantize(value, multiplier, shift + more));
            }
        }

        #[test]
        fn one_scale_serves_all_as_by_the_twin(
            values in prop::array::uniform4(value()), word in word(1..=30),
        ) {
            let (multiplier, shift) = unpack_scale(word);
            let found = requantize_all(cast(values), multiplier, shift).to_array();
            let scaled = scale(cast(values), multiplier).to_array();
            for (at, value) in values.into_iter().enumerate() {
                prop_assert_eq!(found[at], requantize(value, multiplier, shift));
                prop_assert_eq!(scaled[at], arithmetic::scale(value, multiplier));
            }
        }
    }
}
