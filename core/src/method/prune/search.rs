//! Which units stay under a budget.

use super::{Scores, costs::Costs};
use crate::{
    Error, Result,
    graph::{UnitKind, Units},
};

/// A unit that may go: its group, its place there and its score.
#[derive(Clone, Copy)]
struct Candidate {
    group: usize,
    unit: usize,
    score: f64,
}

/// The units of each of `groups` that stay, in order: of all ways to take the best heads and then the best neurons for
/// what is left of `budget`, the one with the largest sum of scores (arXiv 2204.09656, arXiv 2403.17921). What is best
/// is told by the score over the cost, as a head of one stage may cost what several of another do. Of groups that may not
/// go whole ([`Costs::may_go`]) the best unit stays in any case.
///
/// # Errors
/// [`Error::Prune`] if a score is no number, or if that is beyond the budget.
pub fn search(
    groups: &[Units],
    costs: &Costs,
    scores: &Scores,
    budget: u64,
    all: u64,
) -> Result<Vec<Vec<usize>>> {
    costs.check(budget, all)?;
    if scores.iter().flatten().all(|score| *score == 0.0) {
        return Err(Error::Prune(
            "expected scores that tell units apart, found 0 for all: the loss on these items is 0 with and without them"
                .to_owned(),
        ));
    }
    let mut kept: Vec<Vec<usize>> = Vec::with_capacity(groups.len());
    let mut free: [Vec<Candidate>; 2] = Default::default();
    for (group, (units, scores)) in groups.iter().zip(scores).enumerate() {
        if let Some(unit) = scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::Prune(format!(
                "expected finite scores, found {} of {} {unit} of group {group}",
                scores[unit], units.kind
            )));
        }
        let better = |&a: &usize, &b: &usize| scores[a].total_cmp(&scores[b]).then(b.cmp(&a));
        let best = match costs.may_go[group] {
            true => None,
            false => (0..scores.len()).max_by(better),
        };
        kept.push(best.into_iter().collect());
        let rest = (0..scores.len()).filter(|&unit| Some(unit) != best);
        free[usize::from(units.kind == UnitKind::Neuron)].extend(rest.map(|unit| Candidate {
            group,
            unit,
            score: scores[unit],
        }));
    }
    let left = budget.saturating_sub(costs.of(&kept));
    for candidates in &mut free {
        let worth = |c: &Candidate| c.score / costs.unit(c.group).max(1.0);
        candidates.sort_by(|a, b| {
            let order = worth(b).total_cmp(&worth(a));
            order.then((a.group, a.unit).cmp(&(b.group, b.unit)))
        });
    }
    let [heads, neurons] = free.map(|candidates| Sums::new(candidates, costs, &kept));
    let ways = (0..=heads.candidates.len()).filter(|&count| heads.cost[count] <= left);
    let ways = ways.map(|count| {
        let others = neurons.within(left - heads.cost[count]);
        (count, others, heads.score[count] + neurons.score[others])
    });
    // Of equal sums the first: fewer heads.
    let best = ways.reduce(|best, next| if next.2 > best.2 { next } else { best });
    let (heads_kept, neurons_kept, _) = best.unwrap_or_default();
    let taken = heads.candidates[..heads_kept].iter();
    for candidate in taken.chain(&neurons.candidates[..neurons_kept]) {
        kept[candidate.group].push(candidate.unit);
    }
    kept.iter_mut().for_each(|kept| kept.sort_unstable());
    match kept.iter().all(Vec::is_empty) {
        true => Err(costs.out_of_reach(budget, all)),
        false => Ok(kept),
    }
}

/// Candidates, best first, with what the first so many cost and score.
struct Sums {
    candidates: Vec<Candidate>,
    cost: Vec<u64>,
    score: Vec<f64>,
}

impl Sums {
    /// Of candidates beside the units that are `kept` in any case.
    fn new(candidates: Vec<Candidate>, costs: &Costs, kept: &[Vec<usize>]) -> Self {
        let (mut cost, mut score) = (vec![0], vec![0.0]);
        let mut taken: Vec<usize> = kept.iter().map(Vec::len).collect();
        for (at, candidate) in candidates.iter().enumerate() {
            let (group, taken) = (&costs.groups[candidate.group], &mut taken[candidate.group]);
            cost.push(cost[at] + group[*taken + 1] - group[*taken]);
            score.push(score[at] + candidate.score);
            *taken += 1;
        }
        Self {
            candidates,
            cost,
            score,
        }
    }

    /// How many of the first cost no more than `budget` together.
    fn within(&self, budget: u64) -> usize {
        self.cost.partition_point(|&cost| cost <= budget) - 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Costs of groups of so many units of one cost each.
    fn costs(fixed: u64, groups: &[(usize, u64)], may_go: &[bool]) -> Costs {
        let of = |&(count, cost): &(usize, u64)| (0..=count as u64).map(|at| at * cost).collect();
        Costs {
            what: "multiply-adds",
            fixed,
            groups: groups.iter().map(of).collect(),
            may_go: may_go.to_vec(),
        }
    }

    fn group(kind: UnitKind, count: usize) -> Units {
        Units {
            kind,
            count,
            channels: 1,
            before: 0,
            node: 0,
            after: 0,
            add: 0,
        }
    }

    proptest! {
        /// No way to keep so many heads and so many neurons by their order scores more, and the budget holds.
        #[test]
        fn no_better_way_is_left_out(
            heads in prop::collection::vec(0.0f64..1.0, 1..6),
            neurons in prop::collection::vec(0.0f64..1.0, 1..12),
            share in 0.0f64..1.0,
            may_go: [bool; 2],
        ) {
            let groups = [group(UnitKind::Head, heads.len()), group(UnitKind::Neuron, neurons.len())];
            let costs = costs(10, &[(heads.len(), 7), (neurons.len(), 2)], &may_go);
            let least = may_go.map(usize::from).map(|goes| 1 - goes);
            let all = costs.of(&[(0..heads.len()).collect(), (0..neurons.len()).collect()]);
            let budget = (all as f64 * share) as u64;
            let scores = vec![heads.clone(), neurons.clone()];
            let kept = search(&groups, &costs, &scores, budget, all);
            let cheapest = if least == [0, 0] { 2 } else { 0 };
            let needed = 10 + 7 * least[0] as u64 + 2 * least[1] as u64 + cheapest;
            prop_assert_eq!(kept.is_ok(), budget >= needed);
            let Ok(kept) = kept else { return Ok(()) };
            prop_assert!(costs.of(&kept) <= budget);
            let sum = |kept: &[Vec<usize>]| -> f64 {
                kept.iter().zip(&scores).flat_map(|(kept, scores)| kept.iter().map(|&at| scores[at])).sum()
            };
            let sorted = |scores: &[f64]| {
                let mut scores = scores.to_vec();
                scores.sort_by(|a, b| b.total_cmp(a));
                scores
            };
            let (heads, neurons) = (sorted(&heads), sorted(&neurons));
            for h in least[0]..=heads.len() {
                for n in least[1]..=neurons.len() {
                    if h + n > 0 && 10 + 7 * h as u64 + 2 * n as u64 <= budget {
                        let other = heads[..h].iter().sum::<f64>() + neurons[..n].iter().sum::<f64>();
                        prop_assert!(sum(&kept) >= other - 1e-9);
                    }
                }
            }
        }
    }

    /// A head of a stage that costs less is worth more at the same score.
    #[test]
    fn what_costs_less_stays_at_the_same_score() {
        let groups = [group(UnitKind::Head, 2), group(UnitKind::Head, 2)];
        let costs = costs(0, &[(2, 5), (2, 2)], &[true, true]);
        let scores = vec![vec![1.0, 0.9], vec![1.0, 0.8]];
        let kept = search(&groups, &costs, &scores, 9, 14).unwrap();
        assert_eq!(kept, [vec![0], vec![0, 1]]);
    }

    /// A layer that takes most of its time with its first unit goes whole before two lose half.
    #[test]
    fn what_a_layer_takes_in_any_case_counts() {
        let groups = [group(UnitKind::Neuron, 2), group(UnitKind::Neuron, 2)];
        let costs = Costs {
            what: "time",
            fixed: 0,
            groups: vec![vec![0, 9, 10], vec![0, 9, 10]],
            may_go: vec![true, true],
        };
        let scores = vec![vec![1.0, 0.9], vec![0.8, 0.7]];
        let kept = search(&groups, &costs, &scores, 18, 20).unwrap();
        assert_eq!(kept, [vec![0, 1], vec![]]);
        assert_eq!(costs.of(&kept), 10);
    }

    #[test]
    fn a_score_that_is_no_number_is_refused() {
        let groups = [group(UnitKind::Head, 2)];
        let costs = costs(0, &[(2, 1)], &[true]);
        let error = search(&groups, &costs, &vec![vec![0.0, f64::NAN]], 2, 2).unwrap_err();
        assert!(
            error.to_string().contains("found NaN of head 1 of group 0"),
            "{error}"
        );
    }
}
