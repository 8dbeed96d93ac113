//! Passes without one unit each.

use burn::Tensor;
use rayon::prelude::*;

use super::items::Scored;
use crate::{
    Result,
    float::{Attention, Baseline},
    graph::{NodeId, Units},
};

/// Tokens that run at once, of as many changed copies of a batch as that makes. More of them would leave the caches.
pub(super) const TOKENS: usize = 2048;

/// Rows that all threads have at once, of whole chunks: how much memory that takes.
const ROWS: usize = 1 << 17;

/// What passes without one unit each come to: two numbers for each unit.
pub type Losses = Vec<[f64; 2]>;

/// The outputs of some nodes in passes without some units.
pub(super) struct Without {
    /// The first of the units; each copy of the batch is without the next.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// `[count * batch, tokens, channels]` of each node that is wanted.
    pub values: Vec<Tensor<3>>,
}

/// Runs the batch of `baseline` without each of `units`, as many at once as there is room for, at most `most`, and
/// measures the outputs of the nodes `wanted`.
///
/// A pass begins where the unit's output is taken up: what is before is as in `baseline`.
pub(super) fn without(
    scored: &Scored,
    baseline: &Baseline,
    units: &Units,
    wanted: &[NodeId],
    most: usize,
    measure: &(dyn Fn(&Without) -> Losses + Sync),
) -> Result<Losses> {
    let made = baseline.value(units.node);
    let taken = baseline.value(units.after);
    let site = &scored.graph.nodes()[units.after].site;
    let weight = scored.parameters.matrix(&format!("{site}.weight"))?;
    let [batch, tokens, _] = made.dims();
    let outputs = weight.dims()[0];
    let rows = batch * tokens;
    let chunk = (TOKENS / rows.max(1)).clamp(1, most);
    let firsts: Vec<usize> = (0..units.count).step_by(chunk).collect();
    let run = |&first: &usize| {
        let count = chunk.min(units.count - first);
        let (start, width) = (first * units.channels, count * units.channels);
        let shape = [rows, count, units.channels];
        let made = made.clone().narrow(2, start, width).reshape(shape);
        let weight = weight.clone().narrow(1, start, width);
        let weight = weight.reshape([outputs, count, units.channels]);
        // What each unit adds: `[count, rows, outputs]`.
        let added = made.permute([1, 0, 2]).matmul(weight.permute([1, 2, 0]));
        let added = added.reshape([count * batch, tokens, outputs]);
        let changed = taken.clone().repeat_dim(0, count) - added;
        let mut attention = Attention::new(&scored.device);
        let values = baseline.with(
            &scored.parameters,
            &mut attention,
            (units.after, changed),
            wanted,
        )?;
        Ok(measure(&Without {
            first,
            count,
            values,
        }))
    };
    let mut all = Losses::with_capacity(units.count);
    for some in firsts.chunks((ROWS / (chunk * rows).max(1)).max(1)) {
        let parts: Vec<Losses> = some.par_iter().map(run).collect::<Result<_>>()?;
        all.extend(parts.concat());
    }
    Ok(all)
}
