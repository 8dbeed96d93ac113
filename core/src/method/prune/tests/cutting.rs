//! What is cut out, against masks.

use super::*;

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
        let costs = Costs::new(&graph, &groups, case.items().tokens(), None).unwrap();
        let all: u64 = graph.macs_with(case.items().tokens());
        // As much less as the first units of all groups cost.
        let idle: u64 = costs.groups.iter().map(|group| group[1]).sum();
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
