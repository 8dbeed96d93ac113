//! Whole runs.

use super::*;

#[test]
fn every_criterion_keeps_the_budget_and_gives_the_same_bytes() {
    for case in cases() {
        let all = [
            Criterion::Random,
            Criterion::Magnitude,
            Criterion::Fisher,
            Criterion::Trajectory,
            Criterion::Answers,
        ];
        for criterion in all {
            let options = PruneOptions {
                rounds: 2,
                batch: 4,
                ..PruneOptions::new(criterion, 0.7)
            };
            let (pruned, report) = case.prune(&options).unwrap();
            assert!(
                report.macs[1] as f64 <= 0.7 * report.macs[0] as f64,
                "{criterion:?}"
            );
            assert!(
                report.macs[1] as f64 > 0.5 * report.macs[0] as f64,
                "{criterion:?}"
            );
            assert_eq!(
                report.parameters[1],
                census(&pruned.config).unwrap().elements()
            );
            assert_eq!(case.prune(&options).unwrap().0, pruned, "{criterion:?}");
        }
        // Another seed, another model.
        let of_seed = |seed| {
            let options = PruneOptions {
                seed,
                ..PruneOptions::new(Criterion::Random, 0.7)
            };
            case.prune(&options).unwrap().0
        };
        assert_ne!(of_seed(1), of_seed(2));
    }
}

#[test]
fn a_run_that_was_stopped_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for (at, case) in cases().iter().enumerate() {
        for criterion in [Criterion::Trajectory, Criterion::Answers] {
            let state = folder.path().join(format!("{at}-{criterion:?}"));
            let kept = PruneOptions {
                rounds: 2,
                batch: 4,
                state: Some(state),
                ..PruneOptions::new(criterion, 0.6)
            };
            let (expected, whole) = case
                .prune(&PruneOptions {
                    state: None,
                    ..kept.clone()
                })
                .unwrap();
            // Stopped after each group once.
            let mut runs = 0;
            let (found, report) = loop {
                runs += 1;
                let mut scored = 0;
                let mut ui = |event| match event {
                    PruneEvent::Scored(_) if scored == runs => ControlFlow::Break(()),
                    PruneEvent::Scored(_) => {
                        scored += 1;
                        ControlFlow::Continue(())
                    }
                    _ => ControlFlow::Continue(()),
                };
                match prune(&kept, &case.model, case.items(), &mut ui) {
                    Ok(found) => break found,
                    Err(error) => assert!(error.to_string().contains("stopped"), "{error}"),
                }
            };
            assert!(runs > 2);
            assert_eq!(found, expected);
            // What the runs took that were cut off is counted.
            assert_eq!(report.passes, whole.passes);
            // Nothing is left to do, and another run does not go on with it.
            assert_eq!(case.prune(&kept).unwrap().1.passes, 0);
            let other = PruneOptions { batch: 5, ..kept };
            let error = case.prune(&other).unwrap_err().to_string();
            assert!(error.contains("found those of other options"), "{error}");
        }
    }
}

fn loss_of(share: f64) -> PruneOptions {
    PruneOptions::new(Criterion::Answers, share)
}

#[test]
fn what_cannot_be_pruned_is_refused() {
    let case = Case::new(small());
    let options = |share| PruneOptions::new(Criterion::Magnitude, share);
    let refused = |options: &PruneOptions| case.prune(options).unwrap_err().to_string();
    let error = refused(&options(0.05));
    assert!(
        error.contains("expected a share of the multiply-adds of at least 0."),
        "{error}"
    );
    for share in [0.0, -1.0, 1.1, f64::NAN] {
        assert!(refused(&options(share)).contains("above 0 and up to 1"));
    }
    let error = refused(&PruneOptions {
        rearrange: true,
        ..options(0.7)
    });
    assert!(error.contains("expected the criterion fisher"), "{error}");
    // Other classes than the model's, and no items.
    let classes = vec![case.model.config.classes(); case.classes.len()];
    let items = Items::new(case.samples(), &classes).unwrap();
    let mut ui = |_| ControlFlow::Continue(());
    let error = prune(&options(0.7), &case.model, items, &mut ui).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected classes below 5, found 5"),
        "{error}"
    );
    assert!(Items::new(case.samples(), &[]).is_err());
    // Texts for a model of images.
    let texts = vec![text(3, 1)];
    let items = Items::new(&texts, &[0]).unwrap();
    let fisher = PruneOptions::new(Criterion::Fisher, 0.7);
    let error = prune(&fisher, &case.model, items, &mut ui).unwrap_err();
    assert!(
        error.to_string().contains("expected images, found texts"),
        "{error}"
    );
    // A class alone, of which nothing can be lost.
    let mut one = small();
    one.config.set_classes(1);
    for name in ["head.fc.weight", "head.fc.bias"] {
        let tensor = one.params.get_mut(name).unwrap();
        tensor.data.truncate(tensor.data.len() / 5);
        tensor.shape[0] = 1;
    }
    let error = Case::new(one).prune(&loss_of(0.7)).unwrap_err().to_string();
    assert!(error.contains("two classes or more, found 1"), "{error}");
    // Answers that are the same without any unit.
    let mut deaf = Case::new(small());
    deaf.model
        .params
        .get_mut("head.fc.weight")
        .unwrap()
        .data
        .fill(0.0);
    let error = deaf.prune(&loss_of(0.7)).unwrap_err().to_string();
    assert!(
        error.contains("expected scores that tell units apart, found 0 for all"),
        "{error}"
    );
    // Weights so large that a loss is no number.
    let mut broken = Case::new(small());
    broken.model.params.get_mut("head.fc.weight").unwrap().data[0] = f32::MAX;
    let error = broken.prune(&loss_of(0.7)).unwrap_err().to_string();
    assert!(error.contains("expected finite scores"), "{error}");
}

/// Threads change nothing.
#[test]
fn one_thread_gives_the_bytes_of_four() {
    for case in cases() {
        for criterion in [Criterion::Fisher, Criterion::Trajectory] {
            let options = PruneOptions {
                tune: true,
                batch: 3,
                ..PruneOptions::new(criterion, 0.7)
            };
            let of = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                pool.unwrap().install(|| case.prune(&options).unwrap().0)
            };
            assert_eq!(of(1), of(4), "{criterion:?}");
        }
    }
}

/// Scores of an earlier run serve other budgets; damaged ones are refused.
#[test]
fn kept_scores_are_checked_and_serve_another_budget() {
    let folder = tempfile::tempdir().unwrap();
    let case = Case::new(small());
    let options = |share| PruneOptions {
        state: Some(folder.path().to_owned()),
        ..PruneOptions::new(Criterion::Trajectory, share)
    };
    case.prune(&options(0.7)).unwrap();
    let (found, report) = case.prune(&options(0.6)).unwrap();
    assert_eq!(report.passes, 0);
    let anew = PruneOptions {
        state: None,
        ..options(0.6)
    };
    assert_eq!(found, case.prune(&anew).unwrap().0);
    let file = folder.path().join("scores.json");
    let mut scores: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    scores["losses"][0][1].as_array_mut().unwrap().pop();
    std::fs::write(&file, scores.to_string()).unwrap();
    let error = case.prune(&options(0.6)).unwrap_err().to_string();
    assert!(error.contains("scores of group 1 in round 0"), "{error}");
}
