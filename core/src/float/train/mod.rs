//! Training of a Swin on any set of labelled images.
//!
//! The loop is not burn-train's learner: that saves model, optimizer and scheduler as separate
//! files in place and shuffles with a generator whose state it does not save, so that a kill can
//! tear a checkpoint and a resumed run sees other batches. burn-train's dashboard is used.

mod batches;
mod checkpoint;
mod dashboard;
mod learner;
mod options;
#[cfg(test)]
mod tests;
mod ui;

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

pub use dashboard::Dashboard;
pub use options::TrainOptions;
pub use ui::{Plain, TrainEvent, TrainUi};

use self::{
    batches::{AHEAD, Batch, produce, produce_plain},
    checkpoint::{Checkpoint, Progress},
    learner::Learner,
};
use crate::{Error, FloatModel, Result, data::Dataset};

/// A finished epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Mean loss over its steps.
    pub train_loss: f64,
    /// Mean cross-entropy over the validation images.
    pub validation_loss: f64,
    /// Share of the validation images whose class has the largest logit.
    pub top1: f64,
}

/// Trains a model on `train` and returns the weights of the epoch with the best top-1 on
/// `validation`.
///
/// The file `checkpoint.safetensors` in `options.out` always holds a whole state. A run that was
/// killed and is resumed ends with the same bits as one that was not.
///
/// # Errors
/// If the options or the data do not fit, an image or the checkpoint cannot be read or written,
/// the loss stops being finite, or `ui` stops the run (after a checkpoint).
pub fn train(
    options: &TrainOptions,
    train: &dyn Dataset,
    validation: &dyn Dataset,
    ui: &mut dyn TrainUi,
) -> Result<FloatModel> {
    options.validate()?;
    check_data(options, train, validation)?;
    std::fs::create_dir_all(&options.out).map_err(|e| Error::io(&options.out, e))?;
    let mut run = Run::start(options, train)?;
    let start = TrainEvent::Start {
        epochs: options.epochs,
        first_epoch: run.progress.history.len(),
        steps: run.steps,
        images: train.len(),
        validation_images: validation.len(),
    };
    if ui.event(&start).is_break() {
        return Err(run.stopped());
    }
    while run.progress.history.len() < options.epochs {
        run.epoch(train, ui)?;
        let report = run.validate(validation, ui)?;
        run.finish_epoch(report, ui)?;
    }
    run.into_model()
}

fn check_data(options: &TrainOptions, train: &dyn Dataset, validation: &dyn Dataset) -> Result<()> {
    let fail = |sentence: String| Err(Error::Training(sentence));
    if train.is_empty() || validation.is_empty() {
        return fail(format!(
            "expected images to train on and to validate with, found {} and {}",
            train.len(),
            validation.len()
        ));
    }
    if train.labels() != validation.labels() {
        return fail("expected the same classes in training and validation data".to_owned());
    }
    let (classes, labels) = (options.config.classes, train.labels().len());
    if labels != classes {
        return fail(format!(
            "expected {classes} classes in the data, found {labels}"
        ));
    }
    Ok(())
}

/// A run between two steps.
struct Run<'a> {
    options: &'a TrainOptions,
    learner: Learner,
    best: Option<crate::Params>,
    progress: Progress,
    /// Steps of an epoch.
    steps: usize,
    file: PathBuf,
    saved: Instant,
}

impl<'a> Run<'a> {
    fn start(options: &'a TrainOptions, train: &dyn Dataset) -> Result<Self> {
        let file = checkpoint::path(&options.out);
        let (learner, best, progress) = if options.resume && file.exists() {
            let Checkpoint {
                progress,
                params,
                best,
                optimizer,
            } = Checkpoint::load(&file)?;
            if !options.same_run(&progress.options)
                || progress.labels != train.labels()
                || progress.images != train.len()
            {
                return Err(Error::Training(format!(
                    "expected a checkpoint of the same options and data in {}, found one of {:?} with {} images",
                    file.display(),
                    progress.options,
                    progress.images
                )));
            }
            let learner = Learner::resume(options, &params, optimizer)?;
            (learner, best, progress)
        } else {
            let progress = Progress::new(options, train.labels(), train.len());
            (Learner::new(options)?, None, progress)
        };
        Ok(Self {
            options,
            learner,
            best,
            progress,
            steps: train.len().div_ceil(options.batch),
            file,
            saved: Instant::now(),
        })
    }

    /// The rest of the current epoch.
    fn epoch(&mut self, train: &dyn Dataset, ui: &mut dyn TrainUi) -> Result<()> {
        let epoch = self.progress.history.len();
        let first = self.progress.step - epoch * self.steps;
        let options = self.options;
        let began = Instant::now();
        let mut images = 0;
        batched(
            |sender| produce(options, train, epoch as u64, first, sender),
            |batches| {
                for batch in batches {
                    let batch = batch?;
                    let step = self.progress.step;
                    let rate = options.rate(step, self.steps);
                    let loss = self
                        .learner
                        .step(&batch, rate)
                        .map_err(|e| self.diverged(e))?;
                    self.progress.step += 1;
                    self.progress.loss_sum += loss;
                    images += batch.classes.len();
                    let go_on = ui.event(&TrainEvent::Step {
                        epoch,
                        step: step - epoch * self.steps,
                        steps: self.steps,
                        loss,
                        rate,
                        images_per_second: images as f64 / began.elapsed().as_secs_f64(),
                    });
                    if go_on.is_break() {
                        return self.stop(ui);
                    }
                    let interval = Duration::from_secs(options.checkpoint_seconds);
                    if self.saved.elapsed() >= interval {
                        self.save(ui)?;
                    }
                }
                Ok(())
            },
        )
    }

    fn validate(&mut self, data: &dyn Dataset, ui: &mut dyn TrainUi) -> Result<EpochReport> {
        let options = self.options;
        let model = self.learner.frozen();
        let (mut loss, mut right, mut images) = (0.0, 0, 0);
        let mut stopped = false;
        batched(
            |sender| produce_plain(options, data, sender),
            |batches| {
                for batch in batches {
                    let batch = batch?;
                    let (batch_loss, batch_right) = model.evaluate(&batch)?;
                    loss += batch_loss;
                    right += batch_right;
                    images += batch.classes.len();
                    let event = TrainEvent::Validation {
                        images,
                        of: data.len(),
                    };
                    stopped |= ui.event(&event).is_break();
                    if stopped {
                        return Ok(());
                    }
                }
                Ok(())
            },
        )?;
        if stopped {
            self.stop(ui)?;
        }
        Ok(EpochReport {
            epoch: self.progress.history.len(),
            train_loss: self.progress.loss_sum / self.steps as f64,
            validation_loss: loss / images as f64,
            top1: right as f64 / images as f64,
        })
    }

    fn finish_epoch(&mut self, report: EpochReport, ui: &mut dyn TrainUi) -> Result<()> {
        let better = |earlier: &EpochReport| earlier.top1 < report.top1;
        if self.progress.history.iter().all(better) {
            self.best = Some(self.learner.params());
        }
        self.progress.loss_sum = 0.0;
        self.progress.history.push(report.clone());
        self.save(ui)?;
        match ui.event(&TrainEvent::Epoch(&report)).is_break() {
            true if self.progress.history.len() < self.options.epochs => Err(self.stopped()),
            _ => Ok(()),
        }
    }

    fn save(&mut self, ui: &mut dyn TrainUi) -> Result<()> {
        let checkpoint = Checkpoint {
            progress: self.progress.clone(),
            params: self.learner.params(),
            best: self.best.clone(),
            optimizer: self.learner.optimizer_state()?,
        };
        checkpoint.save(&self.file)?;
        self.saved = Instant::now();
        // Whether to stop is asked with the next step.
        let _ = ui.event(&TrainEvent::Checkpoint(&self.file));
        Ok(())
    }

    fn stop(&mut self, ui: &mut dyn TrainUi) -> Result<()> {
        self.save(ui)?;
        Err(self.stopped())
    }

    fn stopped(&self) -> Error {
        Error::Training(format!(
            "stopped after step {} as asked; resume from {}",
            self.progress.step,
            self.file.display()
        ))
    }

    fn diverged(&self, what: String) -> Error {
        let checkpoint = match self.file.exists() {
            true => format!("the last good checkpoint is {}", self.file.display()),
            false => "there is no checkpoint yet".to_owned(),
        };
        Error::Training(format!(
            "expected finite numbers, found {what} in step {}; {checkpoint}",
            self.progress.step
        ))
    }

    fn into_model(self) -> Result<FloatModel> {
        let params = self.best.unwrap_or_else(|| self.learner.params());
        let model = FloatModel {
            config: self.options.config.clone(),
            params,
            preprocessing: self.options.preprocessing.clone(),
            labels: self.progress.labels,
        };
        model.validate()?;
        Ok(model)
    }
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
