//! What each layer loses on the way to integers.

use std::{collections::HashMap, sync::Arc};

use super::{
    Calibration, Observer, QuantizeOptions,
    lower::{Tap, tapped},
};
use crate::{
    Error, FloatModel, Result,
    float::{FloatRunner, Samples},
    plan::{Format, Tensor},
    runtime::{Batch, Cpu, Executor},
};

/// How far the integers of a layer are from the float model's values.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerLoss {
    /// The layer; a normalization is compared before gain and shift, under `{site}.out` after them.
    pub site: String,
    /// The step of the plan that made it: a layer may be there for each of its readers.
    pub step: String,
    /// What its values are held in.
    pub format: Format,
    /// Signal to noise in decibels, `10 log10(sum f^2 / sum (f - i)^2)`: infinite if nothing is lost. What earlier
    /// layers have lost is in it.
    pub signal_to_noise: f64,
    /// The share of the float model's values that are beyond the range of the integers.
    pub clipped: f64,
}

/// Sums over what was compared of a layer.
#[derive(Clone, Copy, Default)]
struct Sums {
    signal: f64,
    noise: f64,
    clipped: usize,
    values: usize,
}

/// The values of one item at every site.
#[derive(Default)]
struct Seen(HashMap<String, Vec<f32>>);

impl Observer for Seen {
    fn observe(&mut self, site: &str, _channels: usize, values: &[f32]) {
        self.0.insert(site.to_owned(), values.to_vec());
    }
}

/// Compares each layer of what [`quantize`](super::quantize()) makes of `model` with its float self on `samples`, item
/// by item; in the order of the plan. `seen` is told after each item.
///
/// # Errors
/// As [`quantize`](super::quantize()), or if an item does not fit.
///
/// # Examples
///
/// ```
/// use intformer::{
///     Pixels, architecture::SwinConfig, float,
///     quant::{QuantizeOptions, float_model, losses},
/// };
///
/// # let config = SwinConfig {
/// #     image_size: [8, 8],
/// #     in_channels: 1,
/// #     embed_dim: 8,
/// #     depths: vec![1],
/// #     heads: vec![1],
/// #     window_size: 2,
/// #     classes: 3,
/// #     ..SwinConfig::tiny()
/// # };
/// let model = float_model(&config, 0)?;
/// let image = |seed: usize| Pixels::new(8, 8, 1, (0..64).map(|at| (at * seed) as u8).collect());
/// let images = (0..8).map(image).collect::<intformer::Result<Vec<_>>>()?;
///
/// let calibration = float::calibrate(&model, &images, |_| ())?;
/// let losses = losses(&model, &calibration, &QuantizeOptions::default(), &images, || ())?;
/// let last = losses.last().expect("layers");
/// assert_eq!(last.site, "head.fc");
/// assert!(last.signal_to_noise > 15.0);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn losses<'a>(
    model: &FloatModel,
    calibration: &Calibration,
    options: &QuantizeOptions,
    samples: impl Into<Samples<'a>>,
    mut seen: impl FnMut(),
) -> Result<Vec<LayerLoss>> {
    let (integers, taps) = tapped(model, calibration, options, "", 0)?;
    let mut cpu = Cpu::new(Arc::new(integers.program()?));
    let mut floats = FloatRunner::new(model)?;
    let mut sums = vec![Sums::default(); taps.len()];
    let samples = samples.into();
    for at in 0..samples.len() {
        let (item, starts);
        let (one, batch) = match samples {
            Samples::Images(images) => {
                let one = Samples::Images(&images[at..=at]);
                (one, Batch::images(&images[at].data, 1))
            }
            Samples::Texts(texts) => {
                item = &texts[at];
                starts = [0, item.len()];
                (Samples::Texts(&texts[at..=at]), Batch::texts(item, &starts))
            }
        };
        let mut real = Seen::default();
        floats.observe(one, &mut real, |_| ())?;
        let trace = cpu.trace(&batch)?;
        for (tap, sums) in taps.iter().zip(&mut sums) {
            let tensor = &integers.plan.tensors[tap.tensor];
            // The features of a model without a head come from a product that the float model lacks.
            if let Some(real) = real.0.get(&tap.site) {
                sums.add(tap, tensor, &trace[tap.step], real)?;
            }
        }
        seen();
    }
    let compared = taps.iter().zip(&sums).filter(|(_, sums)| sums.values > 0);
    let loss = compared.map(|(tap, sums)| LayerLoss {
        site: tap.site.clone(),
        step: integers.plan.steps[tap.step].name.clone(),
        format: integers.plan.tensors[tap.tensor].format,
        signal_to_noise: match sums.noise {
            0.0 => f64::INFINITY,
            noise => 10.0 * (sums.signal / noise).log10(),
        },
        clipped: sums.clipped as f64 / sums.values as f64,
    });
    Ok(loss.collect())
}

impl Sums {
    /// Adds the `words` of an item, which are `real` in the float model.
    fn add(&mut self, tap: &Tap, tensor: &Tensor, words: &[u32], real: &[f32]) -> Result<()> {
        let channels = tap.scale.len();
        let rows = words.chunks(tensor.stride).zip(real.chunks(channels));
        if words.len() / tensor.stride * channels != real.len() {
            return Err(Error::Quantize(format!(
                "{}: expected {} values of integers, found {}",
                tap.site,
                real.len(),
                words.len() / tensor.stride * channels
            )));
        }
        for (row, real) in rows {
            for (column, channel) in tap.columns.iter().enumerate() {
                let Some(c) = *channel else { continue };
                let (integer, most) = match tensor.format {
                    Format::Int8 => (i32::from(bytemuck::cast_slice::<u32, i8>(row)[column]), 127),
                    Format::Int16 => (
                        i32::from(bytemuck::cast_slice::<u32, i16>(row)[column]),
                        32767,
                    ),
                    _ => (row[column] as i32, i32::MAX),
                };
                let real = f64::from(real[c]);
                let (gain, shift) = match &tap.affine {
                    Some((gain, shift)) => (tap.scale[c] * gain[c], shift[c]),
                    None => (tap.scale[c], 0.0),
                };
                let value = f64::from(integer) * gain + shift;
                self.signal += real * real;
                self.noise += (real - value) * (real - value);
                self.clipped += usize::from(((real - shift) / gain).abs() > f64::from(most) + 0.5);
                self.values += 1;
            }
        }
        Ok(())
    }
}
