//! The integer GELU of I-BERT (arXiv 2101.01321): the epilogue `i_gelu` of `linear`.

/// The largest input in magnitude: 11 bits with the sign.
pub const I_GELU_LARGEST: i32 = 1023;

/// The most that may stand for 1 in the polynomial: 2 * 1023 times it is below 2^30.
pub const I_GELU_MOST_ONE: u32 = 524_800;

/// `value * (one + sign(value) * (one - u^2))` with `u = clip - min(|value|, clip)`, for a value
/// clamped to 11 bits.
///
/// With `clip^2 <= one` and `2 * 1023 * one < 2^30` the result is below 2^30 in magnitude.
pub fn i_gelu(value: i32, clip: u32, one: u32) -> i32 {
    let (clip, one) = (clip as i32, one as i32);
    let value = value.clamp(-I_GELU_LARGEST, I_GELU_LARGEST);
    let u = clip - value.abs().min(clip);
    match value < 0 {
        true => value * (u * u),
        false => value * (2 * one - u * u),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The polynomial is at most 0.018 from GELU, and near 0.018 at about -2.35.
    #[test]
    fn i_gelu_is_as_near_to_gelu_as_published() {
        let scale = 8.0 / 1023.0;
        let unit = 0.2888 * scale * scale / 2.0;
        let clip = (1.769 * std::f64::consts::SQRT_2 / scale).round() as u32;
        let one = (1.0 / unit).round() as u32;
        let mut worst = (0.0, 0.0);
        for value in -2000..=2000 {
            let x = f64::from(value.clamp(-1023, 1023)) * scale;
            let found = f64::from(i_gelu(value, clip, one)) * scale * unit / 2.0;
            let gelu = x * 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2));
            let error = (found - gelu).abs();
            if error > worst.0 {
                worst = (error, x);
            }
        }
        assert!((0.015..0.02).contains(&worst.0), "{worst:?}");
        assert!((2.0..2.7).contains(&worst.1.abs()), "{worst:?}");
    }

    /// By its integral.
    fn erf(x: f64) -> f64 {
        let steps = 2000;
        let width = x / f64::from(steps);
        let middle = |i: i32| (f64::from(i) + 0.5) * width;
        let sum: f64 = (0..steps).map(|i| (-middle(i).powi(2)).exp()).sum();
        2.0 / std::f64::consts::PI.sqrt() * sum * width
    }
}
