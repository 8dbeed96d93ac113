//! What a model consists of: parameter names and shapes, and multiply-accumulates.

use super::{Graph, Layer, Node};

/// The parameters of a model and the work of one item; of a text as long as can be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Canonical names with shapes, in the order of the forward pass.
    pub params: Vec<(String, Vec<usize>)>,
    /// Multiply-accumulates of one item by site, in order.
    pub macs: Vec<(String, u64)>,
}

impl Census {
    /// Counts the model of `graph`.
    pub fn of(graph: &Graph) -> Self {
        let nodes = graph.nodes().iter();
        let work = |node: &Node| {
            let macs = graph.macs(node, node.tokens)?;
            Some((node.site.clone(), macs))
        };
        Self {
            params: nodes.clone().flat_map(|node| graph.params(node)).collect(),
            macs: nodes.filter_map(work).collect(),
        }
    }

    /// Elements of all parameters.
    pub fn elements(&self) -> usize {
        let count = |(_, shape): &(String, Vec<usize>)| shape.iter().product::<usize>();
        self.params.iter().map(count).sum()
    }

    /// Multiply-accumulates of one item.
    pub fn total_macs(&self) -> u64 {
        self.macs.iter().map(|(_, macs)| macs).sum()
    }
}

impl Graph {
    /// Multiply-accumulates of `node` for one item that has `tokens` tokens there; `None` if it has no products.
    pub(super) fn macs(&self, node: &Node, tokens: usize) -> Option<u64> {
        let product =
            |extents: &[usize]| extents.iter().map(|&extent| extent as u64).product::<u64>();
        let macs = match node.layer {
            Layer::PatchEmbed { .. } | Layer::Linear { .. } => {
                let (_, weight) = self.params(node).swap_remove(0);
                product(&weight)
            }
            // Logits, and sums of values.
            Layer::WindowAttention(windows) => 2 * product(&windows.window) * node.channels as u64,
            Layer::Attention(_) => 2 * product(&[tokens, node.channels]),
            Layer::Pixels { .. }
            | Layer::Tokens(_)
            | Layer::Embedding(_)
            | Layer::Positions { .. }
            | Layer::LayerNorm { .. }
            | Layer::Activation(_)
            | Layer::Add
            | Layer::PatchMerge { .. }
            | Layer::MeanPool
            | Layer::Pick { .. }
            | Layer::Select { .. }
            | Layer::Pool { .. } => return None,
        };
        Some(tokens as u64 * macs)
    }
}

#[cfg(test)]
mod tests {
    use crate::architecture::{SwinConfig, census};

    /// Parameters as torchvision counts them; millions of MACs to the digit that papers state.
    #[test]
    fn counts_of_the_published_sizes() {
        let sizes = [
            (SwinConfig::tiny(), 28_288_354, 4_491),
            (SwinConfig::small(), 49_606_258, 8_741),
            (SwinConfig::base(), 87_768_224, 15_431),
            (SwinConfig::large(), 196_532_476, 34_476),
        ];
        for (config, params, macs) in sizes {
            let census = census(&config).unwrap();
            assert_eq!(census.elements(), params);
            assert_eq!((census.total_macs() + 500_000) / 1_000_000, macs);
        }
    }
}
