//! What units cost: multiply-accumulates, or measured time.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    graph::{Graph, Units},
};

/// The most nanoseconds that a table may have for a layer: some days.
const MAX_TIME: u64 = 1 << 50;

/// Times of a model's layers on some machine, by how many units they have.
///
/// # Examples
///
/// A model of one block, whose attention takes 5 of 20 microseconds whole and 3 with one head of four:
///
/// ```
/// use intformer::method::prune::{GroupTimes, TimeTable};
///
/// let table = TimeTable {
///     measured: "the model, one image on cpu".to_owned(),
///     machine: "cpu (x86-64), one thread".to_owned(),
///     fixed: 7_000,
///     groups: vec![
///         GroupTimes { site: "blocks.0.attn".into(), points: vec![(1, 3_000), (4, 5_000)] },
///         GroupTimes { site: "blocks.0.mlp.act".into(), points: vec![(64, 8_000)] },
///     ],
/// };
/// let heads = table.groups[0].by_units(4)?;
/// assert_eq!(heads, [0, 3_000, 3_667, 4_333, 5_000]);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeTable {
    /// What was measured: the model, how many items of which length, the executor. No table serves another.
    pub measured: String,
    /// What it was measured on.
    pub machine: String,
    /// Nanoseconds of a run that go to what has no units.
    pub fixed: u64,
    /// The layers of each branch with units, as [`Graph::units`] names them.
    pub groups: Vec<GroupTimes>,
}

/// Times of the layers of a branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupTimes {
    /// The attention or the activation.
    pub site: String,
    /// Numbers of units, rising up to all there are, and the nanoseconds of a run with each.
    pub points: Vec<(usize, u64)>,
}

impl GroupTimes {
    /// Nanoseconds with 0, 1, … up to `count` units: on lines between the points, and from the first down on the line to the next; 0
    /// without units, as the branch is gone. Never falling, as a measured time may.
    ///
    /// # Errors
    /// [`Error::Prune`] if the points do not rise to `count`.
    pub fn by_units(&self, count: usize) -> Result<Vec<u64>> {
        let rise = self.points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let ends = self.points.first().zip(self.points.last());
        let ends = ends.filter(|(first, last)| rise && first.0 > 0 && last.0 == count);
        self.points.iter().try_for_each(|point| bounded(point.1))?;
        let Some((&first, _)) = ends else {
            return Err(Error::Prune(format!(
                "expected times of {} with rising numbers of units up to {count}, found those of {:?}",
                self.site,
                self.points.iter().map(|point| point.0).collect::<Vec<_>>()
            )));
        };
        let second = self.points.get(1).copied().unwrap_or(first);
        let line = |a: (usize, u64), b: (usize, u64), units: usize| {
            let [from, to] = [a, b].map(|point| point.1 as f64);
            let along = (units as f64 - a.0 as f64) / (b.0 - a.0).max(1) as f64;
            (from + (to - from) * along).max(0.0).round() as u64
        };
        let mut times = vec![0];
        for units in 1..=count {
            let at = self.points.partition_point(|point| point.0 < units);
            let time = match at {
                0 => line(first, second, units),
                at => line(self.points[at - 1], self.points[at], units),
            };
            times.push(time.max(times[units - 1]));
        }
        Ok(times)
    }
}

/// Checks a time of a table: sums of those of all layers are far from any overflow.
fn bounded(nanoseconds: u64) -> Result<()> {
    match nanoseconds <= MAX_TIME {
        true => Ok(()),
        false => Err(Error::Prune(format!(
            "expected times of at most {MAX_TIME} ns, found {nanoseconds}"
        ))),
    }
}

/// What the units of a model cost.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    /// What is counted.
    pub what: &'static str,
    /// What is left without any unit.
    pub fixed: u64,
    /// For each group what 0, 1, … units cost, never falling.
    pub groups: Vec<Vec<u64>>,
    /// Whether a group may go whole.
    pub may_go: Vec<bool>,
}

impl Costs {
    /// Multiply-accumulates of `graph`, whose units are `groups`, for items of `tokens` tokens; or the times of a `table`.
    ///
    /// # Errors
    /// [`Error::Prune`] if the table is of other groups.
    pub fn new(
        graph: &Graph,
        groups: &[Units],
        tokens: usize,
        table: Option<&TimeTable>,
    ) -> Result<Self> {
        let may_go = groups.iter().map(|units| graph.may_go(units)).collect();
        if let Some(table) = table {
            let sites = groups.iter().map(|units| &graph.nodes()[units.node].site);
            if !sites.eq(table.groups.iter().map(|group| &group.site)) {
                return Err(Error::Prune(
                    "expected times of this model's layers, found those of another".to_owned(),
                ));
            }
            bounded(table.fixed)?;
            let pairs = groups.iter().zip(&table.groups);
            let of = pairs.map(|(units, times)| times.by_units(units.count));
            return Ok(Self {
                what: "time",
                fixed: table.fixed,
                groups: of.collect::<Result<_>>()?,
                may_go,
            });
        }
        let unit = |units: &Units| graph.unit_macs(units, tokens);
        let of = groups.iter().map(|units| {
            let unit = unit(units);
            (0..=units.count as u64).map(|count| count * unit).collect()
        });
        let in_units: u64 = groups
            .iter()
            .map(|units| units.count as u64 * unit(units))
            .sum();
        Ok(Self {
            what: "multiply-adds",
            fixed: graph.macs_with(tokens) - in_units,
            groups: of.collect(),
            may_go,
        })
    }

    /// With all units.
    pub fn all(&self) -> u64 {
        self.fixed
            + (0..self.groups.len())
                .map(|group| self.whole(group))
                .sum::<u64>()
    }

    /// Of all units of a group.
    fn whole(&self, group: usize) -> u64 {
        self.groups[group].last().copied().unwrap_or(0)
    }

    /// Of a unit of a group, on average.
    pub fn unit(&self, group: usize) -> f64 {
        self.whole(group) as f64 / (self.groups[group].len() - 1).max(1) as f64
    }

    /// The least that a model may cost: with a unit of each group that may not go whole, or with any at all.
    fn least(&self) -> u64 {
        let one = |group: &Vec<u64>| group.get(1).copied().unwrap_or(0);
        let pairs = self.groups.iter().zip(&self.may_go);
        let mut stay = pairs.filter(|(_, goes)| !**goes).peekable();
        match stay.peek() {
            Some(_) => self.fixed + stay.map(|(group, _)| one(group)).sum::<u64>(),
            None => self.fixed + self.groups.iter().map(one).min().unwrap_or(0),
        }
    }

    /// Checks that a model may cost `budget`, where the whole one costs `all`.
    ///
    /// # Errors
    /// [`Error::Prune`] if that is too little.
    pub fn check(&self, budget: u64, all: u64) -> Result<()> {
        match budget >= self.least() {
            true => Ok(()),
            false => Err(self.out_of_reach(budget, all)),
        }
    }

    /// That a model may not cost `budget`.
    pub fn out_of_reach(&self, budget: u64, all: u64) -> Error {
        let [least, budget] = [self.least(), budget].map(|cost| cost as f64 / all as f64);
        Error::Prune(format!(
            "expected a share of the {} of at least {least:.4}, which what cannot be cut out costs, found {budget:.4}",
            self.what
        ))
    }

    /// With `kept` units of each group.
    pub fn of(&self, kept: &[Vec<usize>]) -> u64 {
        let pairs = kept.iter().zip(&self.groups);
        self.fixed + pairs.map(|(kept, costs)| costs[kept.len()]).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(points: &[(usize, u64)]) -> GroupTimes {
        GroupTimes {
            site: "attn".to_owned(),
            points: points.to_vec(),
        }
    }

    proptest! {
        #[test]
        fn times_never_fall_and_meet_rising_points(
            steps in prop::collection::vec((1usize..9, 0u64..100), 1..6),
        ) {
            let mut at = (0, 0);
            let points: Vec<_> = steps.iter().map(|(units, time)| {
                at = (at.0 + units, at.1 + time);
                at
            }).collect();
            let found = times(&points).by_units(at.0).unwrap();
            prop_assert_eq!(found.len(), at.0 + 1);
            prop_assert!(found.windows(2).all(|pair| pair[0] <= pair[1]));
            for (units, time) in points {
                prop_assert_eq!(found[units], time);
            }
        }
    }

    #[test]
    fn points_that_do_not_rise_to_all_units_are_refused() {
        for points in [
            &[][..],
            &[(2, 5), (2, 6), (4, 7)],
            &[(0, 1), (4, 2)],
            &[(3, 1)],
        ] {
            let error = times(points).by_units(4).unwrap_err().to_string();
            assert!(error.contains("rising numbers of units up to 4"), "{error}");
        }
        // A time that falls is as if it did not.
        assert_eq!(times(&[(1, 9), (2, 5)]).by_units(2).unwrap(), [0, 9, 9]);
    }
}
