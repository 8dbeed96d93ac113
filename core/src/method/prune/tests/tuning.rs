//! What is scaled.

use super::*;

/// Where nothing is missing before it, a layer is held against its own sum, and nothing is scaled: also before a branch
/// that goes, whose bias goes into that sum in the end.
#[test]
fn what_is_before_a_branch_that_goes_stays_as_it_is() {
    for case in cases() {
        let scored = case.scored();
        let all: Vec<Vec<usize>> = scored
            .groups
            .iter()
            .map(|units| (0..units.count).collect())
            .collect();
        let whole = cut::reduced(&case.model, &scored.groups, &all).unwrap();
        for emptied in 1..scored.groups.len() {
            if !scored.graph.may_go(&scored.groups[emptied]) {
                continue;
            }
            let mut kept = all.clone();
            kept[emptied].clear();
            let student = cut::reduced(&case.model, &scored.groups, &kept).unwrap();
            let mut seen = || Ok(());
            let (tuned, _) = tune::tuned(student, &whole, case.items(), 3, &mut seen).unwrap();
            for units in &scored.groups[..emptied] {
                let name = format!("{}.weight", scored.graph.nodes()[units.after].site);
                close(
                    &tuned.params.0[&name].data,
                    &case.model.params.0[&name].data,
                );
            }
            let settled = cut::without_idle(tuned, &scored.groups, &kept).unwrap();
            assert_eq!(
                settled.config.graph().units().len(),
                scored.groups.len() - 1
            );
        }
    }
}

/// Scaled, the units that stay bring all sums, where they count, together nearer to those of the larger model.
#[test]
fn scaling_makes_up_for_what_went() {
    for case in cases() {
        let scored = case.scored();
        let all: Vec<Vec<usize>> = scored
            .groups
            .iter()
            .map(|units| (0..units.count).collect())
            .collect();
        let gone = some_gone(&scored.groups, None);
        let kept: Vec<Vec<usize>> = all
            .iter()
            .zip(&gone)
            .map(|(all, gone)| {
                all.iter()
                    .copied()
                    .filter(|unit| !gone.contains(unit))
                    .collect()
            })
            .collect();
        let reduced =
            |kept: &[Vec<usize>]| cut::reduced(&case.model, &scored.groups, kept).unwrap();
        let (whole, student) = (reduced(&all), reduced(&kept));
        let sums = |model: &FloatModel| -> Vec<f32> {
            let scored = Scored::new(model, case.items(), 3, &Device::flex()).unwrap();
            let adds = scored.batches.iter().flat_map(|batch| {
                let baseline = scored.baseline(batch, &Factors::new()).unwrap();
                let adds = scored.groups.iter();
                adds.flat_map(|units| {
                    host(tune::picked(
                        baseline.value(units.add),
                        &tune::rows(&scored, units, batch, &baseline),
                    ))
                })
                .collect::<Vec<_>>()
            });
            adds.collect()
        };
        let goal = sums(&whole);
        let far = |model: &FloatModel| -> f64 {
            let pairs = sums(model).into_iter().zip(&goal);
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        let before = far(&student);
        let mut layers = 0;
        let mut seen = || {
            layers += 1;
            Ok(())
        };
        let (tuned, count) = tune::tuned(student, &whole, case.items(), 3, &mut seen).unwrap();
        // A factor beyond the bound ends it early.
        assert!(count >= 2 && layers == count, "{count} {layers}");
        assert!(far(&tuned) < 0.99 * before, "{} {before}", far(&tuned));
    }
}

/// A break ends a run in this stage, too.
#[test]
fn a_break_is_heard() {
    for case in cases() {
        let options = PruneOptions {
            tune: true,
            ..PruneOptions::new(Criterion::Magnitude, 0.7)
        };
        let mut ui = |event| match event {
            PruneEvent::Tuned => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let error = prune(&options, &case.model, case.items(), &mut ui).unwrap_err();
        assert!(error.to_string().contains("stopped as asked"), "{error}");
    }
}
