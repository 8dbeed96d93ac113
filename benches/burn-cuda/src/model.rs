//! intformer's float Swin on any device of burn.

use anyhow::{Context, Result};
use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use intformer::{
    FloatModel,
    float::{Attention, Forward, Parameters},
    graph::Graph,
    architecture::Config,
    quant::Random,
};

/// A model on a device.
pub struct Model {
    config: Config,
    graph: Graph,
    parameters: Parameters,
    attention: Attention,
    device: Device,
}

impl Model {
    /// The parameters of `model` on `device`.
    ///
    /// # Errors
    /// If the model is not valid.
    pub fn new(model: &FloatModel, device: &Device) -> Result<Self> {
        Ok(Self {
            config: model.config.clone(),
            graph: model.config.graph(),
            parameters: Parameters::of(model, device)?,
            attention: Attention::new(device),
            device: device.clone(),
        })
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// `batch` images of noise as the model takes them, on the device.
    pub fn images(&self, batch: usize) -> Tensor<3> {
        let image = self.config.image().unwrap();
        let shape = [batch, image.pixels(), image.channels];
        let mut random = Random(1);
        let values = (0..shape.iter().product()).map(|_| random.normal());
        Tensor::from_data(TensorData::new(values.collect(), shape), &self.device)
    }

    /// The logits of `images`, which the device may still have to compute.
    ///
    /// # Errors
    /// If a parameter is missing.
    pub fn run(&mut self, images: Tensor<3>) -> Result<Tensor<3>> {
        let forward = Forward::new(&self.parameters, &mut self.attention);
        Ok(forward.run(&self.graph, images)?.swap_remove(0))
    }

    /// How far the logits of an image are from those that burn's CPU backend computes of `model` in
    /// 32 bits: the root of the mean square of the difference, relative to theirs.
    ///
    /// # Errors
    /// If a device fails.
    pub fn error(&mut self, model: &FloatModel) -> Result<f64> {
        let mut truth = Self::new(model, &Device::flex())?;
        let truth = truth.logits()?;
        let found = self.logits()?;
        let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
        let difference = square(&mut found.iter().zip(&truth).map(|(f, t)| f - t));
        Ok((difference / square(&mut truth.iter().copied())).sqrt())
    }

    fn logits(&mut self) -> Result<Vec<f64>> {
        let logits = self.run(self.images(1))?.try_into_data();
        let logits = logits.context("reading the logits")?;
        Ok(logits.iter::<f64>().collect())
    }
}
