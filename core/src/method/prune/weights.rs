//! Scores that need no data.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Scores, costs::Costs};
use crate::{
    FloatModel, Result,
    graph::{Graph, UnitKind, Units},
};

/// A random share of what each unit costs, so that one of heads is worth as much as one of neurons.
pub fn random(groups: &[Units], costs: &Costs, seed: u64) -> Scores {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let draw = |(group, units): (usize, &Units)| {
        (0..units.count)
            .map(|_| random.random::<f64>() * costs.unit(group))
            .collect()
    };
    groups.iter().enumerate().map(draw).collect()
}

/// For each of a unit's channels the norm of the weights that make it (of a head, its values) times that of those that
/// take it up; their sum.
pub fn magnitude(model: &FloatModel, graph: &Graph, groups: &[Units]) -> Result<Scores> {
    let score = |units: &Units| {
        let weight = |id: usize| {
            let site = &graph.nodes()[id].site;
            model.params.get(&format!("{site}.weight"))
        };
        let (before, after) = (weight(units.before)?, weight(units.after)?);
        let (inputs, all) = (before.shape[1], units.count * units.channels);
        // Of heads queries and keys come first.
        let first = match units.kind {
            UnitKind::Head => 2 * all,
            UnitKind::Neuron => 0,
        };
        let norm = |values: &mut dyn Iterator<Item = f32>| {
            values
                .map(|value| f64::from(value).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let channel = |at: usize| {
            let made = &before.data[(first + at) * inputs..][..inputs];
            let taken = after.data.iter().skip(at).step_by(all);
            norm(&mut made.iter().copied()) * norm(&mut taken.copied())
        };
        let unit = |unit: usize| {
            (0..units.channels)
                .map(|c| channel(unit * units.channels + c))
                .sum()
        };
        Ok((0..units.count).map(unit).collect())
    };
    groups.iter().map(score).collect()
}
