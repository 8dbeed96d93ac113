//! OPTIN: what the layers after a unit and the logits lose without it (arXiv 2403.17921).

use burn::{Tensor, tensor::TensorData};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    Scores, Trajectory,
    items::{Batch, Scored},
    without::{Losses, Without, without},
};
use crate::{
    Result,
    float::{Baseline, Factors, host, places},
    graph::{Layer, Node, NodeId, UnitKind, Units},
};

/// A layer whose output is compared.
pub(super) struct Tap {
    pub node: NodeId,
    /// Tokens of an item there.
    tokens: usize,
    /// The rows of a batch that are, of `[batch * tokens, channels]`.
    rows: Vec<usize>,
    /// Their directions in the pass with all units, `[1, rows, channels]`.
    directions: Tensor<3>,
}

/// The two parts of the loss of each unit of `group`: of the trajectory and of the logits, each the mean over
/// batches, which count by their items.
pub(super) fn losses(scored: &Scored, how: &Trajectory, seed: u64, group: usize) -> Result<Losses> {
    let units = &scored.groups[group];
    let mut all = vec![[0.0; 2]; units.count];
    let items: usize = scored.batches.iter().map(|batch| batch.count).sum();
    for (at, batch) in scored.batches.iter().enumerate() {
        let share = batch.count as f64 / items as f64;
        let part = of_batch(scored, how, [seed, at as u64], group, batch)?;
        for (all, part) in all.iter_mut().zip(part) {
            all[0] += share * part[0];
            all[1] += share * part[1];
        }
    }
    Ok(all)
}

/// What is made of both parts: their sum, in which all units' logits count `lambda` times what all trajectories do.
pub fn combined(how: &Trajectory, groups: &[Units], parts: &[Losses]) -> Scores {
    if how.as_released {
        return as_released(groups, parts);
    }
    weighed(how.lambda, parts)
}

/// The sum of both parts, in which the logits of all count `lambda` times what the trajectories of all do.
pub(super) fn weighed(lambda: f64, parts: &[Losses]) -> Scores {
    let sum = |part: usize| -> f64 { parts.iter().flatten().map(|losses| losses[part]).sum() };
    let weight = match sum(1) {
        logits if logits > 0.0 && sum(0) > 0.0 => lambda * sum(0) / logits,
        // Nothing to weigh it against.
        _ => 1.0,
    };
    let score = |losses: &[f64; 2]| losses[0] + weight * losses[1];
    let group = |losses: &Losses| losses.iter().map(score).collect();
    parts.iter().map(group).collect()
}

/// As the published code puts them together: the logits count by unit about a tenth of its trajectory, and scores fall
/// with the index of the unit, of heads tenfold and of neurons a hundredfold from the first to the last.
fn as_released(groups: &[Units], parts: &[Losses]) -> Scores {
    let (mut scales, mut count) = (0.0, 0.0);
    let mut scores = Scores::new();
    for (units, losses) in groups.iter().zip(parts) {
        let (largest, share) = match units.kind {
            UnitKind::Head => (10.0f64, 0.5),
            UnitKind::Neuron => (100.0, 1.0),
        };
        let last = (units.count - 1).max(1) as f64;
        let unit = |(at, &[trajectory, logits]): (usize, &[f64; 2])| {
            let scale = match trajectory > logits && logits > 0.0 {
                true => {
                    let scale = 10f64.powf(((trajectory / logits).log10() - 1.0).trunc());
                    scales += scale;
                    count += 1.0;
                    scale
                }
                false if count > 0.0 => scales / count,
                false => 1.0,
            };
            let envelope = largest.powf(1.0 - at as f64 / last);
            share * envelope * (trajectory + scale * logits)
        };
        scores.push(losses.iter().enumerate().map(unit).collect());
    }
    scores
}

fn of_batch(
    scored: &Scored,
    how: &Trajectory,
    seed: [u64; 2],
    group: usize,
    batch: &Batch,
) -> Result<Losses> {
    let units = &scored.groups[group];
    let whole = scored.baseline(batch, &Factors::new())?;
    let masked;
    let base = match how.as_released {
        false => &whole,
        true => {
            masked = scored.baseline(batch, &last_heads_gone(scored, group))?;
            &masked
        }
    };
    let (taps, share) = taps(scored, group);
    let taps: Vec<Tap> = taps
        .into_iter()
        .map(|node| tap(how, seed, &whole, batch, node, None))
        // A row alone has no other to be compared with.
        .filter(|tap| tap.rows.len() > 1)
        .collect();
    let nodes: Vec<NodeId> = taps.iter().map(|tap| tap.node).collect();
    let wanted = [nodes.as_slice(), &[scored.logits()]].concat();
    let logits = scored.answers(host(whole.value(scored.logits()).clone()));
    let most = if how.as_released { 1 } else { usize::MAX };
    without(scored, base, units, &wanted, most, &|found: &Without| {
        let mut losses = vec![[0.0; 2]; found.count];
        for (tap, value) in taps.iter().zip(&found.values) {
            let drawn;
            let tap = match how.as_released {
                false => tap,
                true => {
                    drawn = super::trajectory::tap(
                        how,
                        seed,
                        &whole,
                        batch,
                        tap.node,
                        Some(found.first),
                    );
                    &drawn
                }
            };
            for (losses, loss) in losses.iter_mut().zip(tap.losses(value, found.count)) {
                let rows = tap.rows.len() as f64;
                let scale = if how.as_released { rows * rows } else { 1.0 };
                losses[0] += share * scale * loss;
            }
        }
        let changed = found.values.last();
        let changed = changed.map(|values| scored.answers(host(values.clone())));
        let each = changed
            .iter()
            .flat_map(|changed| changed.chunks(logits.len()));
        for (losses, changed) in losses.iter_mut().zip(each) {
            losses[1] = match how.as_released {
                false => divergence(&logits, changed, scored.classes, how.temperature),
                // There the temperature only scales.
                true => {
                    let items = batch.count as f64;
                    let scale = how.temperature.powi(2) * items;
                    (scale * divergence(&logits, changed, scored.classes, 1.0)).max(0.0)
                }
            };
        }
        losses
    })
}

/// The layers whose outputs are compared without a unit of a group, and how much they count.
///
/// As in the paper's code: of texts what the MLPs of later blocks add, of images what later attentions read, a block's
/// normalized input. Of images the last normalizations are among them here, so that the last block has a later layer,
/// too; of texts the last block is told by its own MLP, which counts half, or, if it has none, by them.
fn taps(scored: &Scored, group: usize) -> (Vec<NodeId>, f64) {
    let (graph, groups) = (&scored.graph, &scored.groups);
    let (own, after) = (scored.blocks[group], groups[group].after);
    let later = |kind: UnitKind| {
        let pairs = groups.iter().zip(&scored.blocks);
        let later = pairs.filter(move |(units, block)| units.kind == kind && **block > own);
        later.map(|(units, _)| units)
    };
    let is_text = |node: &Node| matches!(node.layer, Layer::Tokens(_));
    if !graph.nodes().iter().any(is_text) {
        return (later_norms(scored, own), 1.0);
    }
    let added: Vec<NodeId> = later(UnitKind::Neuron).map(|units| units.after).collect();
    if !added.is_empty() {
        return (added, 1.0);
    }
    let mut pairs = groups.iter().zip(&scored.blocks);
    let mlp = pairs.find(|(units, block)| {
        **block == own && units.kind == UnitKind::Neuron && units.after >= after
    });
    match mlp {
        Some((units, _)) => (vec![units.after], 0.5),
        None => (last_norms(scored).collect(), 1.0),
    }
}

/// What the attentions of blocks after `block` read, and the last normalizations.
pub(super) fn later_norms(scored: &Scored, block: usize) -> Vec<NodeId> {
    let pairs = scored.groups.iter().zip(&scored.blocks);
    let later = pairs.filter(|(units, of)| units.kind == UnitKind::Head && **of > block);
    let read = later.map(|(units, _)| scored.graph.nodes()[units.before].inputs[0]);
    read.chain(last_norms(scored)).collect()
}

/// The normalizations after all blocks.
fn last_norms(scored: &Scored) -> impl Iterator<Item = NodeId> {
    let nodes = scored.graph.nodes();
    let adds = scored.groups.iter().map(|units| units.add);
    (adds.max().unwrap_or(0)..nodes.len())
        .filter(|&id| matches!(nodes[id].layer, Layer::LayerNorm { .. }))
}

/// The rows of `node` that are compared, and what they are with all units; drawn anew for a unit, if one is named.
pub(super) fn tap(
    how: &Trajectory,
    [seed, batch_index]: [u64; 2],
    whole: &Baseline,
    batch: &Batch,
    node: NodeId,
    unit: Option<usize>,
) -> Tap {
    let value = whole.value(node);
    let [items, tokens, channels] = value.dims();
    let own = |row: &usize| match &batch.lengths {
        Some(lengths) if tokens > 1 && !how.as_released => row % tokens < lengths[row / tokens],
        _ => true,
    };
    let mut rows: Vec<usize> = (0..items * tokens).filter(own).collect();
    let mut bytes = [0; 32];
    let unit = unit.map_or(0, |unit| unit as u64 + 1);
    for (slot, word) in bytes
        .chunks_mut(8)
        .zip([seed, batch_index, node as u64, unit])
    {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    rows.shuffle(&mut ChaCha8Rng::from_seed(bytes));
    rows.truncate(how.rows);
    rows.sort_unstable();
    let all = value.clone().reshape([1, items * tokens, channels]);
    Tap {
        node,
        tokens,
        directions: directions(all, &rows),
        rows,
    }
}

/// Some rows of `[count, rows, channels]`, each of length 1.
fn directions(all: Tensor<3>, rows: &[usize]) -> Tensor<3> {
    let rows = all.clone().select(1, places(rows, &all.device()));
    let length = rows.clone().square().sum_dim(2).sqrt().clamp_min(1e-12);
    rows / length
}

impl Tap {
    /// The mean squared difference of the products of each two rows from those with all units, of each of `count`
    /// changed batches in `value` (manifold distillation).
    fn losses(&self, value: &Tensor<3>, count: usize) -> Vec<f64> {
        let [items, tokens, channels] = value.dims();
        let changed = value
            .clone()
            .reshape([count, items / count * tokens, channels]);
        let changed = directions(changed, &self.rows);
        let far = products_differ(changed, self.directions.clone());
        host(far).iter().map(|&far| f64::from(far)).collect()
    }

    /// The same of the batch `at` of `count` in `value`, whose items are without the token `gone`: of the rows of the
    /// others.
    pub fn loss_without_token(
        &self,
        value: &Tensor<3>,
        (at, count): (usize, usize),
        gone: usize,
    ) -> f64 {
        let [items, tokens, channels] = value.dims();
        let batch = items / count;
        let changed = value.clone().narrow(0, at * batch, batch);
        let changed = changed.reshape([1, batch * tokens, channels]);
        // What is read of single tokens has as many as before.
        let before = self.tokens;
        let fewer = tokens < before;
        let has = |row: &usize| !fewer || row % before != gone;
        let kept = self.rows.iter().enumerate().filter(|(_, row)| has(row));
        let (kept, rows): (Vec<usize>, Vec<usize>) = kept
            .map(|(at, row)| {
                let (item, token) = (row / before, row % before);
                let now = token - usize::from(fewer && token > gone);
                (at, item * tokens + now)
            })
            .unzip();
        if rows.len() < 2 {
            return 0.0;
        }
        let directions_before = self.directions.clone();
        let whole = directions_before.select(1, places(&kept, &value.device()));
        let far = products_differ(directions(changed, &rows), whole);
        host(far).first().map_or(0.0, |&far| f64::from(far))
    }
}

/// The mean squared difference of the products of each two rows of `whole`, `[1, rows, channels]`, from those of each of
/// `changed`, `[count, rows, channels]`.
fn products_differ(changed: Tensor<3>, whole: Tensor<3>) -> Tensor<1> {
    let [count, rows, _] = changed.dims();
    // With d = changed - whole and s = changed + whole, the difference of the products is (d s^T + s d^T) / 2: what
    // is equal in both is not rounded away.
    let far = changed.clone() - whole.clone();
    let both = changed + whole;
    let half = far.matmul(both.transpose());
    let products = half.clone() * (half.clone() + half.transpose());
    let sums: Tensor<2> = products.reshape([count, rows * rows]).sum_dim(1);
    let entries = (rows * rows).max(1) as f64;
    sums.reshape([count]).mul_scalar(0.5 / entries)
}

/// `T^2 * KL(softmax(a / T) || softmax(b / T))`, the mean over items.
pub(super) fn divergence(a: &[f32], b: &[f32], classes: usize, temperature: f64) -> f64 {
    let logarithms = |row: &[f32]| -> Vec<f64> {
        let scaled: Vec<f64> = row.iter().map(|&v| f64::from(v) / temperature).collect();
        let most = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scaled.iter().map(|value| (value - most).exp()).sum();
        scaled.iter().map(|value| value - most - sum.ln()).collect()
    };
    let rows = a.chunks(classes).zip(b.chunks(classes));
    let each = rows.map(|(a, b)| {
        let (a, b) = (logarithms(a), logarithms(b));
        a.iter()
            .zip(&b)
            .map(|(a, b)| a.exp() * (a - b))
            .sum::<f64>()
    });
    temperature.powi(2) * each.sum::<f64>() / (a.len() / classes).max(1) as f64
}

/// Masks that take the last head of each block before `group` away, as the published code forgets to give it back.
fn last_heads_gone(scored: &Scored, group: usize) -> Factors {
    let earlier = scored.groups[..group].iter();
    let heads = earlier.filter(|units| units.kind == UnitKind::Head);
    let mask = |units: &Units| {
        let all = units.count * units.channels;
        let factors = (0..all).map(|at| f32::from(u8::from(at / units.channels + 1 < units.count)));
        let factors = TensorData::new(factors.collect(), [1, 1, all]);
        let site = scored.graph.nodes()[units.node].site.clone();
        (site, Tensor::from_data(factors, &scored.device))
    };
    heads.map(mask).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn products_are_compared_as_defined() {
        let device = Device::flex();
        let values =
            |seed: f32| -> Vec<f32> { (0..12).map(|i| (seed + 1.3 * i as f32).sin()).collect() };
        let tensor = |values: &[f32]| {
            Tensor::<3>::from_data(TensorData::new(values.to_vec(), [1, 4, 3]), &device)
        };
        let (a, b) = (values(0.2), values(0.9));
        let rows = vec![0, 2, 3];
        let tap = Tap {
            node: 0,
            tokens: 4,
            directions: directions(tensor(&a), &rows),
            rows: rows.clone(),
        };
        let unit = |values: &[f32], row: usize| -> Vec<f64> {
            let row: Vec<f64> = values[3 * row..][..3]
                .iter()
                .map(|&v| f64::from(v))
                .collect();
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row.iter().map(|v| v / length).collect()
        };
        let product = |values: &[f32], i: usize, j: usize| -> f64 {
            unit(values, i)
                .iter()
                .zip(unit(values, j))
                .map(|(a, b)| a * b)
                .sum()
        };
        let mut expected = 0.0;
        for &i in &rows {
            for &j in &rows {
                expected += (product(&b, i, j) - product(&a, i, j)).powi(2) / 9.0;
            }
        }
        let found = tap.losses(&tensor(&b), 1)[0];
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        // A rotation of all rows changes no product.
        let turned: Vec<f32> = a
            .chunks(3)
            .flat_map(|row| [-row[1], row[0], row[2]])
            .collect();
        assert!(tap.losses(&tensor(&turned), 1)[0] < 1e-12);
    }

    #[test]
    fn a_divergence_is_that_of_the_definition() {
        assert_eq!(divergence(&[1.0, 2.0], &[1.0, 2.0], 2, 4.0), 0.0);
        let p = [0.25f64, 0.75].map(f64::ln);
        let q = [0.5f64, 0.5].map(f64::ln);
        let found = divergence(&p.map(|v| v as f32), &q.map(|v| v as f32), 2, 1.0);
        let expected = 0.25 * (0.25f64 / 0.5).ln() + 0.75 * (0.75f64 / 0.5).ln();
        assert!((found - expected).abs() < 1e-6);
    }
}
