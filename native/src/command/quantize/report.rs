//! `intformer quantize --report`: what each layer loses.

use std::fmt::Write;

use anyhow::Result;
use intformer::{
    FloatModel,
    quant::{Calibration, LayerLoss, QuantizeOptions, losses},
};
use serde_json::{Value, json};

use crate::{cli::Globals, inputs::Inputs};

/// So many images or texts are compared, spread evenly over all.
const COMPARED: usize = 32;

/// Decibels that fill the bar of a layer.
const FULL: f64 = 60.0;

/// Columns of the bar.
const WIDTH: usize = 20;

/// The losses of all layers.
pub struct Report(Vec<LayerLoss>);

impl Report {
    /// Compares what `options` make of `model` with its float self.
    pub fn new(
        model: &FloatModel,
        calibration: &Calibration,
        options: &QuantizeOptions,
        inputs: &Inputs,
        globals: &Globals,
    ) -> Result<Self> {
        let inputs = inputs.spread(COMPARED);
        let bar = globals.bar("comparing", inputs.len());
        let items = inputs.items();
        let losses = losses(model, calibration, options, items.samples(), || bar.inc(1))?;
        bar.finish_and_clear();
        Ok(Self(losses))
    }

    /// A line for each layer, in the order in which they run.
    pub fn text(&self) -> String {
        let names = self.0.iter().map(|loss| loss.site.len());
        let width = names.max().unwrap_or(0).max("layer".len());
        let mut text = format!(
            "\n{:width$}  bits  {:WIDTH$}  signal to noise  clipped\n",
            "layer", ""
        );
        for loss in &self.0 {
            let filled = (loss.signal_to_noise / FULL).clamp(0.0, 1.0) * WIDTH as f64;
            let bar = "#".repeat(filled.round() as usize);
            let decibels = match loss.signal_to_noise {
                f64::INFINITY => "exact".to_owned(),
                f64::NEG_INFINITY => "noise alone".to_owned(),
                decibels => format!("{decibels:.1} dB"),
            };
            // A string takes what is written.
            let _ = writeln!(
                text,
                "{:width$}  {:>4}  {bar:WIDTH$}  {decibels:>15}  {:>7.3} %",
                loss.site,
                32 / loss.format.per_word(),
                100.0 * loss.clipped
            );
        }
        text
    }

    /// The same for machines; of a layer that loses nothing, or holds nothing but loss, there is no number.
    pub fn json(&self) -> Value {
        let layers = self.0.iter().map(|loss| {
            let decibels = Some(loss.signal_to_noise).filter(|db| db.is_finite());
            json!({
                "site": loss.site, "step": loss.step, "bits": 32 / loss.format.per_word(),
                "signal_to_noise_db": decibels, "clipped": loss.clipped,
            })
        });
        layers.collect()
    }
}
