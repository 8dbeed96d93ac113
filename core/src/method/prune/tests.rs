//! Pruned models against the models with masks.

use std::ops::ControlFlow;

use burn::{Tensor, tensor::Device, tensor::TensorData};

use super::{items::Scored, *};
use crate::{
    Pixels,
    architecture::{Activation, Config, TextHead, TextPooling, VitConfig, census},
    float::{
        self, Factors, Samples, host,
        tests::{small, small_encoder, text},
    },
    graph::UnitKind,
    input::Token,
    quant::float_model,
};

/// A model of each kind with items that it takes.
struct Case {
    model: FloatModel,
    images: Vec<Pixels>,
    texts: Vec<Vec<Token>>,
    classes: Vec<usize>,
}

impl Case {
    fn new(model: FloatModel) -> Self {
        let count = 7;
        let classes = (0..count).map(|at| at * 3 % model.config.classes());
        let (mut images, mut texts) = (Vec::new(), Vec::new());
        match model.config.image() {
            Ok(shape) => images.extend((0..count).map(|image| {
                let byte = |at: usize| (at * (2 * image + 3) * 7 % 251) as u8;
                let data = (0..shape.bytes()).map(byte).collect();
                Pixels::new(shape.height, shape.width, shape.channels, data).unwrap()
            })),
            Err(_) => texts.extend((0..count).map(|at| text(2 + at, at))),
        }
        Self {
            classes: classes.collect(),
            model,
            images,
            texts,
        }
    }

    fn samples(&self) -> Samples<'_> {
        match self.images.is_empty() {
            true => (&self.texts).into(),
            false => (&self.images).into(),
        }
    }

    fn items(&self) -> Items<'_> {
        Items::new(self.samples(), &self.classes).unwrap()
    }

    fn scored(&self) -> Scored {
        Scored::new(&self.model, self.items(), 3, &Device::flex()).unwrap()
    }

    fn prune(&self, options: &PruneOptions) -> Result<(FloatModel, PruneReport)> {
        prune(options, &self.model, self.items(), &mut |_| {
            ControlFlow::Continue(())
        })
    }
}

fn cases() -> Vec<Case> {
    let vit = VitConfig {
        image_size: [12, 8],
        patch_size: 4,
        embed_dim: 12,
        depth: 2,
        heads: 3,
        hidden: 20,
        classes: 4,
        ..VitConfig::tiny()
    };
    let head = |pooling, dense| TextHead::Text { pooling, dense };
    let models = [
        small(),
        float_model(vit, 5).unwrap(),
        small_encoder(head(TextPooling::First, Some(Activation::Tanh)), 4),
        small_encoder(head(TextPooling::Mean, None), 3),
    ];
    models.into_iter().map(Case::new).collect()
}

/// Units that go: some of each group, or all of the group `emptied`.
fn some_gone(groups: &[Units], emptied: Option<usize>) -> Vec<Vec<usize>> {
    let gone = |(at, units): (usize, &Units)| {
        if Some(at) == emptied {
            return (0..units.count).collect();
        }
        let gone = |unit: &usize| *unit > 0 && (unit * 5 + at).is_multiple_of(3);
        (0..units.count).filter(gone).collect()
    };
    groups.iter().enumerate().map(gone).collect()
}

/// Masks without the units `gone`.
fn masks(scored: &Scored, gone: &[Vec<usize>]) -> Factors {
    let pairs = scored.groups.iter().zip(gone);
    let mask = |(units, gone): (&Units, &Vec<usize>)| {
        let all = units.count * units.channels;
        let values = (0..all).map(|at| f32::from(u8::from(!gone.contains(&(at / units.channels)))));
        let site = scored.graph.nodes()[units.node].site.clone();
        let values = TensorData::new(values.collect(), [1, 1, all]);
        (site, Tensor::from_data(values, &scored.device))
    };
    pairs.map(mask).collect()
}

/// The logits of all batches, in their order.
fn masked_logits(scored: &Scored, gone: &[Vec<usize>]) -> Vec<f32> {
    let masks = masks(scored, gone);
    let batches = scored.batches.iter();
    let logits = batches.flat_map(|batch| {
        let baseline = scored.baseline(batch, &masks).unwrap();
        host(baseline.value(scored.logits()).clone())
    });
    logits.collect()
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-4,
            "{found} against {expected}"
        );
    }
}

#[test]
fn a_smaller_model_is_the_one_with_masks() {
    for case in cases() {
        let scored = case.scored();
        let groups = scored.groups.len();
        let mut emptied = vec![None];
        emptied.extend(
            (0..groups)
                .filter(|&at| scored.graph.may_go(&scored.groups[at]))
                .map(Some),
        );
        // The first attention after a merging, which has no bias, stays.
        let swin = matches!(case.model.config, Config::Swin(_));
        assert_eq!(emptied.len(), 1 + groups - usize::from(swin));
        let none = vec![Vec::new(); groups];
        let whole = masked_logits(&scored, &none);
        for emptied in emptied {
            let gone = some_gone(&scored.groups, emptied);
            let pruned = without_units(&case, &scored, &gone);
            let smaller = Scored::new(&pruned, case.items(), 3, &Device::flex()).unwrap();
            assert_eq!(
                smaller.groups.len(),
                groups - usize::from(emptied.is_some())
            );
            let found = masked_logits(&smaller, &vec![Vec::new(); smaller.groups.len()]);
            close(&found, &masked_logits(&scored, &gone));
            // And what the mask does is seen.
            assert!(found.iter().zip(&whole).any(|(a, b)| (a - b).abs() > 1e-3));
            assert!(pruned.params.elements() < case.model.params.elements());
        }
        // Nothing is left of all branches that may go, but for one.
        let all_gone: Vec<Vec<usize>> = scored
            .groups
            .iter()
            .enumerate()
            .map(
                |(at, units)| match at + 1 < groups && scored.graph.may_go(units) {
                    true => (0..units.count).collect(),
                    false => Vec::new(),
                },
            )
            .collect();
        let pruned = without_units(&case, &scored, &all_gone);
        let smaller = Scored::new(&pruned, case.items(), 3, &Device::flex()).unwrap();
        let found = masked_logits(&smaller, &vec![Vec::new(); smaller.groups.len()]);
        close(&found, &masked_logits(&scored, &all_gone));
    }
}

/// The model of `case` with the units `gone` cut out.
fn without_units(case: &Case, scored: &Scored, gone: &[Vec<usize>]) -> FloatModel {
    let pairs = scored.groups.iter().zip(gone);
    let kept = |(units, gone): (&Units, &Vec<usize>)| {
        let stays = |unit: &usize| !gone.contains(unit);
        (0..units.count).filter(stays).collect()
    };
    let kept: Vec<Vec<usize>> = pairs.map(kept).collect();
    cut::cut(&case.model, &scored.groups, &kept).unwrap()
}

/// A pass that begins where a unit is taken up is as one from the start with a mask.
#[test]
fn a_pass_without_a_unit_is_the_one_with_its_mask() {
    for case in cases() {
        let scored = case.scored();
        for (group, units) in scored.groups.iter().enumerate() {
            let mut found = vec![Vec::new(); units.count];
            for batch in &scored.batches {
                let baseline = scored.baseline(batch, &Factors::new()).unwrap();
                let parts = std::sync::Mutex::new(Vec::new());
                let measure = |part: &without::Without| {
                    let logits = host(part.values[0].clone());
                    parts.lock().unwrap().push((part.first, part.count, logits));
                    vec![[0.0; 2]; part.count]
                };
                let wanted = [scored.logits()];
                without::without(&scored, &baseline, units, &wanted, 4, &measure).unwrap();
                for (first, count, logits) in parts.into_inner().unwrap() {
                    for (at, logits) in logits.chunks(logits.len() / count).enumerate() {
                        found[first + at].extend_from_slice(logits);
                    }
                }
            }
            for (unit, found) in found.iter().enumerate().step_by(3) {
                let mut gone = vec![Vec::new(); scored.groups.len()];
                gone[group].push(unit);
                close(found, &masked_logits(&scored, &gone));
            }
        }
    }
}

/// That of an item with `logits`, whose class is `class`.
fn cross_entropy(logits: &[f32], class: usize) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps = logits.iter().map(|&value| f64::from(value - most).exp());
    exps.sum::<f64>().ln() - f64::from(logits[class] - most)
}

/// The gradient of a mask is what a small change of it changes.
#[test]
fn gradients_are_those_of_the_masks() {
    for case in cases() {
        let device = Device::flex().autodiff();
        let learned = Scored::new(&case.model, case.items(), 3, &device).unwrap();
        let found = fisher::gradients(&learned).unwrap();
        let scored = case.scored();
        let entropies = |masks: &Factors| -> Vec<f64> {
            let each = scored.batches.iter().flat_map(|batch| {
                let baseline = scored.baseline(batch, masks).unwrap();
                let logits = host(baseline.value(scored.logits()).clone());
                let rows = logits.chunks(scored.classes).zip(&batch.classes);
                rows.map(|(row, &class)| cross_entropy(row, class))
                    .collect::<Vec<_>>()
            });
            each.collect()
        };
        for (group, units) in scored.groups.iter().enumerate() {
            let unit = units.count - 1;
            let changed = |by: f32| {
                let all = units.count * units.channels;
                let factor =
                    |at: usize| 1.0 + by * f32::from(u8::from(at / units.channels == unit));
                let values = TensorData::new((0..all).map(factor).collect(), [1, 1, all]);
                let site = scored.graph.nodes()[units.node].site.clone();
                entropies(&Factors::from([(
                    site,
                    Tensor::from_data(values, &scored.device),
                )]))
            };
            let (up, down) = (changed(0.02), changed(-0.02));
            for (item, found) in found[group][unit].iter().enumerate() {
                let expected = (up[item] - down[item]) / 0.04;
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 2e-3 + 0.02 * expected.abs(), "{found} {expected}");
            }
        }
    }
}

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

/// A unit whose output nobody takes up goes first, whatever tells units apart.
#[test]
fn what_does_nothing_goes_first() {
    for mut case in cases() {
        let graph = case.model.config.graph();
        for units in graph.units() {
            let site = &graph.nodes()[units.after].site;
            let weight = case
                .model
                .params
                .get_mut(&format!("{site}.weight"))
                .unwrap();
            let all = units.count * units.channels;
            for row in weight.data.chunks_mut(all) {
                row[..units.channels].fill(0.0);
            }
        }
        let groups = graph.units();
        let costs = Costs::new(&graph, &groups, case.items().tokens());
        let all: u64 = graph.macs_with(case.items().tokens());
        // As much less as the first units of all groups cost.
        let idle: u64 = costs.unit.iter().sum();
        for criterion in [
            Criterion::Magnitude,
            Criterion::Fisher,
            Criterion::Trajectory,
        ] {
            let options = PruneOptions {
                batch: 4,
                ..PruneOptions::new(criterion, (all - idle) as f64 / all as f64 + 1e-9)
            };
            let (pruned, _) = case.prune(&options).unwrap();
            let before = case.scored();
            let after = Scored::new(&pruned, case.items(), 3, &Device::flex()).unwrap();
            let none = vec![Vec::new(); groups.len()];
            close(
                &masked_logits(&after, &none),
                &masked_logits(&before, &none),
            );
        }
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
            let (expected, _) = case
                .prune(&PruneOptions {
                    state: None,
                    ..kept.clone()
                })
                .unwrap();
            // Stopped after each group once.
            let mut runs = 0;
            let found = loop {
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
                    Ok((model, _)) => break model,
                    Err(error) => assert!(error.to_string().contains("stopped"), "{error}"),
                }
            };
            assert!(runs > 2);
            assert_eq!(found, expected);
            // Nothing is left to do, and another run does not go on with it.
            assert_eq!(case.prune(&kept).unwrap().1.passes, 0);
            let other = PruneOptions { seed: 9, ..kept };
            let error = case.prune(&other).unwrap_err().to_string();
            assert!(
                error.contains("expected scores of the same options"),
                "{error}"
            );
        }
    }
}

/// Scaled, the units that stay bring the sums nearer to the larger model's.
#[test]
fn scaling_makes_up_for_what_went() {
    for case in cases() {
        let plain = PruneOptions {
            batch: 4,
            ..PruneOptions::new(Criterion::Fisher, 0.6)
        };
        let kwon = PruneOptions {
            rearrange: true,
            tune: true,
            ..plain.clone()
        };
        let (pruned, report) = case.prune(&kwon).unwrap();
        let (untuned, _) = case
            .prune(&PruneOptions {
                tune: false,
                ..kwon.clone()
            })
            .unwrap();
        assert_eq!(untuned.config, pruned.config);
        assert!(report.tuned > 0);
        let last = |model: &FloatModel, share: f64| -> Vec<f32> {
            let scored = Scored::new(model, case.items(), 3, &Device::flex()).unwrap();
            let first = scored.groups[0].add;
            assert!(share > 0.0);
            let each = scored.batches.iter().flat_map(|batch| {
                let baseline = scored.baseline(batch, &Factors::new()).unwrap();
                host(baseline.value(first).clone())
            });
            each.collect()
        };
        // The teacher, of half as much pruned, is what the first layer is held against.
        let teacher = PruneOptions {
            tune: false,
            share: 0.6f64.sqrt(),
            ..kwon.clone()
        };
        let goal = last(&case.prune(&teacher).unwrap().0, 1.0);
        let far = |model: &FloatModel| -> f64 {
            let pairs = last(model, 1.0).into_iter().zip(goal.clone());
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        assert!(far(&pruned) <= far(&untuned) * 1.0001);
    }
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
    // Weights so large that a loss is no number.
    let mut broken = Case::new(small());
    broken.model.params.get_mut("head.fc.weight").unwrap().data[0] = f32::MAX;
    let loss = PruneOptions::new(Criterion::Answers, 0.7);
    let error = broken.prune(&loss).unwrap_err().to_string();
    assert!(error.contains("expected finite scores"), "{error}");
}

/// The defects of the published code change the scores, and each can be told: the first of equal units counts most.
#[test]
fn the_released_scores_depend_on_the_index() {
    let equal = vec![[1.0, 0.01]; 5];
    let config: Config = small().config;
    let graph = config.graph();
    let groups: Vec<Units> = graph
        .units()
        .into_iter()
        .filter(|units| units.kind == UnitKind::Neuron)
        .take(1)
        .map(|units| Units { count: 5, ..units })
        .collect();
    let clean = Trajectory::default();
    let scores = trajectory::combined(&clean, &groups, std::slice::from_ref(&equal));
    assert!(scores[0].iter().all(|score| *score == scores[0][0]));
    let released = Trajectory {
        as_released: true,
        ..clean
    };
    let scores = trajectory::combined(&released, &groups, &[equal]);
    assert!((scores[0][0] / scores[0][4] - 100.0).abs() < 1e-9);
    // And a run of it ends.
    for case in cases() {
        let options = PruneOptions {
            trajectory: released,
            batch: 4,
            ..PruneOptions::new(Criterion::Trajectory, 0.7)
        };
        let (pruned, _) = case.prune(&options).unwrap();
        float::logits(&pruned, case.samples()).unwrap();
    }
}
