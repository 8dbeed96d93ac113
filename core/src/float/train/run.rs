//! A training run, from its start or its checkpoint to the trained model.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    Answers, EpochReport, Evaluation, Origin, TrainEvent, TrainOptions, TrainUi, Trained, batched,
    batches::produce,
    checkpoint::{self, Checkpoint, Progress},
    evaluate_network,
    learner::Learner,
    options::Extent,
};
use crate::{Error, FloatModel, Params, Result, Tokenization, data::Examples};

/// After so many steps a run should be better than a blind guess.
const SETTLED: i32 = 100;

/// The share of the past in the running mean of the cross-entropy that tells divergence.
const MEMORY: f64 = 0.98;

/// The cross-entropy since the run began or went on.
#[derive(Default)]
pub(super) struct Course {
    /// Running mean, of which the first steps are a part only.
    mean: f64,
    steps: i32,
}

/// A cross-entropy that is worse than knowing nothing.
#[derive(Debug, PartialEq)]
pub(super) struct Stray {
    pub(super) mean: f64,
    pub(super) limit: f64,
}

impl Course {
    /// Takes the loss of a step; tells if a settled run has lost its way.
    pub(super) fn strays(&mut self, loss: f64, classes: usize) -> Option<Stray> {
        self.mean = MEMORY * self.mean + (1.0 - MEMORY) * loss;
        self.steps = self.steps.saturating_add(1);
        let mean = self.mean / (1.0 - MEMORY.powi(self.steps));
        let limit = 2.0 * (classes as f64).ln().max(1.0);
        (self.steps > SETTLED && mean > limit).then_some(Stray { mean, limit })
    }
}

/// A run between two steps.
pub(super) struct Run<'a> {
    options: &'a TrainOptions,
    learner: Learner,
    tokenization: Option<Tokenization>,
    best: Option<Params>,
    answers: Option<Answers>,
    pub(super) progress: Progress,
    course: Course,
    pub(super) extent: Extent,
    file: PathBuf,
    saved: Instant,
}

impl<'a> Run<'a> {
    pub(super) fn start(
        options: &'a TrainOptions,
        origin: &Origin,
        train: Examples,
    ) -> Result<Self> {
        let file = checkpoint::path(&options.out);
        let answers = options.epochs.saturating_mul(train.len());
        if options.record && answers > Answers::MOST {
            return Err(Error::Training(format!(
                "expected at most {} answers to record, found {} epochs of {} examples",
                Answers::MOST,
                options.epochs,
                train.len()
            )));
        }
        let (learner, best, answers, progress) = if options.resume && file.exists() {
            let Checkpoint {
                progress,
                params,
                best,
                optimizer,
                answers,
            } = Checkpoint::load(&file)?;
            if !options.same_run(&progress.options)
                || progress.labels != train.labels()
                || progress.examples != train.len()
                || progress.origin != origin.digest()
            {
                return Err(Error::Training(format!(
                    "expected a checkpoint of the same options and data in {}, found one of {:?} with {} examples",
                    file.display(),
                    progress.options,
                    progress.examples
                )));
            }
            let shape = answers
                .as_ref()
                .map(|all: &Answers| [all.epochs(), all.examples()]);
            if shape != options.record.then_some([options.epochs, train.len()]) {
                return Err(Error::Training(format!(
                    "expected a checkpoint with an answer for each epoch and example in {}, found {shape:?}",
                    file.display()
                )));
            }
            let Extent {
                steps,
                epochs,
                total,
            } = options.extent(train.len());
            let [done, step] = [progress.history.len(), progress.step];
            let ends =
                [done, done.saturating_add(1)].map(|epoch| epoch.saturating_mul(steps).min(total));
            if done > epochs || !(ends[0]..=ends[1]).contains(&step) {
                return Err(Error::Training(format!(
                    "expected a step from {} to {} after {done} of {epochs} epochs in {}, found {step}",
                    ends[0],
                    ends[1],
                    file.display()
                )));
            }
            let learner = Learner::resume(options, origin, &params, optimizer)?;
            (learner, best, answers, progress)
        } else {
            let origin_of = origin.digest();
            let progress = Progress::new(options, train.labels(), train.len(), origin_of);
            let answers = options
                .record
                .then(|| Answers::new(options.epochs, train.len()));
            (Learner::new(options, origin)?, None, answers, progress)
        };
        Ok(Self {
            options,
            learner,
            tokenization: origin.tokenization.cloned(),
            best,
            answers,
            progress,
            course: Course::default(),
            extent: options.extent(train.len()),
            file,
            saved: Instant::now(),
        })
    }

    /// The rest of the current epoch.
    pub(super) fn epoch(&mut self, train: Examples, ui: &mut dyn TrainUi) -> Result<()> {
        let epoch = self.progress.history.len();
        let Extent { steps, total, .. } = self.extent;
        let first = self.progress.step - epoch * steps;
        // The last epoch may be cut short, also one that goes on when all its steps are done.
        let left = total - self.progress.step;
        let options = self.options;
        let began = Instant::now();
        let mut examples = 0;
        batched(
            |sender| produce(options, train, epoch as u64, first, sender),
            |batches| {
                for batch in batches.into_iter().take(left) {
                    let batch = batch?;
                    let step = self.progress.step;
                    let rate = options.rate(step, steps);
                    let losses = self.learner.step(&batch, rate);
                    let losses = losses.map_err(|e| self.diverged("finite numbers", &e))?;
                    if let Some(Stray { mean, limit }) =
                        self.course.strays(losses.labels, options.config.classes())
                    {
                        let expected = format!(
                            "a cross-entropy below {limit:.2}, twice that of a blind guess"
                        );
                        let found = format!("{mean:.2} over the last steps");
                        return Err(self.diverged(&expected, &found));
                    }
                    if let Some(answers) = &mut self.answers {
                        for (&index, answer) in batch.indices.iter().zip(losses.answers) {
                            answers.set(epoch, index, answer);
                        }
                    }
                    let loss = losses.total;
                    self.progress.step += 1;
                    self.progress.loss_sum += loss;
                    examples += batch.indices.len();
                    let go_on = ui.event(&TrainEvent::Step {
                        epoch,
                        step: step - epoch * steps,
                        steps: steps.min(total - epoch * steps),
                        loss,
                        rate,
                        examples_per_second: examples as f64 / began.elapsed().as_secs_f64(),
                    });
                    if go_on.is_break() {
                        return self.stop(ui);
                    }
                    if self.is_due() {
                        self.save(ui)?;
                    }
                }
                Ok(())
            },
        )
    }

    /// What there is to tell of the epoch whose steps are done.
    pub(super) fn report(&mut self, data: Examples, ui: &mut dyn TrainUi) -> Result<EpochReport> {
        let epoch = self.progress.history.len();
        let steps = self.progress.step - epoch * self.extent.steps;
        let validated = !self.options.last || epoch + 1 == self.extent.epochs;
        Ok(EpochReport {
            epoch,
            train_loss: self.progress.loss_sum / steps as f64,
            validation: validated.then(|| self.validate(data, ui)).transpose()?,
        })
    }

    fn validate(&mut self, data: Examples, ui: &mut dyn TrainUi) -> Result<Evaluation> {
        let mut stopped = false;
        let evaluation =
            evaluate_network(self.options, &mut self.learner.frozen(), data, |examples| {
                let of = data.len();
                stopped |= ui
                    .event(&TrainEvent::Validation { examples, of })
                    .is_break();
                !stopped
            })?;
        if stopped {
            self.stop(ui)?;
        }
        Ok(evaluation)
    }

    pub(super) fn finish_epoch(&mut self, report: EpochReport, ui: &mut dyn TrainUi) -> Result<()> {
        let top1 = |report: &EpochReport| report.validation.map(|found| found.top1);
        let better = |earlier: &EpochReport| top1(earlier) < top1(&report);
        if !self.options.last && self.progress.history.iter().all(better) {
            self.best = Some(self.learner.params());
        }
        self.progress.loss_sum = 0.0;
        self.progress.history.push(report.clone());
        let done = self.progress.history.len() == self.extent.epochs;
        if done || self.is_due() {
            self.save(ui)?;
        }
        match ui.event(&TrainEvent::Epoch(&report)).is_break() {
            true if !done => self.stop(ui),
            _ => Ok(()),
        }
    }

    /// Whether the last checkpoint is old enough for another.
    fn is_due(&self) -> bool {
        self.saved.elapsed() >= Duration::from_secs(self.options.checkpoint_seconds)
    }

    fn save(&mut self, ui: &mut dyn TrainUi) -> Result<()> {
        let checkpoint = Checkpoint {
            progress: self.progress.clone(),
            params: self.learner.params(),
            best: self.best.clone(),
            optimizer: self.learner.optimizer_state()?,
            answers: self.answers.clone(),
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

    pub(super) fn stopped(&self) -> Error {
        Error::Training(format!(
            "stopped after step {} as asked; resume from {}",
            self.progress.step,
            self.file.display()
        ))
    }

    fn diverged(&self, expected: &str, found: &str) -> Error {
        let checkpoint = match self.file.exists() {
            true => format!("the last good checkpoint is {}", self.file.display()),
            false => "there is no checkpoint yet".to_owned(),
        };
        Error::Training(format!(
            "expected {expected}, found {found} in step {}; {checkpoint}",
            self.progress.step
        ))
    }

    pub(super) fn into_trained(self) -> Result<Trained> {
        let params = self.best.unwrap_or_else(|| self.learner.params());
        let model = FloatModel {
            config: self.options.config.clone(),
            params,
            preprocessing: self.options.preprocessing.clone(),
            tokenization: self.tokenization,
            labels: self.progress.labels,
            class_order: None,
        };
        model.validate()?;
        Ok(Trained {
            model,
            history: self.progress.history,
            answers: self.answers,
        })
    }
}
