//! What scores are made of.

use super::*;

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
                let logits = scored.answers(logits);
                let rows = logits.chunks(scored.classes).zip(&batch.classes);
                let rows = rows.map(|(row, &class)| cross_entropy(row, class));
                let rows: Vec<f64> = rows.collect();
                // Of a dense model the sum over an item's cells.
                let items = rows.chunks(rows.len() / batch.count);
                items.map(|item| item.iter().sum()).collect::<Vec<f64>>()
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
