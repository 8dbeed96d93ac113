//! One step of training, and evaluation.

use burn::{
    Tensor,
    module::{Module, ParamGroup},
    optim::{AdamWConfig, GradientsParams, ModuleOptimizer},
    tensor::{Bytes, Device, TensorData, activation::log_softmax},
};

use super::{TrainOptions, batches::Batch};
use crate::{
    Error, Params, Result,
    float::{Attention, FloatOps, Swin, host},
    model::{self, SwinConfig},
};

/// A model and its optimizer.
pub struct Learner {
    config: SwinConfig,
    clip: f32,
    swin: Swin,
    optimizer: ModuleOptimizer,
    attention: Attention,
    device: Device,
}

/// A model that does not learn.
pub struct Frozen<'a> {
    config: &'a SwinConfig,
    swin: Swin,
    attention: std::cell::RefCell<Attention>,
    device: Device,
}

impl Learner {
    /// New weights.
    pub fn new(options: &TrainOptions) -> Result<Self> {
        let device = Device::flex().autodiff();
        let swin = Swin::init(&options.config, options.seed, &device)?;
        Ok(Self::with(options, swin, device))
    }

    /// The state of a checkpoint.
    pub fn resume(options: &TrainOptions, params: &Params, optimizer: Vec<u8>) -> Result<Self> {
        let device = Device::flex().autodiff();
        let swin = Swin::from_params(&options.config, params, &device)?;
        let mut learner = Self::with(options, swin, device);
        learner.optimizer = learner
            .optimizer
            .from_bytes(Bytes::from_bytes_vec(optimizer))
            .map_err(|e| Error::Training(format!("optimizer state: {e}")))?;
        Ok(learner)
    }

    fn with(options: &TrainOptions, swin: Swin, device: Device) -> Self {
        let adamw = AdamWConfig::new().with_epsilon(1e-8);
        let decaying = ParamGroup::from_ids(swin.weight_ids());
        let optimizer = ModuleOptimizer::from(adamw.clone().with_weight_decay(0.0).build())
            .with_group(
                decaying,
                adamw.with_weight_decay(options.weight_decay).build(),
                None,
            );
        Self {
            config: options.config.clone(),
            clip: options.clip,
            attention: Attention::new(&device),
            swin,
            optimizer,
            device,
        }
    }

    /// Learns from one batch; the mean loss before the step.
    ///
    /// # Errors
    /// What is not finite. The weights are then as they were.
    pub fn step(&mut self, batch: &Batch, rate: f64) -> Result<f64, String> {
        let logits = forward(
            &self.config,
            &self.swin,
            &mut self.attention,
            batch,
            &self.device,
        )
        .map_err(|e| e.to_string())?;
        let loss = cross_entropy(logits, batch, &self.device);
        let value = f64::from(host(loss.clone())[0]);
        if !value.is_finite() {
            return Err(format!("a loss of {value}"));
        }
        let mut gradients = GradientsParams::from_grads(loss.backward(), &self.swin);
        let norm = self.swin.gradient_norm(&gradients);
        if !norm.is_finite() {
            return Err(format!("a gradient of norm {norm}"));
        }
        if self.clip > 0.0 && norm > f64::from(self.clip) {
            self.swin
                .scale_gradients(&mut gradients, f64::from(self.clip) / norm);
        }
        self.swin = self.optimizer.step(rate, self.swin.clone(), gradients);
        Ok(value)
    }

    /// The model as it is now.
    pub fn frozen(&self) -> Frozen<'_> {
        let device = self.device.clone().inner();
        Frozen {
            config: &self.config,
            swin: self.swin.valid(),
            attention: Attention::new(&device).into(),
            device,
        }
    }

    /// The parameters as they are now.
    pub fn params(&self) -> Params {
        self.swin.to_params()
    }

    /// The optimizer's state, for [`Learner::resume`].
    pub fn optimizer_state(&self) -> Result<Vec<u8>> {
        self.optimizer
            .into_bytes()
            .map(|bytes| bytes.to_vec())
            .map_err(|e| Error::Training(format!("optimizer state: {e}")))
    }
}

impl Frozen<'_> {
    /// Sum of the losses of a batch, and how many images it gets right.
    pub fn evaluate(&self, batch: &Batch) -> Result<(f64, usize)> {
        let attention = &mut self.attention.borrow_mut();
        let logits = forward(self.config, &self.swin, attention, batch, &self.device)?;
        let values = host(logits.clone());
        let rows = values.chunks(self.config.classes);
        let right = rows
            .zip(&batch.classes)
            .filter(|(row, class)| (0..row.len()).all(|i| i == **class || row[i] < row[**class]))
            .count();
        let loss = f64::from(host(cross_entropy(logits, batch, &self.device))[0]);
        Ok((loss * batch.classes.len() as f64, right))
    }
}

fn forward(
    config: &SwinConfig,
    swin: &Swin,
    attention: &mut Attention,
    batch: &Batch,
    device: &Device,
) -> Result<Tensor<2>> {
    let count = batch.classes.len();
    let pixels = config.image_size[0] * config.image_size[1];
    let image = TensorData::new(batch.images.clone(), [count, pixels, config.in_channels]);
    let mut ops = FloatOps::new(swin, attention);
    let logits = model::swin(&mut ops, config, Tensor::from_data(image, device))?;
    Ok(logits.reshape([count, config.classes]))
}

/// Mean cross-entropy `-sum(target * log(softmax(logits)))` of a batch.
fn cross_entropy(logits: Tensor<2>, batch: &Batch, device: &Device) -> Tensor<1> {
    let shape = logits.dims();
    let targets = Tensor::from_data(TensorData::new(batch.targets.clone(), shape), device);
    (log_softmax(logits, 1) * targets)
        .sum()
        .mul_scalar(-1.0 / shape[0] as f64)
}
