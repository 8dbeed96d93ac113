//! One step of training, and evaluation.

use burn::{
    Tensor,
    lr_scheduler::{constant::ConstantLr, module_lr_scheduler::ModuleLrScheduler},
    module::{Module, ParamGroup},
    optim::{AdamWConfig, GradientsParams, ModuleOptimizer},
    tensor::{Bytes, Device},
};

use super::{
    Origin, TrainOptions,
    answers::Answer,
    batches::Batch,
    loss::{Network, Teacher, cross_entropy},
};
use crate::{
    Error, FloatModel, Params, Result,
    architecture::census,
    float::{Parameters, host},
};

/// A model, its optimizer and, where there is one, its teacher.
pub struct Learner {
    clip: f32,
    record: bool,
    /// Parameters whose learning rate is not that of all, and its factor.
    factors: Vec<(ParamGroup, f64)>,
    network: Network,
    teacher: Option<Teacher>,
    optimizer: ModuleOptimizer,
    device: Device,
}

/// A model that does not learn.
pub struct Frozen {
    network: Network,
    device: Device,
}

/// The losses of a step, before it.
pub struct Losses {
    /// What was minimized.
    pub total: f64,
    /// The cross-entropy with the labels.
    pub labels: f64,
    /// The answers to the examples of the batch, if they are recorded.
    pub answers: Vec<Answer>,
}

impl Learner {
    /// The state at the start of a run.
    pub fn new(options: &TrainOptions, origin: &Origin) -> Result<Self> {
        let device = origin.device.clone().autodiff();
        let parameters = match origin.params {
            Some(params) => Parameters::new(census(&options.config)?.params, params, &device)?,
            None => Parameters::init(&options.config, options.seed, &device)?,
        };
        Self::with(options, origin, parameters, device)
    }

    /// The state of a checkpoint.
    pub fn resume(
        options: &TrainOptions,
        origin: &Origin,
        params: &Params,
        optimizer: Vec<u8>,
    ) -> Result<Self> {
        let device = origin.device.clone().autodiff();
        let parameters = Parameters::new(census(&options.config)?.params, params, &device)?;
        let mut learner = Self::with(options, origin, parameters, device)?;
        learner.optimizer = learner
            .optimizer
            .from_bytes(Bytes::from_bytes_vec(optimizer))
            .map_err(|e| Error::Training(format!("optimizer state: {e}")))?;
        Ok(learner)
    }

    fn with(
        options: &TrainOptions,
        origin: &Origin,
        parameters: Parameters,
        device: Device,
    ) -> Result<Self> {
        let parameters = parameters.frozen(|name| options.factor(name) == 0.0);
        let teacher = match (origin.teacher, options.distillation) {
            (Some(model), Some(how)) => Some(Teacher::new(model, how, &device)?),
            _ => None,
        };
        let adamw = AdamWConfig::new().with_epsilon(1e-8);
        let decaying = ParamGroup::from_ids(parameters.weight_ids());
        let optimizer = ModuleOptimizer::from(adamw.clone().with_weight_decay(0.0).build())
            .with_group(
                decaying,
                adamw.with_weight_decay(options.weight_decay).build(),
                None,
            );
        Ok(Self {
            clip: options.clip,
            record: options.record,
            factors: factors(options, &parameters),
            network: Network::new(options.config.clone(), parameters, &device),
            teacher,
            optimizer,
            device,
        })
    }

    /// Learns from one batch.
    ///
    /// # Errors
    /// What is not finite. The weights are then as they were.
    pub fn step(&mut self, batch: &Batch, rate: f64) -> Result<Losses, String> {
        let (loss, mut losses) = self.losses(batch).map_err(|e| e.to_string())?;
        let total = f64::from(host(loss.clone())[0]);
        losses.total = total;
        if !total.is_finite() {
            return Err(format!("a loss of {total}"));
        }
        let parameters = &self.network.parameters;
        let mut gradients = GradientsParams::from_grads(loss.backward(), parameters);
        let norm = parameters.gradient_norm(&gradients);
        if !norm.is_finite() {
            return Err(format!("a gradient of norm {norm}"));
        }
        if self.clip > 0.0 && norm > f64::from(self.clip) {
            parameters.scale_gradients(&mut gradients, f64::from(self.clip) / norm);
        }
        let parameters = parameters.clone();
        let rates = ModuleLrScheduler::new(ConstantLr::new(rate));
        let mut rates = self.factors.iter().fold(rates, |rates, (group, factor)| {
            rates.with_group(group.clone(), ConstantLr::new(factor * rate))
        });
        self.network.parameters = self.optimizer.step(rates.step(), parameters, gradients);
        Ok(losses)
    }

    /// What is minimized, and what is in it; its value is not known yet.
    fn losses(&mut self, batch: &Batch) -> Result<(Tensor<1>, Losses)> {
        let features = self.teacher.as_ref().is_some_and(Teacher::wants_features);
        let output = self.network.run(batch, features)?;
        let answers = match self.record {
            true => answers(&output.logits, batch),
            false => Vec::new(),
        };
        let labels = cross_entropy(output.logits.clone(), batch, &self.device);
        let losses = Losses {
            total: f64::NAN,
            labels: f64::from(host(labels.clone())[0]),
            answers,
        };
        let loss = match &mut self.teacher {
            Some(teacher) => teacher.loss(batch, output, labels)?,
            None => labels,
        };
        Ok((loss, losses))
    }

    /// The model as it is now.
    pub fn frozen(&self) -> Frozen {
        let device = self.device.clone().inner();
        let parameters = self.network.parameters.valid();
        Frozen {
            network: Network::new(self.network.config.clone(), parameters, &device),
            device,
        }
    }

    /// The parameters as they are now.
    pub fn params(&self) -> Params {
        self.network.parameters.to_params()
    }

    /// The optimizer's state, for [`Learner::resume`].
    pub fn optimizer_state(&self) -> Result<Vec<u8>> {
        self.optimizer
            .into_bytes()
            .map(|bytes| bytes.to_vec())
            .map_err(|e| Error::Training(format!("optimizer state: {e}")))
    }
}

/// What `logits` say of the examples of `batch`.
fn answers(logits: &Tensor<2>, batch: &Batch) -> Vec<Answer> {
    let classes = logits.dims()[1];
    let values = host(logits.clone());
    let rows = values.chunks(classes).zip(&batch.classes);
    rows.filter_map(|(row, class)| Some(Answer::new(row, (*class)?)))
        .collect()
}

/// The parameters whose learning rate has a factor, by factor.
fn factors(options: &TrainOptions, parameters: &Parameters) -> Vec<(ParamGroup, f64)> {
    let mut found: Vec<f64> = parameters
        .names()
        .map(|name| options.factor(name))
        .collect();
    found.sort_by(f64::total_cmp);
    found.dedup();
    found.retain(|&factor| factor != 0.0 && factor != 1.0);
    let group = |factor: f64| {
        let ids = parameters.ids(|name| options.factor(name) == factor);
        (ParamGroup::from_ids(ids), factor)
    };
    found.into_iter().map(group).collect()
}

impl Frozen {
    /// A model that is not being trained.
    pub fn new(model: &FloatModel, device: &Device) -> Result<Self> {
        let parameters = Parameters::of(model, device)?;
        Ok(Self {
            network: Network::new(model.config.clone(), parameters, device),
            device: device.clone(),
        })
    }

    /// Sum of the losses of a batch, and how many of the classes that are known it gets right.
    pub fn evaluate(&mut self, batch: &Batch) -> Result<(f64, usize)> {
        let logits = self.network.run(batch, false)?.logits;
        let classes = logits.dims()[1];
        let values = host(logits.clone());
        let rows = values.chunks(classes);
        let right = rows
            .zip(&batch.classes)
            .filter(|(row, class)| {
                class.is_some_and(|class| (0..row.len()).all(|i| i == class || row[i] < row[class]))
            })
            .count();
        let loss = f64::from(host(cross_entropy(logits, batch, &self.device))[0]);
        Ok((loss * batch.known() as f64, right))
    }
}
