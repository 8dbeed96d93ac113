//! Distillation on a small model: resumed runs, orders, and what is refused.

use std::{ops::ControlFlow, path::Path};

use super::*;
use crate::{
    architecture::{Activation, PerBlock},
    float::{
        tests::small,
        train::{Distillation, tests::spots, train},
    },
};

/// A GELU model that knows the spots.
fn teacher() -> FloatModel {
    let folder = tempfile::tempdir().unwrap();
    let FloatModel {
        mut config,
        preprocessing,
        ..
    } = small();
    config.set_activation(PerBlock::All(Activation::Gelu));
    let options = TrainOptions {
        epochs: 8,
        batch: 8,
        learning_rate: 4e-3,
        ..TrainOptions::new(config, preprocessing, folder.path())
    };
    let ui = &mut |_: &TrainEvent<'_>| ControlFlow::Continue(());
    train(&options, &spots(100), &spots(20), ui).unwrap()
}

fn options(teacher: &FloatModel, folder: &Path) -> ReluOptions {
    let mut options = ReluOptions::new(teacher, folder);
    options.order = Order::Sensitivity;
    options.finish_epochs = 1;
    options.training.batch = 8;
    options.training.epoch_examples = Some(40);
    options.training.checkpoint_seconds = 0;
    options.training.resume = true;
    options
}

fn run(
    options: &ReluOptions,
    teacher: &FloatModel,
    ui: &mut ReluUi,
) -> Result<(FloatModel, ReluLog)> {
    let device = Device::flex();
    distill(options, teacher, &device, &spots(100), &spots(20), ui)
}

fn to_the_end(options: &ReluOptions, teacher: &FloatModel) -> (FloatModel, ReluLog) {
    run(options, teacher, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn refusal(options: &ReluOptions, teacher: &FloatModel) -> String {
    let ui = &mut |_: &ReluEvent<'_>| ControlFlow::Continue(());
    run(options, teacher, ui).unwrap_err().to_string()
}

/// The log without its times.
fn timeless(mut log: ReluLog) -> ReluLog {
    for step in &mut log.steps {
        step.seconds = 0.0;
    }
    log.options.training.out = PathBuf::new();
    log
}

#[test]
fn a_resumed_run_ends_with_the_same_bits() {
    let teacher = teacher();
    let whole = tempfile::tempdir().unwrap();
    let (expected, log) = to_the_end(&options(&teacher, whole.path()), &teacher);
    assert_eq!(
        expected.config.activation(),
        &PerBlock::All(Activation::Relu)
    );
    let blocks = teacher.config.blocks().len();
    assert_eq!(log.steps.len(), blocks + 1);
    assert_eq!(log.sensitivity.len(), blocks);
    expected.validate().unwrap();

    // Stopped in the first step, between two steps, in the finish.
    for last in [2, 7, 5 * blocks + 3] {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&teacher, folder.path());
        let mut events = 0;
        let stopped = run(&options, &teacher, &mut |event| {
            let counts = matches!(
                event,
                ReluEvent::Training(TrainEvent::Step { .. }) | ReluEvent::Done(_)
            );
            events += usize::from(counts);
            match events > last {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        let sentence = stopped.unwrap_err().to_string();
        assert!(sentence.contains("as asked"), "{sentence}");
        let (found, found_log) = to_the_end(&options, &teacher);
        assert_eq!(found, expected, "stopped after {last}");
        assert_eq!(timeless(found_log), timeless(log.clone()));
    }
}

#[test]
fn blocks_change_in_the_order_that_is_asked_for() {
    let teacher = teacher();
    let blocks = teacher.config.blocks();
    let mut options = options(&teacher, Path::new(""));
    let plan = |options: &ReluOptions, ranked: &[(Block, Evaluation)]| {
        swap::plan(options, blocks.clone(), ranked).concat()
    };
    options.order = Order::FirstToLast;
    assert_eq!(plan(&options, &[]), blocks);
    options.order = Order::LastToFirst;
    assert!(plan(&options, &[]).iter().rev().eq(&blocks));
    options.order = Order::Sensitivity;
    let ranked: Vec<_> = blocks
        .iter()
        .enumerate()
        .map(|(i, &block)| {
            let loss = ((i * 7 + 3) % 5) as f64;
            (block, Evaluation { loss, top1: 0.5 })
        })
        .collect();
    let losses: Vec<f64> = plan(&options, &ranked)
        .iter()
        .map(|block| ranked.iter().find(|(b, _)| b == block).unwrap().1.loss)
        .collect();
    assert!(losses.is_sorted());
    options.group = blocks.len();
    assert_eq!(swap::plan(&options, blocks.clone(), &ranked).len(), 1);
}

#[test]
fn without_bias_the_student_has_none() {
    let teacher = teacher();
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&teacher, folder.path());
    options.fc1_bias = false;
    options.group = teacher.config.blocks().len();
    options.step_epochs = 0;
    let (student, log) = to_the_end(&options, &teacher);
    assert_eq!(student.config.fc1_bias(), &PerBlock::All(false));
    assert!(
        !student
            .params
            .0
            .keys()
            .any(|name| name.ends_with("fc1.bias"))
    );
    assert_eq!(log.steps[0].swapped, log.steps[0].trained);
    student.validate().unwrap();
}

#[test]
fn what_does_not_fit_is_refused() {
    let teacher = teacher();
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&teacher, folder.path());

    let all: Vec<Block> = teacher.config.blocks();
    let relu = swapped(&teacher, &all, true);
    let sentence = refusal(&options, &relu);
    assert!(
        sentence.contains("expected a teacher with GELU"),
        "{sentence}"
    );

    let mut renamed = teacher.clone();
    renamed.labels = (0..5).map(|class| format!("spot {class}")).collect();
    let sentence = refusal(&options, &renamed);
    assert!(
        sentence.contains("found \"0\" in place of \"spot 0\""),
        "{sentence}"
    );

    let good = options.training.distillation;
    options.training.distillation = Some(Distillation {
        temperature: 0.0,
        ..Distillation::default()
    });
    assert!(refusal(&options, &teacher).contains("temperature"));
    options.training.distillation = good;

    // An earlier run is neither overwritten nor continued with other options.
    to_the_end(&options, &teacher);
    options.training.resume = false;
    assert!(refusal(&options, &teacher).contains("expected no earlier run"));
    options.training.resume = true;
    options.finish_epochs += 1;
    assert!(refusal(&options, &teacher).contains("same options, teacher and data"));
}

#[test]
fn a_diverging_step_names_its_checkpoint() {
    let teacher = teacher();
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&teacher, folder.path());
    options.training.learning_rate = 1e30;
    options.training.warmup = 0.0;
    let sentence = refusal(&options, &teacher);
    assert!(sentence.contains("expected finite numbers"), "{sentence}");
    assert!(sentence.contains("step-01"), "{sentence}");
}
