//! Float models on pixels: logits and calibration.

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};

use super::{Attention, Forward, Parameters, host};
use crate::{
    FloatModel, ImageShape, Pixels, Preprocessing, Result,
    graph::Graph,
    quant::{Calibration, Observer},
};

/// Images that run through a model at once.
const BATCH: usize = 32;

/// A float model ready to run on the CPU.
pub struct FloatRunner {
    image: ImageShape,
    outputs: usize,
    preprocessing: Preprocessing,
    graph: Graph,
    parameters: Parameters,
    attention: Attention,
    device: Device,
}

impl FloatRunner {
    /// Takes over the parameters of `model`.
    ///
    /// # Errors
    /// If the model is not valid.
    pub fn new(model: &FloatModel) -> Result<Self> {
        model.validate()?;
        let device = Device::flex();
        Ok(Self {
            image: model.config.image(),
            outputs: model.config.outputs(),
            preprocessing: model.preprocessing.clone(),
            graph: model.config.graph(),
            parameters: Parameters::of(model, &device)?,
            attention: Attention::new(&device),
            device,
        })
    }

    /// The logits of each image.
    ///
    /// # Errors
    /// If an image does not fit the model.
    pub fn logits(&mut self, pixels: &[Pixels]) -> Result<Vec<Vec<f32>>> {
        let mut logits = Vec::with_capacity(pixels.len());
        for batch in pixels.chunks(BATCH) {
            let image = normalize(&self.image, &self.preprocessing, batch, &self.device)?;
            let forward = Forward::new(&self.parameters, &mut self.attention);
            let out = host(forward.run(&self.graph, image)?.swap_remove(0));
            logits.extend(out.chunks(self.outputs).map(<[f32]>::to_vec));
        }
        Ok(logits)
    }

    /// Shows `observer` every operation's output for `pixels`, as one batch.
    ///
    /// # Errors
    /// If an image does not fit the model.
    pub fn observe(&mut self, pixels: &[Pixels], observer: &mut dyn Observer) -> Result<()> {
        let image = normalize(&self.image, &self.preprocessing, pixels, &self.device)?;
        let forward = Forward::new(&self.parameters, &mut self.attention).observed(observer);
        forward.run(&self.graph, image)?;
        Ok(())
    }
}

/// The logits of `model` for each image.
///
/// # Errors
/// If the model is not valid or an image does not fit it.
pub fn logits(model: &FloatModel, pixels: &[Pixels]) -> Result<Vec<Vec<f32>>> {
    FloatRunner::new(model)?.logits(pixels)
}

/// Shows `observer` the output of every operation of `model` for all `batches`: under the
/// operation's site, as `[.., channels]`. The patches of the image are not shown; a layer
/// normalization is shown before gain and shift under its site and after them under `{site}.out`.
///
/// # Errors
/// If the model is not valid or an image does not fit it.
///
/// # Examples
///
/// Which block's MLP sees the largest values?
///
/// ```
/// use intformer::{
///     Pixels, float,
///     architecture::SwinConfig,
///     quant::{Observer, float_model},
/// };
///
/// #[derive(Default)]
/// struct Largest(Vec<(String, f32)>);
///
/// impl Observer for Largest {
///     fn observe(&mut self, site: &str, _channels: usize, values: &[f32]) {
///         if site.ends_with("mlp.act") {
///             let magnitudes = values.iter().map(|value| value.abs());
///             let largest = magnitudes.fold(0.0, f32::max);
///             self.0.push((site.to_owned(), largest));
///         }
///     }
/// }
///
/// # let config = SwinConfig {
/// #     image_size: [8, 8],
/// #     in_channels: 1,
/// #     embed_dim: 8,
/// #     depths: vec![2],
/// #     heads: vec![1],
/// #     window_size: 2,
/// #     classes: 2,
/// #     ..SwinConfig::tiny()
/// # };
/// let model = float_model(&config, 0)?;
/// let batch = vec![Pixels::new(8, 8, 1, (0..64).collect())?];
/// let mut largest = Largest::default();
/// float::observe(&model, [batch].into_iter(), &mut largest)?;
///
/// let (site, value) = &largest.0[1];
/// assert_eq!(site, "layers.0.blocks.1.mlp.act");
/// assert!(*value > 0.0);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn observe(
    model: &FloatModel,
    batches: impl Iterator<Item = Vec<Pixels>>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let mut runner = FloatRunner::new(model)?;
    batches
        .filter(|batch| !batch.is_empty())
        .try_for_each(|batch| runner.observe(&batch, observer))
}

/// What `model` shows of all `images`, for [`quantize`](crate::quant::quantize()): ranges in a first
/// pass, histograms in a second. `seen` is told how many images more are done, of two times all.
///
/// # Errors
/// If the model is not valid or an image does not fit it.
pub fn calibrate(
    model: &FloatModel,
    images: &[Pixels],
    mut seen: impl FnMut(usize),
) -> Result<Calibration> {
    let mut runner = FloatRunner::new(model)?;
    let mut calibration = Calibration::new();
    for pass in 0..2 {
        if pass == 1 {
            calibration.begin_histograms();
        }
        for batch in images.chunks(BATCH) {
            runner.observe(batch, &mut calibration)?;
            seen(batch.len());
        }
    }
    Ok(calibration)
}

/// [`normalized`] pixels on `device`.
fn normalize(
    image: &ImageShape,
    preprocessing: &Preprocessing,
    batch: &[Pixels],
    device: &Device,
) -> Result<Tensor<3>> {
    let values = normalized(image, preprocessing, batch)?;
    let data = TensorData::new(values, [batch.len(), image.pixels(), image.channels]);
    Ok(Tensor::from_data(data, device))
}

/// Pixels as the model's input `[batch, height * width, channels]`: `(value / 255 - mean) / std`.
pub(super) fn normalized(
    image: &ImageShape,
    preprocessing: &Preprocessing,
    batch: &[Pixels],
) -> Result<Vec<f32>> {
    let channels = image.channels;
    let tables: Vec<[f32; 256]> = preprocessing
        .mean
        .iter()
        .zip(&preprocessing.std)
        .map(|(mean, std)| std::array::from_fn(|byte| ((byte as f64 / 255.0 - mean) / std) as f32))
        .collect();
    let mut values = Vec::with_capacity(batch.len() * image.bytes());
    for pixels in batch {
        pixels.check(image)?;
        let bytes = pixels.data.iter().enumerate();
        values.extend(bytes.map(|(at, &byte)| tables[at % channels][byte as usize]));
    }
    Ok(values)
}
