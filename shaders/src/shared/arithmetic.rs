//! The scalar arithmetic of the contract (`docs/INTEGER.md`, "Arithmetic").

/// `floor(value * multiplier / 2^(16 + shift) + 1/2)`: one exact rounding, ties upward.
///
/// `|value| < 2^30`, `multiplier < 2^16`, `1 <= shift <= 30`. The 64-bit product is the
/// definition; kernels compute the same from two 32-bit products.
pub fn requantize(value: i32, multiplier: u32, shift: u32) -> i32 {
    debug_assert!(value.unsigned_abs() < 1 << 30 && multiplier < 1 << 16);
    debug_assert!((1..=30).contains(&shift));
    let product = i64::from(value) * i64::from(multiplier);
    ((product + (1 << (15 + shift))) >> (16 + shift)) as i32
}

/// `floor(value * multiplier / 2^16)`; `multiplier < 2^16` and the result fits 32 bits.
pub fn scale(value: i32, multiplier: u32) -> i32 {
    ((i64::from(value) * i64::from(multiplier)) >> 16) as i32
}

/// Bits needed to write `value`: 0 for 0, else floor(log2 value) + 1.
pub fn bits(value: u32) -> u32 {
    32 - value.leading_zeros()
}

/// `floor(sqrt(value))`, one bit of the root at a time.
pub fn square_root(value: u32) -> u32 {
    let mut root = 0;
    for bit in (0..16).rev() {
        let trial = root | (1 << bit);
        if trial * trial <= value {
            root = trial;
        }
    }
    root
}

/// Multiplier and shift of a packed channel parameter: low 16 bits, next 8 bits.
pub fn unpack_scale(word: u32) -> (u32, u32) {
    (word & 0xffff, (word >> 16) & 0xff)
}

/// Clamps to the symmetric int8 range with lower end `low`.
pub fn clamp8(value: i32, low: i32) -> i8 {
    value.clamp(low, 127) as i8
}

/// Saturates to int16.
pub fn clamp16(value: i32) -> i16 {
    value.clamp(-32768, 32767) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The 32-bit form that the kernels use equals the 64-bit definition.
        #[test]
        fn two_products_make_the_requantization(
            value in -(1i32 << 30) + 1..1 << 30, multiplier in 0u32..1 << 16, shift in 1u32..=30,
        ) {
            let high = (value >> 16).wrapping_mul(multiplier as i32);
            let low = ((value as u32 & 0xffff) * multiplier) >> 16;
            let scaled = high + low as i32;
            prop_assert_eq!(scaled, scale(value, multiplier));
            let rounded = (scaled + (1 << (shift - 1))) >> shift;
            prop_assert_eq!(rounded, requantize(value, multiplier, shift));
        }

        #[test]
        fn roots_are_floors(value: u32) {
            let root = u64::from(square_root(value));
            prop_assert!(root * root <= u64::from(value));
            prop_assert!((root + 1) * (root + 1) > u64::from(value));
        }
    }

    #[test]
    fn ties_go_up() {
        assert_eq!(requantize(1, 1 << 15, 1), 0);
        assert_eq!(requantize(2, 1 << 15, 1), 1);
        assert_eq!(requantize(-2, 1 << 15, 1), 0);
        assert_eq!(requantize(-3, 1 << 15, 1), -1);
        assert_eq!([0, 1, 2, 255, 256].map(bits), [0, 1, 2, 8, 9]);
        assert_eq!(square_root(u32::MAX), 65535);
    }
}
