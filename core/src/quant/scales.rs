//! From real scales to the multipliers and shifts of the integer contract.

/// The largest real factor that a requantization can apply is just below this.
pub(super) const LARGEST_FACTOR: f64 = 0.5;

/// Keeps scales that must not reach [`LARGEST_FACTOR`] clear of it after rounding.
pub(super) const FACTOR_MARGIN: f64 = 2.0001;

/// `factor` as `multiplier / 2^(16 + shift)` with `1 <= shift <= most`; `None` from
/// [`LARGEST_FACTOR`] on. What is too small for 16 bits at the largest shift loses bits, down to 0.
pub(super) fn multiplier(factor: f64, most: u8) -> Option<(u16, u8)> {
    debug_assert!(factor >= 0.0);
    if factor.is_nan() || factor >= LARGEST_FACTOR {
        return None;
    }
    let at = |shift: u8| (factor * f64::from(16 + shift).exp2()).round();
    let shift = (1..=most)
        .find(|&shift| at(shift) >= 32768.0)
        .unwrap_or(most);
    Some((at(shift).min(65535.0) as u16, shift))
}

/// Gain and offset of a normalized channel as `(unit * multiplier + bias) / 2^shift`.
///
/// `None` if the gain is 2^14 or more, or the offset does not fit beside it.
pub(super) fn affine(gain: f64, offset: f64) -> Option<(i16, u8, i32)> {
    let fits = |shift: u8| {
        let unit = f64::from(shift).exp2();
        (gain * unit).abs().round() <= 32767.0
            && (offset * unit).abs().round() <= f64::from(1 << 29)
    };
    let shift = (1..=29).rev().find(|&shift| fits(shift))?;
    let unit = f64::from(shift).exp2();
    Some((
        (gain * unit).round() as i16,
        shift,
        (offset * unit).round() as i32,
    ))
}

/// Chooses the scale of each input channel of a matrix product, so that `value / scale` fits int8.
///
/// Channels are scaled by range^a / weight^(1-a), between one scale for all (a = 0) and one for
/// each range (a = 1) as SmoothQuant (arXiv 2211.10438) does with a fixed a; here a is the one
/// with the least expected squared error of the product, from rounding inputs and weights.
/// The result does not change when a channel is multiplied by a constant and its weights divided.
///
/// `ranges` and `mean_squares` are by channel, `weight` is `[outputs][channels]`.
pub(super) fn balance(ranges: &[f64], mean_squares: &[f64], weight: &[Vec<f64>]) -> Vec<f64> {
    let channels = ranges.len();
    let mut columns = vec![0f64; channels];
    let mut energies = vec![0f64; channels];
    for row in weight {
        for c in 0..channels {
            columns[c] = columns[c].max(row[c].abs());
            energies[c] += row[c] * row[c];
        }
    }
    let ranges = raised(ranges);
    let columns = raised(&columns);

    let scales = |a: f64| -> Vec<f64> {
        let factors: Vec<f64> = (0..channels)
            .map(|c| ranges[c].powf(a) / columns[c].powf(1.0 - a))
            .collect();
        let reach = |c: usize| ranges[c] / factors[c];
        let unit = (0..channels).map(reach).fold(0.0, f64::max) / 127.0;
        factors.iter().map(|factor| factor * unit).collect()
    };
    let error = |scales: &[f64]| -> f64 {
        let inputs: f64 = (0..channels)
            .map(|c| energies[c] * scales[c] * scales[c])
            .sum();
        let levels: f64 = (0..channels)
            .map(|c| mean_squares[c] / (scales[c] * scales[c]))
            .sum();
        let steps: f64 = weight
            .iter()
            .map(|row| {
                let products = row.iter().zip(scales).map(|(w, s)| (w * s).abs());
                (products.fold(0.0, f64::max) / 127.0).powi(2)
            })
            .sum();
        inputs + levels * steps
    };
    [0.0, 0.25, 0.5, 0.75, 1.0]
        .map(scales)
        .into_iter()
        .min_by(|a, b| error(a).total_cmp(&error(b)))
        .expect("there are candidates")
}

/// Raises zeros so that one can divide: to far below anything that matters.
fn raised(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().copied().fold(0.0, f64::max);
    let floor = if largest > 0.0 { largest * 1e-9 } else { 1.0 };
    values.iter().map(|value| value.max(floor)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use intformer_shaders::arithmetic::requantize;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn multipliers_are_within_16_bits_of_the_factor(exponent in -28.0f64..-1.001, acc in -1_000_000i32..1_000_000) {
            let factor = exponent.exp2();
            let (multiplier, shift) = multiplier(factor, 30).unwrap();
            let exact = f64::from(acc) * factor;
            let found = f64::from(requantize(acc, u32::from(multiplier), u32::from(shift)));
            prop_assert!((found - exact).abs() <= 0.5 + exact.abs() / 32768.0 + 1e-6);
        }

        #[test]
        fn affine_is_close(gain in -100.0f64..100.0, offset in -20_000.0f64..20_000.0) {
            let (m, shift, bias) = affine(gain, offset).unwrap();
            let unit = f64::from(shift).exp2();
            prop_assert!((f64::from(m) / unit - gain).abs() <= gain.abs() / 16_000.0 + 2.0 / unit);
            prop_assert!((f64::from(bias) / unit - offset).abs() <= 1.0 / unit);
        }

        /// Rescaling a channel against its weights rescales its scale and nothing else.
        #[test]
        fn balance_follows_rescaling(
            ranges in prop::collection::vec(0.1f64..10.0, 6),
            weights in prop::collection::vec(-1.0f64..1.0, 24),
            factors in prop::collection::vec(-6i32..=6, 6),
        ) {
            let weight: Vec<Vec<f64>> = weights.chunks(6).map(<[f64]>::to_vec).collect();
            let squares: Vec<f64> = ranges.iter().map(|r| r * r / 9.0).collect();
            let plain = balance(&ranges, &squares, &weight);
            let f: Vec<f64> = factors.iter().map(|&f| f64::from(f).exp2()).collect();
            let times = |v: &[f64], power: i32| -> Vec<f64> {
                v.iter().zip(&f).map(|(v, f)| v * f.powi(power)).collect()
            };
            let weight: Vec<Vec<f64>> = weight.iter().map(|row| times(row, -1)).collect();
            let scaled = balance(&times(&ranges, 1), &times(&squares, 2), &weight);
            for (a, b) in times(&plain, 1).iter().zip(&scaled) {
                prop_assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
            }
        }
    }

    #[test]
    fn factors_from_a_half_on_are_refused_and_tiny_ones_vanish() {
        assert_eq!(multiplier(0.5, 30), None);
        assert_eq!(multiplier(0.49999999, 30), Some((65535, 1)));
        assert_eq!(multiplier(0.0, 30), Some((0, 30)));
        assert_eq!(multiplier(1e-15, 30), Some((0, 30)));
    }
}
