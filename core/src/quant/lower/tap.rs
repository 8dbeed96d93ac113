//! What the integers of a step stand for.

use super::{
    Lowering,
    emit::in_order,
    value::{Bytes, StreamScales},
};
use crate::plan::TensorId;

/// A tensor of the float model in the plan.
#[cfg_attr(
    not(feature = "float"),
    expect(dead_code, reason = "float models are compared with it")
)]
pub(in crate::quant) struct Tap {
    /// The step that wrote it: another may write over it.
    pub(in crate::quant) step: usize,
    pub(in crate::quant) tensor: TensorId,
    /// The name under which calibration knows it.
    pub(in crate::quant) site: String,
    /// The channel of each column; padding has none.
    pub(in crate::quant) columns: Vec<Option<usize>>,
    /// The real size of a unit of each channel.
    pub(in crate::quant) scale: Vec<f64>,
    /// Gain and shift of each channel after that.
    pub(in crate::quant) affine: Option<(Vec<f64>, Vec<f64>)>,
}

impl Lowering<'_> {
    /// Notes that the last step wrote to `tensor` what the float model has at `site`.
    pub(super) fn tap(
        &mut self,
        site: impl Into<String>,
        tensor: TensorId,
        columns: Vec<Option<usize>>,
        scale: Vec<f64>,
    ) {
        self.taps.push(Tap {
            step: self.plan.steps.len() - 1,
            tensor,
            site: site.into(),
            columns,
            scale,
            affine: None,
        });
    }

    /// The same of bytes.
    pub(super) fn tap_bytes(&mut self, site: &str, bytes: &Bytes) {
        let (columns, scale) = (bytes.columns.clone(), bytes.scale.clone());
        self.tap(site, bytes.tensor, columns, scale);
        if let Some(tap) = self.taps.last_mut() {
            tap.affine.clone_from(&bytes.affine);
        }
    }

    /// The same of what has the scales of a stream.
    pub(super) fn tap_wide(
        &mut self,
        site: impl Into<String>,
        tensor: TensorId,
        scales: &StreamScales,
    ) {
        let channels = scales.exponents.len();
        let scale = (0..channels).map(|c| scales.scale(c)).collect();
        self.tap(site, tensor, in_order(channels), scale);
    }
}
