//! Training of a model on any set of labelled images or texts.
//!
//! The loop is not burn-train's learner: that saves model, optimizer and scheduler as separate
//! files in place and shuffles with a generator whose state it does not save, so that a kill can
//! tear a checkpoint and a resumed run sees other batches. burn-train's dashboard is used.
//!
//! A model that tells two pictures apart:
//!
//! ```
//! use std::{fs, ops::ControlFlow};
//!
//! use intformer::{
//!     Preprocessing, Resize,
//!     architecture::SwinConfig,
//!     data::ImageFolder,
//!     float::train::{TrainEvent, TrainOptions, train},
//! };
//!
//! # std::env::set_current_dir("..")?;
//! // A folder for each class.
//! let dir = tempfile::tempdir()?;
//! for class in ["7", "A"] {
//!     fs::create_dir_all(dir.path().join("train").join(class))?;
//!     let to = dir.path().join("train").join(class).join("image.png");
//!     fs::copy(format!("models/samples/{class}.png"), to)?;
//! }
//! let config = SwinConfig {
//!     image_size: [32, 32],
//!     in_channels: 1,
//!     embed_dim: 8,
//!     depths: vec![1],
//!     heads: vec![1],
//!     window_size: 4,
//!     classes: 2,
//!     ..SwinConfig::tiny()
//! };
//! let preprocessing = Preprocessing::imagenet(1, Resize::Squash);
//! let folder = ImageFolder::open(dir.path().join("train"))?;
//! let data = folder.dataset(config.image(), preprocessing.clone());
//!
//! let options = TrainOptions {
//!     epochs: 10,
//!     learning_rate: 1e-2,
//!     // A run that was cut off goes on.
//!     resume: true,
//!     ..TrainOptions::new(config, preprocessing, dir.path().join("run"))
//! };
//! let mut losses = Vec::new();
//! let mut ui = |event: &TrainEvent<'_>| {
//!     if let TrainEvent::Epoch(report) = event {
//!         losses.extend(report.validation.map(|found| found.loss));
//!     }
//!     ControlFlow::Continue(())
//! };
//! // Two images are too few to keep some for validation.
//! let model = train(&options, &data, &data, &mut ui)?;
//! assert_eq!(model.labels, ["7", "A"]);
//! assert_eq!(losses.len(), 10);
//! assert!(losses[9] < losses[0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod batches;
mod checkpoint;
mod dashboard;
mod head;
mod learner;
mod loss;
mod options;
mod run;
#[cfg(test)]
pub(crate) mod tests;
mod ui;

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use answers::{Answer, Answers};
pub use dashboard::Dashboard;
pub use head::{dense_with_labels, with_labels};
pub use loss::Distillation;
pub use options::{RateOf, TrainOptions};
pub use ui::{Plain, TrainEvent, TrainUi};

use self::{
    batches::{AHEAD, Batch, produce_plain},
    learner::Frozen,
    run::Run,
};
use crate::{
    Error, FloatModel, Params, Result, Tokenization, architecture::InputShape, data::Examples,
    graph::OutputKind, hex,
};

/// What a run begins with and learns from.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The first parameters; new ones if there are none.
    pub params: Option<&'a Params>,
    /// The teacher, for [`TrainOptions::distillation`].
    pub teacher: Option<&'a FloatModel>,
    /// What makes the tokens of texts; the trained model has it too.
    pub tokenization: Option<&'a Tokenization>,
    /// Where to compute; gradients are seen to.
    pub device: Device,
}

impl Origin<'_> {
    /// A digest of the parameters, the teacher and the tokenizer.
    pub fn digest(&self) -> String {
        let teacher = self.teacher.map(|teacher| &teacher.params);
        let mut hasher = Sha256::new();
        for params in [self.params, teacher].into_iter().flatten() {
            for (name, tensor) in &params.0 {
                hasher.update(name);
                hasher.update(bytemuck::cast_slice::<f32, u8>(&tensor.data));
            }
        }
        if let Some(Tokenization { json, limit }) = self.tokenization {
            hasher.update(json);
            hasher.update(limit.to_le_bytes());
        }
        hex(&hasher.finalize())
    }
}

impl Default for Origin<'_> {
    fn default() -> Self {
        Self {
            params: None,
            teacher: None,
            tokenization: None,
            device: Device::flex(),
        }
    }
}

/// How good a model is on some examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Share of the examples whose class has the largest logit.
    pub top1: f64,
}

/// A finished epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Mean loss over its steps.
    pub train_loss: f64,
    /// The model at its end, on the validation examples, unless [`TrainOptions::last`] leaves that to the last epoch.
    pub validation: Option<Evaluation>,
}

/// What a run ends with.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model of the epoch with the best top-1, or of the last if [`TrainOptions::last`] asks for it.
    pub model: FloatModel,
    /// All epochs.
    pub history: Vec<EpochReport>,
    /// What the forward passes said of each example, if [`TrainOptions::record`] asks for it.
    pub answers: Option<Answers>,
}

/// [`train_from`] new parameters, without a teacher, on the CPU.
///
/// # Errors
/// As [`train_from`].
pub fn train<'a>(
    options: &TrainOptions,
    train: impl Into<Examples<'a>>,
    validation: impl Into<Examples<'a>>,
    ui: &mut dyn TrainUi,
) -> Result<FloatModel> {
    train_from(options, &Origin::default(), train, validation, ui).map(|trained| trained.model)
}

/// Trains a model on `train` and returns the weights of the epoch with the best top-1 on
/// `validation`, or of the last.
///
/// The file `checkpoint.safetensors` in `options.out` always holds a whole state. A run that was
/// killed and is resumed ends with the same bits as one that was not.
///
/// # Errors
/// If the options or the data do not fit, an image or the checkpoint cannot be read or written,
/// the loss stops being finite, or `ui` stops the run (after a checkpoint).
pub fn train_from<'a>(
    options: &TrainOptions,
    origin: &Origin,
    train: impl Into<Examples<'a>>,
    validation: impl Into<Examples<'a>>,
    ui: &mut dyn TrainUi,
) -> Result<Trained> {
    let (train, validation) = (train.into(), validation.into());
    options.validate()?;
    check_data(options, train, validation)?;
    check_teacher(options, origin)?;
    std::fs::create_dir_all(&options.out).map_err(|e| Error::io(&options.out, e))?;
    let mut run = Run::start(options, origin, train)?;
    let start = TrainEvent::Start {
        epochs: run.extent.epochs,
        first_epoch: run.progress.history.len(),
        steps: run.extent.steps,
        kind: train.kind(),
        examples: options.examples(train.len()),
        validation_examples: validation.len(),
    };
    if ui.event(&start).is_break() {
        return Err(run.stopped());
    }
    while run.progress.history.len() < run.extent.epochs {
        run.epoch(train, ui)?;
        let report = run.report(validation, ui)?;
        run.finish_epoch(report, ui)?;
    }
    run.into_trained()
}

fn check_data(options: &TrainOptions, train: Examples, validation: Examples) -> Result<()> {
    let fail = |sentence: String| Err(Error::Training(sentence));
    let dense = options.config.cells().is_some();
    let takes = match options.config.input() {
        InputShape::Image(_) if dense => "images with masks",
        InputShape::Image(_) => "images",
        InputShape::Text(_) => "texts",
    };
    if let Some(other) = [train, validation].iter().find(|data| data.kind() != takes) {
        return fail(format!(
            "expected {takes}, which the model takes, found {}",
            other.kind()
        ));
    }
    let kind = options.config.output_kind();
    if dense && (options.record || options.distillation.is_some()) {
        return fail(
            "expected a dense model to be trained without a teacher and without a record of answers, found one of them"
                .to_owned(),
        );
    }
    if dense && (options.mixup > 0.0 || options.cutmix > 0.0) {
        return fail(
            "expected images with masks not to be mixed, found --mixup or --cutmix".to_owned(),
        );
    }
    if ![OutputKind::Logits, OutputKind::MapLogits].contains(&kind) {
        return fail(format!(
            "expected a model with classes of whole items or of cells, found one that gives {kind:?}"
        ));
    }
    if train.is_empty() || validation.is_empty() {
        return fail(format!(
            "expected {takes} to train on and to validate with, found {} and {}",
            train.len(),
            validation.len()
        ));
    }
    if train.labels() != validation.labels() {
        return fail("expected the same classes in training and validation data".to_owned());
    }
    let (classes, labels) = (options.config.classes(), train.labels().len());
    if labels != classes {
        return fail(format!(
            "expected {classes} classes in the data, found {labels}"
        ));
    }
    Ok(())
}

fn check_teacher(options: &TrainOptions, origin: &Origin) -> Result<()> {
    let fail = |sentence: String| Err(Error::Training(sentence));
    let teacher = match (origin.teacher, options.distillation) {
        (None, None) => return Ok(()),
        (Some(teacher), Some(_)) => teacher,
        _ => {
            return fail("expected a teacher with a distillation loss, found one alone".to_owned());
        }
    };
    teacher.validate()?;
    let (config, other) = (&options.config, &teacher.config);
    let mut alike = other.clone();
    alike.set_activation(config.activation().clone());
    alike.set_fc1_bias(config.fc1_bias().clone());
    if alike != *config || options.preprocessing != teacher.preprocessing {
        return fail(format!(
            "expected a teacher that differs in activation and fc1 bias alone, found {other} for {config}"
        ));
    }
    Ok(())
}

/// How good `model` is on `data`, `batch` examples at a time; of scenes by their cells.
///
/// # Errors
/// If the model is not valid, takes other examples or has other classes, or an image cannot be read or does not fit.
///
/// # Examples
///
/// ```
/// use std::fs;
///
/// use intformer::{
///     checkpoint,
///     data::ImageFolder,
///     float::{Device, train::evaluate},
/// };
///
/// # std::env::set_current_dir("..")?;
/// let dir = tempfile::tempdir()?;
/// for class in ["4", "7", "A", "B"] {
///     fs::create_dir(dir.path().join(class))?;
///     let to = dir.path().join(class).join("image.png");
///     fs::copy(format!("models/samples/{class}.png"), to)?;
/// }
/// let model = checkpoint::load("models/glyphs-float.safetensors")?;
/// // Four of the model's classes, by their names.
/// let folder = ImageFolder::open(dir.path())?.with_labels(&model.labels)?;
/// let data = folder.dataset(model.config.image()?, model.preprocessing.clone());
///
/// let evaluation = evaluate(&model, &data, 32, &Device::flex())?;
/// assert_eq!(evaluation.top1, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn evaluate<'a>(
    model: &FloatModel,
    data: impl Into<Examples<'a>>,
    batch: usize,
    device: &Device,
) -> Result<Evaluation> {
    model.validate()?;
    let mut options = TrainOptions::new(model.config.clone(), model.preprocessing.clone(), "");
    options.batch = batch;
    let data = data.into();
    check_data(&options, data, data)?;
    evaluate_network(&options, &mut Frozen::new(model, device)?, data, |_| true)
}

/// `go_on` is asked after each batch, with the examples done.
fn evaluate_network(
    options: &TrainOptions,
    model: &mut Frozen,
    data: Examples,
    mut go_on: impl FnMut(usize) -> bool,
) -> Result<Evaluation> {
    let (mut loss, mut right, mut known, mut examples) = (0.0, 0, 0, 0);
    batched(
        |sender| produce_plain(options, data, sender),
        |batches| {
            for batch in batches {
                let batch = batch?;
                let (batch_loss, batch_right) = model.evaluate(&batch)?;
                loss += batch_loss;
                right += batch_right;
                known += batch.known();
                examples += batch.indices.len();
                if !go_on(examples) {
                    break;
                }
            }
            Ok(())
        },
    )?;
    Ok(Evaluation {
        loss: loss / known.max(1) as f64,
        top1: right as f64 / known.max(1) as f64,
    })
}

/// Runs `consume` on the batches that `produce` makes in another thread.
fn batched(
    produce: impl FnOnce(&std::sync::mpsc::SyncSender<Result<Batch>>) + Send,
    consume: impl FnOnce(Receiver<Result<Batch>>) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = sync_channel(AHEAD);
    thread::scope(|scope| {
        scope.spawn(move || produce(&sender));
        consume(receiver)
    })
}
