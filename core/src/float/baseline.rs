//! A forward pass whose values are kept.

use std::collections::BTreeMap;

use burn::Tensor;

use super::{Attention, Feed, Forward, Parameters, feed::Filled};
use crate::{
    Result,
    graph::{Graph, NodeId},
};

/// A forward pass whose values are kept, so that passes that differ from it in one value begin there.
pub struct Baseline<'a> {
    graph: &'a Graph,
    filled: Option<Filled>,
    values: Vec<Tensor<3>>,
}

impl<'a> Baseline<'a> {
    /// Runs `forward` on a batch, up to the node `last`.
    ///
    /// # Errors
    /// As [`Forward::run`].
    pub fn new(forward: Forward, graph: &'a Graph, feed: &Feed, last: NodeId) -> Result<Self> {
        Ok(Self {
            graph,
            filled: feed.filled().map(|filled| filled.repeated(1)),
            values: forward.every(graph, feed, last)?,
        })
    }

    /// The output of the node `id`, which is not after the last that ran: `[batch, tokens, channels]`.
    pub fn value(&self, id: NodeId) -> &Tensor<3> {
        &self.values[id]
    }

    /// The outputs of the nodes `wanted` if that of `id` were `value`: of each item as often as `value` has the whole
    /// batch, one after the other, so that several changes run at once.
    ///
    /// # Errors
    /// If a parameter is missing.
    pub fn with(
        &self,
        parameters: &Parameters,
        attention: &mut Attention,
        (id, value): (NodeId, Tensor<3>),
        wanted: &[NodeId],
    ) -> Result<Vec<Tensor<3>>> {
        let times = value.dims()[0] / self.values[id].dims()[0].max(1);
        let repeated = |id: NodeId| self.values[id].clone().repeat_dim(0, times);
        let filled = self.filled.as_ref().map(|filled| filled.repeated(times));
        let mut forward = Forward::new(parameters, attention);
        let mut changed = BTreeMap::from([(id, value)]);
        let last = wanted.iter().copied().max().unwrap_or(id);
        for next in id + 1..=last {
            let node = &self.graph.nodes()[next];
            if !node.inputs.iter().any(|input| changed.contains_key(input)) {
                continue;
            }
            let inputs = node.inputs.iter();
            let inputs: Vec<Tensor<3>> = inputs
                .map(|&input| {
                    changed
                        .get(&input)
                        .cloned()
                        .unwrap_or_else(|| repeated(input))
                })
                .collect();
            let inputs: Vec<&Tensor<3>> = inputs.iter().collect();
            let value = forward.layer(self.graph, node, &inputs, filled.as_ref())?;
            changed.insert(next, value);
            for &input in &node.inputs {
                if self.graph.readers(input).last() == Some(&next) && !wanted.contains(&input) {
                    changed.remove(&input);
                }
            }
        }
        let value = |&id: &NodeId| changed.get(&id).cloned().unwrap_or_else(|| repeated(id));
        Ok(wanted.iter().map(value).collect())
    }
}
