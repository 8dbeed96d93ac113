//! A run that is cut off and goes on equals one that is not.

use std::ops::ControlFlow;

use super::{TrainEvent, TrainOptions, checkpoint, run::Course, train};
use crate::{FloatModel, Pixels, Result, data::Dataset, float::tests::small};

/// Images of noise, brighter at a place that tells the class.
pub(crate) struct Spots {
    labels: Vec<String>,
    len: usize,
}

impl Dataset for Spots {
    fn len(&self) -> usize {
        self.len
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn get(&self, epoch: u64, index: usize) -> Result<(Pixels, usize)> {
        let class = index % 5;
        let bytes = (0..288usize).map(|at| {
            let seed = at * 37 + index * 101 + epoch as usize * 53;
            let noise = (seed * 2_654_435_761) >> 20;
            (noise % 90 + if at / 48 == class { 160 } else { 0 }) as u8
        });
        Ok((Pixels::new(12, 12, 2, bytes.collect())?, class))
    }
}

pub(crate) fn spots(len: usize) -> Spots {
    let labels = (0..5).map(|class| class.to_string()).collect();
    Spots { labels, len }
}

fn options(folder: &std::path::Path) -> TrainOptions {
    let FloatModel {
        config,
        preprocessing,
        ..
    } = small();
    TrainOptions {
        epochs: 3,
        batch: 8,
        learning_rate: 4e-3,
        mixup: 0.2,
        checkpoint_seconds: 0,
        resume: true,
        ..TrainOptions::new(config, preprocessing, folder)
    }
}

/// Trains to the end.
fn finish(options: &TrainOptions) -> FloatModel {
    let ui = &mut |_: &TrainEvent<'_>| ControlFlow::Continue(());
    train(options, &spots(60), &spots(10), ui).unwrap()
}

#[test]
fn a_resumed_run_ends_with_the_same_bits() {
    let whole = tempfile::tempdir().unwrap();
    let expected = finish(&options(whole.path()));
    let end = checkpoint::Checkpoint::load(&checkpoint::path(whole.path())).unwrap();

    // Killed at once, inside an epoch, at the end of an epoch, and after the last step.
    for last in [0, 11, 16, 24] {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path());
        let file = checkpoint::path(folder.path());
        let mut steps = 0;
        let mut kept = None;
        let ui = &mut |event: &TrainEvent<'_>| {
            match event {
                TrainEvent::Checkpoint(path) if kept.is_none() && steps == last => {
                    kept = Some(std::fs::read(path).unwrap());
                }
                TrainEvent::Step { .. } => steps += 1,
                _ => {}
            }
            match steps > last + 3 {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let _ = train(&options, &spots(60), &spots(10), ui);
        match kept {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        assert_eq!(finish(&options), expected, "resumed after step {last}");
        let found = checkpoint::Checkpoint::load(&file).unwrap();
        assert_eq!(found.params, end.params);
        assert_eq!(found.best, end.best);
        assert_eq!(found.progress.history, end.progress.history);
    }
}

#[test]
fn training_learns_the_spots() {
    let folder = tempfile::tempdir().unwrap();
    let options = TrainOptions {
        epochs: 12,
        mixup: 0.0,
        checkpoint_seconds: 600,
        ..options(folder.path())
    };
    let mut top1 = 0.0;
    let ui = &mut |event: &TrainEvent<'_>| {
        if let TrainEvent::Epoch(report) = event {
            top1 = report.top1;
        }
        ControlFlow::Continue(())
    };
    let model = train(&options, &spots(200), &spots(20), ui).unwrap();
    model.validate().unwrap();
    assert!(top1 > 0.9, "{top1}");
}

#[test]
fn a_diverging_run_stops_with_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let options = TrainOptions {
        learning_rate: 1e30,
        warmup: 0.0,
        ..options(folder.path())
    };
    let ui = &mut |_: &TrainEvent<'_>| ControlFlow::Continue(());
    let error = train(&options, &spots(60), &spots(10), ui).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("expected finite numbers"), "{error}");
    assert!(error.contains("the last good checkpoint is"), "{error}");
    let kept = checkpoint::Checkpoint::load(&checkpoint::path(folder.path())).unwrap();
    assert!(kept.progress.step >= 1);
}

/// Losses that stay finite, but say less than a blind guess.
#[test]
fn a_run_that_loses_its_way_is_told_from_one_that_begins_badly() {
    let strays = |losses: &mut dyn Iterator<Item = f64>| {
        let mut course = Course::default();
        losses.filter_map(|loss| course.strays(loss, 2)).next()
    };
    let learns = [10.0].into_iter().chain([0.8; 400]);
    assert_eq!(strays(&mut learns.clone()), None);
    // What came before a run was settled does not count by itself.
    assert_eq!(strays(&mut [10.0; 100].into_iter()), None);
    let lost = strays(&mut [10.0; 101].into_iter()).unwrap();
    assert!((lost.mean - 10.0).abs() < 1e-9 && lost.limit == 2.0);
    let mut worse = learns.chain([5.0; 100]);
    assert!(strays(&mut worse).unwrap().mean > 2.0);
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.epochs = 1;
    finish(&options);
    options.batch = 4;
    let ui = &mut |_: &TrainEvent<'_>| ControlFlow::Continue(());
    let error = train(&options, &spots(60), &spots(10), ui).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("expected a checkpoint of the same options"),
        "{error}"
    );
    std::fs::write(checkpoint::path(folder.path()), b"not a checkpoint").unwrap();
    assert!(train(&options, &spots(60), &spots(10), ui).is_err());
}

#[test]
fn the_rate_rises_then_falls() {
    let folder = tempfile::tempdir().unwrap();
    let options = TrainOptions {
        epochs: 10,
        warmup: 2.0,
        ..options(folder.path())
    };
    let rates: Vec<f64> = (0..100).map(|step| options.rate(step, 10)).collect();
    assert!(rates[..20].is_sorted());
    assert!(rates[19..].iter().rev().is_sorted());
    assert!((rates[19] - options.learning_rate).abs() < 1e-12);
    assert!((rates[99] - 0.01 * options.learning_rate).abs() < 1e-12);
    assert!((rates[0] - options.learning_rate / 20.0).abs() < 1e-12);
}
