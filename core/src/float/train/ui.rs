//! What a training run tells its user.

use std::{io::Write, ops::ControlFlow, path::Path};

use super::{EpochReport, Evaluation};

/// News of a training run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TrainEvent<'a> {
    /// The run begins or goes on.
    Start {
        /// Epochs of the whole run.
        epochs: usize,
        /// The epoch it begins with, from 0.
        first_epoch: usize,
        /// Steps of an epoch.
        steps: usize,
        /// What the examples are: images or texts.
        kind: &'static str,
        /// Examples of an epoch.
        examples: usize,
        /// Examples of the validation.
        validation_examples: usize,
    },
    /// A step is done.
    Step {
        /// The epoch, from 0.
        epoch: usize,
        /// The step in the epoch, from 0.
        step: usize,
        /// Steps of an epoch.
        steps: usize,
        /// Mean loss of the batch.
        loss: f64,
        /// Learning rate.
        rate: f64,
        /// Speed since the epoch began or the run went on.
        examples_per_second: f64,
    },
    /// A batch of the validation is done.
    Validation {
        /// Examples done.
        examples: usize,
        /// Examples of the validation.
        of: usize,
    },
    /// An epoch is done.
    Epoch(&'a EpochReport),
    /// A checkpoint is written.
    Checkpoint(&'a Path),
}

/// Shows a training run, and may stop it.
pub trait TrainUi {
    /// Takes news; a break stops the run after a checkpoint.
    fn event(&mut self, event: &TrainEvent<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(&TrainEvent<'_>) -> ControlFlow<()>> TrainUi for F {
    fn event(&mut self, event: &TrainEvent<'_>) -> ControlFlow<()> {
        self(event)
    }
}

/// Writes plain lines: one at the start, one for every hundredth step, one for every epoch.
pub struct Plain<W>(pub W);

impl<W: Write> TrainUi for Plain<W> {
    fn event(&mut self, event: &TrainEvent<'_>) -> ControlFlow<()> {
        let line = match event {
            TrainEvent::Start {
                epochs,
                first_epoch,
                steps,
                kind,
                examples,
                validation_examples,
            } => format!(
                "epochs {} to {epochs}, up to {steps} steps each, {examples} {kind}, {validation_examples} for validation",
                first_epoch + 1
            ),
            TrainEvent::Step {
                epoch,
                step,
                steps,
                loss,
                rate,
                examples_per_second,
            } if (step + 1) % 100 == 0 => format!(
                "epoch {} step {}/{steps} loss {loss:.4} rate {rate:.2e} {examples_per_second:.0}/s",
                epoch + 1,
                step + 1
            ),
            TrainEvent::Epoch(report) => {
                let mut line = format!(
                    "epoch {} done: loss {:.4}",
                    report.epoch + 1,
                    report.train_loss
                );
                if let Some(Evaluation { loss, top1 }) = report.validation {
                    line += &format!(", validation loss {loss:.4}, top-1 {:.2} %", 100.0 * top1);
                }
                line
            }
            _ => return ControlFlow::Continue(()),
        };
        // A closed pipe is no reason to lose the run.
        let _ = writeln!(self.0, "{line}").and_then(|()| self.0.flush());
        ControlFlow::Continue(())
    }
}
