//! The ways to get to ReLU that are compared.

use std::{ops::ControlFlow, path::Path};

use anyhow::Result;
use intformer::{
    FloatModel,
    data::Dataset,
    float::{
        Device,
        train::{Origin, TrainEvent, TrainOptions, train_from},
    },
    method::relu::{Order, ReluEvent, ReluOptions, distill},
};

use super::results::{Point, Settings};

/// Images of a training step.
const BATCH: usize = 64;

/// One way.
pub struct Way {
    /// Short name; the folder of its runs.
    pub name: &'static str,
    /// What is done.
    pub what: &'static str,
    kind: Kind,
}

enum Kind {
    Swap {
        order: Order,
        at_once: bool,
        teacher: bool,
        fc1_bias: bool,
    },
    /// The teacher itself trains on.
    Longer,
}

const fn swap(order: Order, at_once: bool, teacher: bool, fc1_bias: bool) -> Kind {
    Kind::Swap {
        order,
        at_once,
        teacher,
        fc1_bias,
    }
}

/// All ways, the one that the claim is about first. All train on equally many images.
pub const WAYS: &[Way] = &[
    Way {
        name: "last-to-first",
        what: "block by block from the last to the first, with distillation",
        kind: swap(Order::LastToFirst, false, true, true),
    },
    Way {
        name: "first-to-last",
        what: "block by block from the first to the last, with distillation",
        kind: swap(Order::FirstToLast, false, true, true),
    },
    Way {
        name: "sensitivity",
        what: "block by block, least sensitive first, with distillation",
        kind: swap(Order::Sensitivity, false, true, true),
    },
    Way {
        name: "without-fc1-bias",
        what: "as the first, and fc1 of a changed block loses its bias",
        kind: swap(Order::LastToFirst, false, true, false),
    },
    Way {
        name: "labels-only",
        what: "block by block from the last to the first, labels alone",
        kind: swap(Order::LastToFirst, false, false, true),
    },
    Way {
        name: "at-once",
        what: "all blocks at once, with distillation",
        kind: swap(Order::LastToFirst, true, true, true),
    },
    Way {
        name: "at-once-labels-only",
        what: "all blocks at once, labels alone",
        kind: swap(Order::LastToFirst, true, false, true),
    },
    Way {
        name: "gelu-longer",
        what: "no block changes: the GELU teacher trains on, labels alone",
        kind: Kind::Longer,
    },
];

impl Way {
    /// Makes a student in `folder`, going on from what is there. `step` is called after each
    /// training step.
    pub fn run(
        &self,
        settings: &Settings,
        seed: u64,
        teacher: &FloatModel,
        [train, validation]: [&dyn Dataset; 2],
        folder: &Path,
        mut step: impl FnMut(),
    ) -> Result<(FloatModel, Vec<Point>)> {
        let mut options = ReluOptions::new(teacher, folder);
        options.training.batch = BATCH;
        options.training.seed = seed;
        // Each seed sees images of its own.
        options.training.first_epoch = 1000 * (seed + 1);
        options.training.epoch_examples = Some(settings.epoch_images);
        options.training.resume = true;
        options.training.checkpoint_seconds = 60;
        options.step_epochs = settings.step_epochs;
        options.finish_epochs = settings.finish_epochs;
        let mut on_training = |event: &TrainEvent<'_>| {
            if let TrainEvent::Step { .. } = event {
                step();
            }
            ControlFlow::Continue(())
        };
        let blocks = teacher.config.blocks().len();
        match self.kind {
            Kind::Longer => {
                options.training.distillation = None;
                let options = TrainOptions {
                    epochs: blocks * settings.step_epochs + settings.finish_epochs,
                    ..options.training
                };
                let origin = Origin {
                    params: Some(&teacher.params),
                    ..Origin::default()
                };
                let trained = train_from(&options, &origin, train, validation, &mut on_training)?;
                let validated = trained.history.iter().filter_map(|epoch| epoch.validation);
                let best = validated.map(|found| found.top1).fold(0.0, f64::max);
                let points = vec![Point {
                    label: "finish".to_owned(),
                    before: best,
                    after: best,
                }];
                Ok((trained.model, points))
            }
            Kind::Swap {
                order,
                at_once,
                teacher: with_teacher,
                fc1_bias,
            } => {
                options.order = order;
                options.fc1_bias = fc1_bias;
                if !with_teacher {
                    options.training.distillation = None;
                }
                if at_once {
                    options.group = blocks;
                    options.finish_epochs += blocks * options.step_epochs;
                    options.step_epochs = 0;
                }
                let mut ui = |event: &ReluEvent<'_>| match event {
                    ReluEvent::Training(event) => on_training(event),
                    _ => ControlFlow::Continue(()),
                };
                let device = Device::flex();
                let (student, log) =
                    distill(&options, teacher, &device, train, validation, &mut ui)?;
                let teacher_top1 = log.teacher_score.top1;
                let mut points = vec![Point {
                    label: "teacher".to_owned(),
                    before: teacher_top1,
                    after: teacher_top1,
                }];
                points.extend(log.steps.iter().map(|step| {
                    let sites: Vec<_> = step
                        .blocks
                        .iter()
                        .map(|&block| teacher.config.site(block))
                        .collect();
                    Point {
                        label: match sites.is_empty() {
                            true => "finish".to_owned(),
                            false => sites.join(" "),
                        },
                        before: step.swapped.top1,
                        after: step.trained.top1,
                    }
                }));
                Ok((student, points))
            }
        }
    }

    /// Training steps of a run.
    pub fn steps(&self, settings: &Settings, blocks: usize) -> usize {
        let epochs = blocks * settings.step_epochs + settings.finish_epochs;
        epochs * settings.epoch_images.div_ceil(BATCH)
    }
}
