//! burn-train's terminal dashboard.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use burn_train::{
    Interrupter,
    logger::TrainingProgressLogger,
    metric::{
        MetricDefinition, MetricEntry, MetricId, NumericAttributes, NumericEntry, SerializedEntry,
    },
    renderer::{
        MetricState, MetricsRenderer, MetricsRendererTraining, tui::TuiMetricsRendererWrapper,
    },
};

use super::{Evaluation, TrainEvent, TrainUi};

/// The dashboard of burn-train: plots of loss, accuracy and speed, progress, and a menu to stop
/// the run. It needs a terminal on the standard output.
pub struct Dashboard {
    renderer: TuiMetricsRendererWrapper,
    interrupter: Interrupter,
    loss: Metric,
    top1: Metric,
    rate: Metric,
    speed: Metric,
    validating: bool,
}

struct Metric {
    id: MetricId,
    digits: usize,
}

impl Dashboard {
    /// Takes over the terminal until it is dropped.
    pub fn new() -> Self {
        let interrupter = Interrupter::new();
        let mut renderer = TuiMetricsRendererWrapper::new(interrupter.clone(), None);
        let mut metric = |name: &str, unit: Option<&str>, higher_is_better, digits| {
            let id = MetricId::new(Arc::new(name.to_owned()));
            renderer.register_metric(MetricDefinition {
                metric_id: id.clone(),
                name: Arc::new(name.to_owned()),
                description: None,
                attributes: NumericAttributes {
                    unit: unit.map(str::to_owned),
                    higher_is_better,
                }
                .into(),
            });
            Metric { id, digits }
        };
        Self {
            loss: metric("Loss", None, false, 4),
            top1: metric("Top-1", Some("%"), true, 2),
            rate: metric("Learning rate", None, false, 6),
            speed: metric("Speed", Some("examples/s"), true, 0),
            renderer,
            interrupter,
            validating: false,
        }
    }

    fn show(&mut self, event: &TrainEvent<'_>) {
        match *event {
            TrainEvent::Start {
                epochs,
                first_epoch,
                examples,
                ..
            } => {
                self.renderer
                    .start(epochs, first_epoch + 1, Some(examples), Some("training"));
            }
            TrainEvent::Step {
                step,
                steps,
                loss,
                rate,
                examples_per_second,
                ..
            } => {
                if step == 0 {
                    self.renderer.start_split("train", steps);
                }
                self.renderer.update_train(self.loss.state(loss));
                self.renderer.update_train(self.rate.state(rate));
                self.renderer
                    .update_train(self.speed.state(examples_per_second));
                self.renderer.update_split(step + 1);
            }
            TrainEvent::Validation { examples, of } => {
                if !self.validating {
                    self.renderer.end_split();
                    self.renderer.start_split("valid", of);
                    self.validating = true;
                }
                self.renderer.update_split(examples);
            }
            TrainEvent::Epoch(report) => {
                if let Some(Evaluation { loss, top1 }) = report.validation {
                    self.renderer.update_valid(self.loss.state(loss));
                    self.renderer.update_valid(self.top1.state(100.0 * top1));
                }
                self.renderer.end_split();
                self.renderer.update_epoch(report.epoch + 1);
                self.validating = false;
            }
            TrainEvent::Checkpoint(_) => {}
        }
    }
}

impl Default for Dashboard {
    fn default() -> Self {
        Self::new()
    }
}

impl Metric {
    fn state(&self, value: f64) -> MetricState {
        let text = format!("{value:.*}", self.digits);
        let entry = MetricEntry::new(
            self.id.clone(),
            SerializedEntry::new(text, value.to_string()),
        );
        MetricState::Numeric(entry, Some(NumericEntry::Value(value)))
    }
}

impl TrainUi for Dashboard {
    fn event(&mut self, event: &TrainEvent<'_>) -> ControlFlow<()> {
        // The renderer answers the menu's kill with a panic; to a run that is a wish to stop.
        let shown = catch_unwind(AssertUnwindSafe(|| self.show(event)));
        match shown.is_err() || self.interrupter.should_stop() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
