//! Layer normalizations.

use std::rc::Rc;

use super::{
    HEADROOM, Lowering,
    emit::{in_order, largest},
    layers::finest_unit,
    value::{Norm, StreamScales, Wide},
};
use crate::{
    Error, Result,
    plan::{Format, TensorId, operation},
    quant::scales::affine,
};

impl Lowering<'_> {
    /// Adds the parameters of a normalization whose gathered channels map to real values by
    /// `gain` and `offset` over the output's scale; false if they do not fit.
    fn norm_params(&mut self, name: &str, exponents: &[u8], gain: &[f64], offset: &[f64]) -> bool {
        let mut fits = true;
        let mut params: [Vec<_>; 3] = Default::default();
        let mut multipliers = Vec::new();
        // A unit row of the kernel is 2^15.
        let norm = (gain.len() as f64).sqrt() / 32768.0;
        for (gain, offset) in gain.iter().zip(offset) {
            let (m, shift, bias) = affine(gain * norm, *offset).unwrap_or_else(|| {
                fits = false;
                (0, 1, 0)
            });
            multipliers.push(m);
            params[0].push(i32::from(shift));
            params[1].push(bias);
        }
        let count = [gain.len()];
        let shifts: Vec<u8> = params[0].iter().map(|&shift| shift as u8).collect();
        self.weights
            .insert(format!("{name}.multiplier"), &count, &multipliers);
        self.weights
            .insert(format!("{name}.shift"), &count, &shifts);
        self.weights
            .insert(format!("{name}.bias"), &count, &params[1]);
        self.weights
            .insert(format!("{name}.exponent"), &count, exponents);
        fits
    }

    /// Adds the parameters of `norm` for int8 outputs of `scale`; returns their name and the epsilon.
    pub(super) fn norm_bytes(&mut self, norm: &Norm, scale: &[f64]) -> Result<(String, u32)> {
        let gain: Vec<f64> = scale.iter().map(|scale| 1.0 / scale).collect();
        let name = self.fresh(&norm.site);
        if !self.norm_params(&name, &norm.exponents(), &gain, &vec![0.0; gain.len()]) {
            return Err(Error::Quantize(format!(
                "{}: expected normalized values of ordinary size, found a range of nearly 0",
                norm.site
            )));
        }
        Ok((name, norm.epsilon()))
    }

    /// Emits `norm` as a step of its own; int8 with `scale`.
    pub(super) fn emit_norm(&mut self, norm: &Norm, scale: &[f64]) -> Result<TensorId> {
        let (name, epsilon) = self.norm_bytes(norm, scale)?;
        let tensor = self.norm_step(norm, name, Format::Int8, epsilon);
        self.tap(&norm.site, tensor, in_order(scale.len()), scale.to_vec());
        Ok(tensor)
    }

    /// Emits `norm`, gain and shift applied, as int16 with one scale for all channels: what a vector that is
    /// put out has, or what another normalization, with `eps`, reads.
    pub(super) fn emit_flat_norm(&mut self, norm: &Norm, eps: f64) -> Result<Rc<Wide>> {
        let stats = self.calibration.site(&format!("{}.out", norm.site))?;
        let channels = norm.gain.len();
        let ranges: Vec<f64> = (0..channels).map(|c| stats.largest(c)).collect();
        let name = self.fresh(&norm.site);
        let mut unit = (largest(&ranges) * HEADROOM / 32767.0)
            .max(finest_unit(channels, eps))
            .max(1e-30);
        let over = |values: &[f64], unit: f64| -> Vec<f64> {
            values.iter().map(|value| value / unit).collect()
        };
        while !self.norm_params(
            &name,
            &norm.exponents(),
            &over(&norm.gain, unit),
            &over(&norm.shift, unit),
        ) {
            unit *= 2.0;
        }
        let tensor = self.norm_step(norm, name, Format::Int16, norm.epsilon());
        let exponents = vec![0; channels];
        let scales = Rc::new(StreamScales { unit, exponents });
        self.tap_wide(format!("{}.out", norm.site), tensor, &scales);
        Ok(Rc::new(Wide { tensor, scales }))
    }

    /// Emits `norm`, gain and shift applied, as int16 with the scales of `stream`.
    pub(super) fn emit_wide_norm(&mut self, norm: &Norm, stream: usize) -> Rc<Wide> {
        let scales = Rc::clone(&self.scales[stream]);
        let over = |values: &[f64]| -> Vec<f64> {
            let values = values.iter().enumerate();
            values.map(|(c, value)| value / scales.scale(c)).collect()
        };
        let name = self.fresh(&norm.site);
        let (gain, shift) = (over(&norm.gain), over(&norm.shift));
        if !self.norm_params(&name, &norm.exponents(), &gain, &shift) {
            for c in 0..gain.len() {
                self.coarsen(stream, c, 4.0 * scales.scale(c));
            }
        }
        let tensor = self.norm_step(norm, name, Format::Int16, norm.epsilon());
        self.tap_wide(format!("{}.out", norm.site), tensor, &scales);
        Rc::new(Wide { tensor, scales })
    }

    fn norm_step(&mut self, norm: &Norm, name: String, format: Format, epsilon: u32) -> TensorId {
        let input = norm.x.tensor;
        let lines = match (norm.merge, self.lines(input)) {
            (Some([height, width]), (axis, _)) => (axis, height.div_ceil(2) * width.div_ceil(2)),
            (None, lines) => lines,
        };
        let output = self.tensor(name.clone(), format, lines, norm.gain.len());
        let operation = operation::LayerNorm {
            input,
            output,
            norm: name.clone(),
            epsilon,
            merge: norm.merge,
        };
        self.step(&name, operation);
        output
    }
}
