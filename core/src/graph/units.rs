//! What structured pruning takes away: attention heads and hidden channels.

use std::fmt::{self, Display, Formatter};

use super::{Axis, Graph, Heads, Layer, Node, NodeId};

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitKind {
    /// A head of an attention.
    Head,
    /// A hidden channel of an MLP.
    Neuron,
}

impl Display for UnitKind {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "head",
            Self::Neuron => "hidden channel",
        })
    }
}

/// The units of one kind in one branch of a residual: between a linear layer that makes their channels and one that
/// takes them up, so that a unit can be cut out of both and nothing else changes its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// What they are.
    pub kind: UnitKind,
    /// How many.
    pub count: usize,
    /// Channels of each.
    pub channels: usize,
    /// The linear layer that makes their channels; of heads first all queries, then keys, then values.
    pub before: NodeId,
    /// The attention or activation whose output channels are theirs, unit by unit.
    pub node: NodeId,
    /// The linear layer that takes their channels up.
    pub after: NodeId,
    /// The sum of the residual and the branch.
    pub add: NodeId,
}

impl Graph {
    /// The units of the graph, branch by branch.
    ///
    /// # Examples
    ///
    /// ```
    /// use intformer::{architecture::Config, graph::UnitKind};
    ///
    /// let graph = Config::named("minilm-l6").expect("a published size").graph();
    /// let units = graph.units();
    /// assert_eq!(units.len(), 2 * 6);
    /// assert_eq!((units[0].kind, units[0].count, units[0].channels), (UnitKind::Head, 12, 32));
    /// assert_eq!((units[1].kind, units[1].count, units[1].channels), (UnitKind::Neuron, 1536, 1));
    /// ```
    pub fn units(&self) -> Vec<Units> {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter_map(|(id, node)| self.units_of(id, node))
            .collect()
    }

    fn units_of(&self, id: NodeId, node: &Node) -> Option<Units> {
        let (kind, count, channels) = match node.layer {
            Layer::Attention(Heads { heads, head_dim }) => (UnitKind::Head, heads, head_dim),
            Layer::WindowAttention(windows) => (UnitKind::Head, windows.heads, windows.head_dim),
            Layer::Activation(_) => (UnitKind::Neuron, node.channels, 1),
            _ => return None,
        };
        let is_linear = |id: NodeId| matches!(self.nodes[id].layer, Layer::Linear { .. });
        let before = node.inputs[0];
        let (&[_], &[after]) = (self.readers(before), self.readers(id)) else {
            return None;
        };
        let &[add] = self.readers(after) else {
            return None;
        };
        let branch = self.nodes[add].layer == Layer::Add && self.nodes[add].inputs[1] == after;
        (is_linear(before) && is_linear(after) && branch).then_some(Units {
            kind,
            count,
            channels,
            before,
            node: id,
            after,
            add,
        })
    }

    /// The layer whose bias or shift can take up a constant that is added to the output of `id` at all tokens, in place of
    /// what is left of a branch without units; none if that is made without a bias.
    pub(crate) fn shifted_by(&self, id: NodeId) -> Option<NodeId> {
        let node = &self.nodes[id];
        match node.layer {
            Layer::Linear { bias: true } | Layer::LayerNorm { .. } | Layer::Positions { .. } => {
                Some(id)
            }
            Layer::Add => {
                let mut inputs = node.inputs.iter().rev();
                inputs.find_map(|&input| self.shifted_by(input))
            }
            Layer::Select { .. } => self.shifted_by(node.inputs[0]),
            _ => None,
        }
    }

    /// Whether all of `units` may go: what their branch adds without them is a constant.
    pub fn may_go(&self, units: &Units) -> bool {
        self.shifted_by(self.nodes[units.add].inputs[0]).is_some()
    }

    /// Multiply-accumulates of one item with `tokens` tokens, if items have any number of them.
    pub fn macs_with(&self, tokens: usize) -> u64 {
        let macs = |node: &Node| self.macs(node, self.tokens_with(node, tokens));
        self.nodes.iter().filter_map(macs).sum()
    }

    /// Those that one of `units` does of them: all of a unit are in the layers that make, attend and take up.
    pub fn unit_macs(&self, units: &Units, tokens: usize) -> u64 {
        let macs = |id: NodeId| {
            let node = &self.nodes[id];
            self.macs(node, self.tokens_with(node, tokens)).unwrap_or(0)
        };
        let all: u64 = [units.before, units.node, units.after]
            .map(macs)
            .iter()
            .sum();
        all / units.count as u64
    }

    fn tokens_with(&self, node: &Node, tokens: usize) -> usize {
        match node.axis {
            Axis::Token => tokens,
            Axis::Item => node.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::architecture::{BertConfig, Config, PerBlock, TextHead, TextPooling, Widths};

    use super::*;

    #[test]
    fn only_branches_of_a_residual_have_units() {
        // A dense layer with an activation in the head is none.
        let head = TextHead::Text {
            pooling: TextPooling::First,
            dense: Some(crate::graph::Activation::Tanh),
        };
        let config = BertConfig {
            head,
            classes: 3,
            ..BertConfig::minilm()
        };
        let graph = config.graph();
        assert_eq!(graph.units().len(), 2 * config.depth);
        for name in Config::names() {
            let config = Config::named(name).unwrap();
            let units = config.graph().units();
            assert_eq!(units.len(), 2 * config.blocks().len(), "{name}");
        }
    }

    /// What is counted for the units and for the rest is what is counted for the model, pruned or not.
    #[test]
    fn the_work_of_a_model_is_linear_in_its_units() {
        for name in ["swin-t", "vit-t", "minilm-l6"] {
            let config = Config::named(name).unwrap();
            let count = |graph: &Graph| {
                let of = |units: &Units| units.count as u64 * graph.unit_macs(units, 40);
                (
                    graph.macs_with(40),
                    graph.units().iter().map(of).sum::<u64>(),
                )
            };
            let (all, in_units) = count(&config.graph());
            let mut pruned = config.clone();
            let depths = config.depths().to_vec();
            pruned.set_widths(PerBlock::each(&depths, |stage, block| Widths {
                heads: 1 + block % 2,
                head_dim: 32,
                hidden: 7 + stage + 3 * block,
            }));
            let (fewer, in_fewer) = count(&pruned.graph());
            assert!(fewer < all);
            assert_eq!(all - in_units, fewer - in_fewer, "{name}");
        }
    }
}
