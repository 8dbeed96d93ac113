//! Matrix products, activations and the pool.

use std::rc::Rc;

use super::{
    Lowering, Rounded,
    value::{Bytes, Input, Linear, Norm, Value},
};
use crate::{
    Error, Result,
    plan::{
        Axis, Epilogue, Format, MAX_NORM_LINEAR_CHANNELS, Operation, TensorId, operation, pad16,
    },
    quant::{
        Rounding,
        rows::IntRows,
        scales::{FACTOR_MARGIN, multiplier},
    },
};

/// The columns of a padded row whose channels stand in their own order.
pub(super) fn in_order(channels: usize) -> Vec<Option<usize>> {
    (0..pad16(channels))
        .map(|column| (column < channels).then_some(column))
        .collect()
}

pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

impl Lowering<'_> {
    /// Rounds the rows of a product: once, if another attempt asks for the same.
    pub(super) fn quantized(&self, linear: &Linear) -> Result<IntRows> {
        if let Some(known) = self.rounded.borrow().get(&linear.site)
            && known.scale == linear.scale
            && known.bias == linear.rows.bias
        {
            return Ok(known.rows.clone());
        }
        let means = linear.means.as_deref();
        let means = means.filter(|_| self.options.bias_correction);
        let compensation = match (self.options.rounding, &linear.seen) {
            (Rounding::Optq, Some(site)) => {
                let covariance = self.calibration.covariance(site)?;
                covariance.compensation(&linear.scale, means.is_some())
            }
            _ => None,
        };
        let (rows, scale) = (&linear.rows, &linear.scale);
        let rounded = rows.quantize(&linear.site, scale, means, compensation.as_ref())?;
        let known = Rounded {
            scale: scale.clone(),
            bias: rows.bias.clone(),
            rows: rounded.clone(),
        };
        self.rounded.borrow_mut().insert(linear.site.clone(), known);
        Ok(rounded)
    }

    /// Emits a product with outputs in their own order.
    pub(super) fn emit(
        &mut self,
        linear: &Linear,
        rows: &IntRows,
        scale: &[f64],
        epilogue: Epilogue,
        output: Option<TensorId>,
    ) -> Result<TensorId> {
        let outputs = in_order(rows.unit.len());
        self.emit_columns(linear, rows, scale, &outputs, epilogue, output)
    }

    /// Emits a product: column `i` of the output is output channel `outputs[i]`, or zero.
    pub(super) fn emit_columns(
        &mut self,
        linear: &Linear,
        rows: &IntRows,
        scale: &[f64],
        outputs: &[Option<usize>],
        epilogue: Epilogue,
        output: Option<TensorId>,
    ) -> Result<TensorId> {
        let site = &self.fresh(&linear.site);
        let inputs = linear.scale.len();
        let wide = pad16(inputs) > MAX_NORM_LINEAR_CHANNELS;
        // A gathered or very wide norm is a step of its own.
        let (source, columns) = match &linear.input {
            Input::Bytes(bytes) => (Ok(bytes.tensor), bytes.columns.clone()),
            Input::Norm(norm) if wide || norm.merge.is_some() => {
                (Ok(self.emit_norm(norm, &linear.scale)?), in_order(inputs))
            }
            Input::Norm(norm) => (Err(Rc::clone(norm)), in_order(inputs)),
        };

        let mut weight = Vec::with_capacity(outputs.len() * columns.len());
        let (mut bias, mut multipliers, mut shifts) = (Vec::new(), Vec::new(), Vec::new());
        for channel in outputs {
            let Some(o) = *channel else {
                weight.resize(weight.len() + columns.len(), 0);
                bias.push(0);
                multipliers.push(0);
                shifts.push(1);
                continue;
            };
            let value = |column: &Option<usize>| column.map_or(0, |c| rows.weight[o][c]);
            weight.extend(columns.iter().map(value));
            bias.push(rows.bias[o]);
            let (m, shift) = multiplier(rows.unit[o] / scale[o], 30).ok_or_else(|| {
                Error::Quantize(format!(
                    "{site}: expected an output scale of at least twice the accumulator's, found {} and {}",
                    scale[o], rows.unit[o]
                ))
            })?;
            multipliers.push(m);
            shifts.push(shift);
        }
        let cols = outputs.len();
        let weights = &mut self.weights;
        weights.insert(format!("{site}.weight"), &[cols, columns.len()], &weight);
        weights.insert(format!("{site}.bias"), &[cols], &bias);
        weights.insert(format!("{site}.multiplier"), &[cols], &multipliers);
        weights.insert(format!("{site}.shift"), &[cols], &shifts);

        let lines = self.lines(match &source {
            Ok(tensor) => *tensor,
            Err(norm) => norm.x.tensor,
        });
        let output = output.unwrap_or_else(|| {
            let last = outputs.iter().rposition(Option::is_some);
            let logical = last.map_or(1, |last| last + 1);
            self.padded(site.clone(), epilogue.format(), lines, logical, cols)
        });
        let weights = site.clone();
        let operation: Operation = match source {
            Ok(input) => operation::Linear {
                input,
                output,
                weights,
                epilogue,
            }
            .into(),
            Err(norm) => {
                let (name, epsilon) = self.norm_bytes(&norm, &linear.scale)?;
                let scratch = self.tensor(name.clone(), Format::Int8, lines, inputs);
                operation::NormLinear {
                    input: norm.x.tensor,
                    output,
                    scratch,
                    norm: name,
                    epsilon,
                    weights,
                    epilogue,
                }
                .into()
            }
        };
        self.step(site, operation);
        Ok(output)
    }

    /// Emits a norm and the mean over its tokens; gain and shift are left to what follows.
    pub(super) fn emit_pool(&mut self, site: &str, norm: &Norm) -> Result<Value> {
        let ranges = self.calibration.ranges(&norm.site, self.options.range)?;
        let floor = largest(&ranges).max(1e-3) * 1e-3;
        let before: Vec<f64> = ranges.iter().map(|r| r.max(floor) / 127.0).collect();
        let input = self.emit_norm(norm, &before)?;
        let channels = before.len();
        let tokens = self.plan.tensors[input].rows as f64;

        // Calibration saw the pool after gain and shift.
        let stats = self.calibration.site(site)?;
        let plain = |c: usize, value: f64| (value - norm.shift[c]) / norm.gain[c];
        let scale: Vec<f64> = (0..channels)
            .map(|c| {
                let ends = [stats.min[c], stats.max[c]].map(|end| plain(c, f64::from(end)).abs());
                let range = ends[0].max(ends[1]);
                let range = if range.is_finite() { range } else { ranges[c] };
                (range.min(ranges[c]) / 127.0).max(before[c] / tokens * FACTOR_MARGIN)
            })
            .collect();
        let means = (0..channels)
            .map(|c| plain(c, stats.mean(c)) / scale[c])
            .map(|mean| if mean.is_finite() { mean } else { 0.0 })
            .collect();

        let (mut multipliers, mut shifts) = (Vec::new(), Vec::new());
        let mut factors: Vec<f64> = before
            .iter()
            .zip(&scale)
            .map(|(b, s)| b / tokens / s)
            .collect();
        factors.resize(pad16(channels), 0.0);
        for factor in factors {
            let (m, shift) = multiplier(factor, 30).ok_or_else(|| {
                Error::Quantize(format!(
                    "{site}: expected factors below 0.5, found {factor}"
                ))
            })?;
            multipliers.push(m);
            shifts.push(shift);
        }
        let padded = [multipliers.len()];
        self.weights
            .insert(format!("{site}.multiplier"), &padded, &multipliers);
        self.weights
            .insert(format!("{site}.shift"), &padded, &shifts);
        let output = self.tensor(site.to_owned(), Format::Int8, (Axis::Item, 1), channels);
        let weights = site.to_owned();
        self.step(
            site,
            operation::MeanPool {
                input,
                output,
                weights,
            },
        );
        let bytes = Bytes {
            tensor: output,
            columns: in_order(channels),
            scale,
            means: Some(means),
            affine: Some((norm.gain.clone(), norm.shift.clone())),
        };
        self.tap_bytes(site, &bytes);
        Ok(Value::Bytes(Rc::new(bytes)))
    }
}
