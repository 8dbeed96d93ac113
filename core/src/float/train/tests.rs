//! A run that is cut off and goes on equals one that is not.

mod texts;

use std::ops::ControlFlow;

use super::{
    Answer, Origin, RateOf, TrainEvent, TrainOptions, Trained, checkpoint, evaluate, run::Course,
    train, train_from, with_labels,
};
use crate::{
    FloatModel, Pixels, Preprocessing, Result,
    architecture::{TextHead, TextPooling, VitConfig},
    data::{Dataset, Examples, Scene, TextSet},
    dense::IGNORED,
    float::{
        Device,
        tests::{small, small_encoder, text},
    },
};

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

/// Images of noise with a bright row of cells, which are of the second class.
struct Rows {
    labels: Vec<String>,
    len: usize,
    /// Whether the classes of the dark pixels are unknown.
    bright: bool,
}

impl Dataset<Scene> for Rows {
    fn len(&self) -> usize {
        self.len
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn get(&self, epoch: u64, index: usize) -> Result<(Scene, usize)> {
        let (image, class) = spots(self.len).get(epoch, index)?;
        let row = |at: usize| at / 24 == class;
        let class = |at: usize| match row(at) {
            true => 1,
            false if self.bright => IGNORED,
            false => 0,
        };
        let mask = (0..144).map(class).collect();
        Ok((Scene { image, mask }, 0))
    }
}

/// A cell learns the shares of its pixels, in a Swin and in a ViT with a learned token.
#[test]
fn a_dense_model_learns_its_masks() {
    let rows = |len| Rows {
        labels: vec!["dark".to_owned(), "bright".to_owned()],
        len,
        bright: false,
    };
    let (train, validation) = (rows(120), rows(20));
    let mut swin = small();
    swin.config.set_dense().unwrap();
    let vit = VitConfig {
        image_size: [12, 12],
        in_channels: 2,
        patch_size: 2,
        embed_dim: 12,
        depth: 1,
        heads: 2,
        hidden: 16,
        dense: true,
        ..VitConfig::tiny()
    };
    for mut config in [swin.config, vit.into()] {
        let folder = tempfile::tempdir().unwrap();
        config.set_classes(2);
        let options = TrainOptions {
            epochs: 8,
            mixup: 0.0,
            config,
            ..options(folder.path())
        };
        let mut ui = |_: &TrainEvent<'_>| ControlFlow::Continue(());
        let sets = [&train, &validation].map(|set| Examples::Scenes(set));
        let trained = train_from(&options, &Origin::default(), sets[0], sets[1], &mut ui).unwrap();
        let found = evaluate(&trained.model, sets[1], 8, &Device::flex()).unwrap();
        // Five of six rows are dark.
        assert!(found.top1 > 0.9, "{found:?}");
        for (change, expected) in [
            (
                TrainOptions {
                    record: true,
                    ..options.clone()
                },
                "without a record",
            ),
            (
                TrainOptions {
                    cutmix: 0.5,
                    ..options.clone()
                },
                "not to be mixed",
            ),
        ] {
            let error = train_from(&change, &Origin::default(), sets[0], sets[1], &mut ui);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        // A cell without a class counts for nothing: of bright ones alone, all that a model can say is right.
        let bright = Rows {
            bright: true,
            ..rows(40)
        };
        let bright = Examples::Scenes(&bright);
        let mut losses = Vec::new();
        let mut ui = |event: &TrainEvent<'_>| {
            if let TrainEvent::Step { loss, .. } = event {
                losses.push(*loss);
            }
            ControlFlow::Continue(())
        };
        let few = TrainOptions {
            epochs: 2,
            label_smoothing: 0.0,
            out: folder.path().join("bright"),
            ..options.clone()
        };
        let trained = train_from(&few, &Origin::default(), bright, bright, &mut ui).unwrap();
        let found = evaluate(&trained.model, bright, 8, &Device::flex()).unwrap();
        assert_eq!(found.top1, 1.0);
        // That of a blind guess at first.
        assert!((losses[0] - 2f64.ln()).abs() < 0.4, "{losses:?}");
        let error = evaluate(&trained.model, &spots(5), 8, &Device::flex()).unwrap_err();
        assert!(
            error.to_string().contains("expected images with masks"),
            "{error}"
        );
        let mut ui = |_: &TrainEvent<'_>| ControlFlow::Continue(());
        // Classes of whole images are not what it learns from.
        let whole = &spots(5);
        let error = train_from(&options, &Origin::default(), whole, whole, &mut ui);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("expected images with masks"), "{error}");
    }
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
fn answers_are_those_of_the_forward_passes_in_the_order_of_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let model = small();
    let record = TrainOptions {
        mixup: 0.0,
        // Nothing is learned, so each answer is that of the model itself.
        learning_rate: 1e-30,
        record: true,
        ..options(folder.path())
    };
    let origin = Origin {
        params: Some(&model.params),
        ..Origin::default()
    };
    let run = |options: &TrainOptions, stop: Option<usize>| {
        let mut steps = 0;
        let ui = &mut |event: &TrainEvent<'_>| {
            steps += usize::from(matches!(event, TrainEvent::Step { .. }));
            match stop == Some(steps) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        train_from(options, &origin, &spots(60), &spots(10), ui)
    };
    let trained = run(&record, None).unwrap();
    let answers = trained.answers.unwrap();
    assert_eq!((answers.epochs(), answers.examples()), (3, 60));
    let data = spots(60);
    for (epoch, index) in (0..3).flat_map(|epoch| (0..60).map(move |index| (epoch, index))) {
        let (pixels, class) = data.get(epoch as u64, index).unwrap();
        let logits = crate::float::logits(&model, &[pixels]).unwrap().remove(0);
        let (expected, found) = (
            Answer::new(&logits, class),
            answers.get(epoch, index).unwrap(),
        );
        let close = |a: f32, b: f32| (a - b).abs() < 1e-4;
        assert!(
            close(expected.confidence, found.confidence),
            "{epoch} {index}"
        );
        assert!(close(expected.margin, found.margin) && close(expected.error, found.error));
        assert!(expected.right == found.right || found.margin.abs() < 1e-4);
    }

    // Neither a record nor a stop on the way changes what comes out.
    let real = |record: bool| {
        let folder = tempfile::tempdir().unwrap();
        let options = TrainOptions {
            mixup: 0.0,
            record,
            ..options(folder.path())
        };
        if record {
            for stop in [1, 5, 9] {
                assert!(run(&options, Some(stop)).is_err());
            }
        }
        run(&options, None).unwrap()
    };
    let (plain, recorded) = (real(false), real(true));
    assert_eq!(plain.model, recorded.model);
    assert!(plain.answers.is_none());
    let folder = tempfile::tempdir().unwrap();
    let whole = TrainOptions {
        mixup: 0.0,
        record: true,
        ..options(folder.path())
    };
    assert_eq!(run(&whole, None).unwrap().answers, recorded.answers);
    let mixed = TrainOptions {
        mixup: 0.2,
        ..whole
    };
    assert!(
        run(&mixed, None)
            .unwrap_err()
            .to_string()
            .contains("no mixup or cutmix")
    );
}

#[test]
fn a_run_of_steps_ends_with_the_last_also_inside_an_epoch() {
    // 60 examples in batches of 8 are 8 steps an epoch.
    let run = |options: &TrainOptions, stop: Option<usize>| {
        let (mut steps, mut epochs) = (0, Vec::new());
        let ui = &mut |event: &TrainEvent<'_>| {
            match event {
                TrainEvent::Step {
                    step, steps: of, ..
                } => {
                    steps += 1;
                    epochs.push((*step, *of));
                }
                TrainEvent::Start { epochs, .. } => assert_eq!(*epochs, 2),
                _ => {}
            }
            match stop == Some(steps) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        train_from(options, &Origin::default(), &spots(60), &spots(10), ui).map(|t| (t, epochs))
    };
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [whole, parts] = [0, 1].map(|at| TrainOptions {
        steps: Some(11),
        ..options(folders[at].path())
    });
    let (expected, steps) = run(&whole, None).unwrap();
    assert_eq!(steps.len(), 11);
    assert_eq!((steps[7], steps[10]), ((7, 8), (2, 3)));
    assert_eq!(expected.history.len(), 2);
    assert!(whole.rate(10, 8) < 0.02 * whole.learning_rate);
    // Stopped after so many more steps: inside an epoch, at its end, and after the last step.
    for stop in [3, 5, 3] {
        assert!(run(&parts, Some(stop)).is_err());
    }
    let (found, _) = run(&parts, None).unwrap();
    assert_eq!(
        (found.model, found.history),
        (expected.model, expected.history)
    );

    let recorded = TrainOptions {
        record: true,
        mixup: 0.0,
        ..whole
    };
    let error = run(&recorded, None).unwrap_err().to_string();
    assert!(error.contains("whole epochs"), "{error}");
}

/// A kill long after the last checkpoint, which is older than the last epoch that was finished.
#[test]
fn a_state_of_an_earlier_epoch_is_enough() {
    let whole = tempfile::tempdir().unwrap();
    let expected = finish(&options(whole.path()));
    let folder = tempfile::tempdir().unwrap();
    let seldom = TrainOptions {
        checkpoint_seconds: 3600,
        ..options(folder.path())
    };
    let file = checkpoint::path(folder.path());
    let run = |stop: usize| {
        let mut steps = 0;
        let ui = &mut |event: &TrainEvent<'_>| {
            steps += usize::from(matches!(event, TrainEvent::Step { .. }));
            match steps >= stop {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        assert!(train(&seldom, &spots(60), &spots(10), ui).is_err());
    };
    run(3);
    let kept = std::fs::read(&file).unwrap();
    // Epochs end without a state of their own.
    run(15);
    std::fs::write(&file, kept).unwrap();
    assert_eq!(finish(&seldom), expected);
}

#[test]
fn the_last_epoch_alone_is_validated_if_its_weights_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = TrainOptions {
        last: true,
        ..options(folder.path())
    };
    let trained = train_from(
        &options,
        &Origin::default(),
        &spots(60),
        &spots(10),
        &mut go_on,
    )
    .unwrap();
    let validated = trained
        .history
        .iter()
        .map(|epoch| epoch.validation.is_some());
    assert_eq!(validated.collect::<Vec<_>>(), [false, false, true]);
    let state = checkpoint::Checkpoint::load(&checkpoint::path(folder.path())).unwrap();
    assert_eq!(trained.model.params, state.params);
    let found = evaluate(&trained.model, &spots(10), 8, &Device::flex()).unwrap();
    assert_eq!(trained.history[2].validation, Some(found));
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
            top1 = report.validation.unwrap().top1;
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
    let file = checkpoint::path(folder.path());
    let header =
        std::collections::HashMap::from([("training".to_owned(), r#"{"version":2}"#.to_owned())]);
    let older = safetensors::serialize(
        Vec::<(String, safetensors::tensor::TensorView)>::new(),
        Some(header),
    );
    std::fs::write(&file, older.unwrap()).unwrap();
    let error = train(&options, &spots(60), &spots(10), ui).unwrap_err();
    let expected = "expected a state of version 5, found version 2";
    assert!(error.to_string().contains(expected), "{error}");
    std::fs::write(&file, b"not a checkpoint").unwrap();
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

fn go_on(_: &TrainEvent<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
