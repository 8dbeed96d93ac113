//! The rows of a matrix product on their way to int8.

use super::covariance::{Compensation, each};
use crate::{Error, Result};

/// Biases stay below this in magnitude, so that products have room beside them.
const LARGEST_BIAS: f64 = (1u32 << 28) as f64;

/// A float matrix product whose input will be int8: `out = weight * x + bias`.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// `[outputs][inputs]`, for real inputs.
    pub(super) weight: Vec<Vec<f64>>,
    /// `[outputs]`.
    pub(super) bias: Vec<f64>,
}

impl Rows {
    /// Applies the product to `x * gain + shift` instead of `x`.
    pub(super) fn fold(&mut self, gain: &[f64], shift: &[f64]) {
        for (row, bias) in self.weight.iter_mut().zip(&mut self.bias) {
            *bias += row.iter().zip(shift).map(|(w, s)| w * s).sum::<f64>();
            row.iter_mut().zip(gain).for_each(|(w, g)| *w *= g);
        }
    }

    /// Rounds to int8 for inputs `real = scale[c] * q`, each output with a scale of its own.
    ///
    /// With a `compensation` weights make up for each other's errors; without, each is the nearest. With `means`, the mean
    /// integer inputs, biases make up for the mean error of the rounded weights (bias correction, arXiv 1906.04721
    /// section 4.2).
    ///
    /// # Errors
    /// [`Error::Quantize`] naming `site`, if a weight is not finite.
    pub(super) fn quantize(
        &self,
        site: &str,
        scale: &[f64],
        means: Option<&[f64]>,
        compensation: Option<&Compensation>,
    ) -> Result<IntRows> {
        let round = |at: usize| {
            let (row, bias) = (&self.weight[at], self.bias[at]);
            let row: Vec<f64> = row.iter().zip(scale).map(|(w, s)| w * s).collect();
            let largest = row.iter().fold(0.0, |most: f64, w| most.max(w.abs()));
            let unit = (largest / 127.0)
                .max(bias.abs() / LARGEST_BIAS)
                .max(f64::MIN_POSITIVE * 1e30);
            if !(unit.is_finite() && bias.is_finite()) {
                return Err(Error::Quantize(format!(
                    "expected finite weights at {site}, found some that are not"
                )));
            }
            let units: Vec<f64> = row.iter().map(|w| w / unit).collect();
            let ints: Vec<i8> = match compensation {
                Some(compensation) => compensation.round(&units),
                None => units.iter().map(|w| w.round() as i8).collect(),
            };
            let error = means.map_or(0.0, |means| {
                let errors = row.iter().zip(&ints).map(|(w, &q)| w - unit * f64::from(q));
                errors.zip(means).map(|(error, mean)| error * mean).sum()
            });
            Ok((ints, ((bias + error) / unit).round() as i32, unit))
        };
        let mut rows = IntRows::default();
        for row in each(self.weight.len(), round) {
            let (ints, bias, unit) = row?;
            rows.weight.push(ints);
            rows.bias.push(bias);
            rows.unit.push(unit);
        }
        Ok(rows)
    }
}

/// Rounded rows: `real = unit[o] * (weight[o] . q + bias[o])`.
#[derive(Clone, Debug, Default)]
pub(super) struct IntRows {
    /// `[outputs][inputs]`.
    pub(super) weight: Vec<Vec<i8>>,
    /// `[outputs]`.
    pub(super) bias: Vec<i32>,
    /// `[outputs]`.
    pub(super) unit: Vec<f64>,
}
