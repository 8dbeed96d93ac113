//! Building a graph, layer by layer.

use super::{
    Activation, Axis, Graph, Heads, Layer, Node, NodeId, OutputKind, Pooling, TokenLimits, Windows,
};

/// Building a graph: each layer at its site, whose output's node is returned.
impl Graph {
    fn push(
        &mut self,
        site: impl Into<String>,
        layer: Layer,
        inputs: &[NodeId],
        [tokens, channels]: [usize; 2],
    ) -> NodeId {
        let first = inputs.first().map(|&id| self.nodes[id].axis);
        let axis = match layer {
            Layer::Tokens(_) => Axis::Token,
            Layer::Pick { .. } | Layer::Pool { .. } => Axis::Item,
            _ => first.unwrap_or_default(),
        };
        let id = self.nodes.len();
        for &input in inputs {
            self.readers[input].push(id);
        }
        self.readers.push(Vec::new());
        self.nodes.push(Node {
            site: site.into(),
            layer,
            inputs: inputs.to_vec(),
            axis,
            tokens,
            channels,
        });
        id
    }

    fn shape(&self, id: NodeId) -> [usize; 2] {
        [self.nodes[id].tokens, self.nodes[id].channels]
    }

    /// [`Layer::Pixels`] of `size` with `channels`.
    pub fn pixels(&mut self, site: impl Into<String>, size: [usize; 2], channels: usize) -> NodeId {
        self.push(
            site,
            Layer::Pixels { size },
            &[],
            [size[0] * size[1], channels],
        )
    }

    /// [`Layer::Tokens`] within `limits`.
    pub fn tokens(&mut self, site: impl Into<String>, limits: TokenLimits) -> NodeId {
        let shape = [limits.positions as usize, 1];
        self.push(site, Layer::Tokens(limits), &[], shape)
    }

    /// [`Layer::Embedding`] of `tokens` within `limits`, which are theirs.
    pub fn embedding(
        &mut self,
        site: impl Into<String>,
        tokens: NodeId,
        limits: TokenLimits,
        outputs: usize,
    ) -> NodeId {
        let [count, _] = self.shape(tokens);
        self.push(site, Layer::Embedding(limits), &[tokens], [count, outputs])
    }

    /// [`Layer::PatchEmbed`] to `outputs` channels.
    pub fn patch_embed(
        &mut self,
        site: impl Into<String>,
        image: NodeId,
        (grid, patch): ([usize; 2], usize),
        outputs: usize,
    ) -> NodeId {
        let layer = Layer::PatchEmbed { grid, patch };
        self.push(site, layer, &[image], [grid[0] * grid[1], outputs])
    }

    /// [`Layer::LayerNorm`].
    pub fn layer_norm(&mut self, site: impl Into<String>, x: NodeId, eps: f64) -> NodeId {
        self.push(site, Layer::LayerNorm { eps }, &[x], self.shape(x))
    }

    /// [`Layer::Linear`] to `outputs` channels.
    pub fn linear(
        &mut self,
        site: impl Into<String>,
        x: NodeId,
        outputs: usize,
        bias: bool,
    ) -> NodeId {
        let [tokens, _] = self.shape(x);
        self.push(site, Layer::Linear { bias }, &[x], [tokens, outputs])
    }

    /// [`Layer::WindowAttention`] over `qkv`.
    pub fn window_attention(
        &mut self,
        site: impl Into<String>,
        qkv: NodeId,
        windows: Windows,
    ) -> NodeId {
        let [tokens, _] = self.shape(qkv);
        let channels = windows.heads * windows.head_dim;
        self.push(
            site,
            Layer::WindowAttention(windows),
            &[qkv],
            [tokens, channels],
        )
    }

    /// [`Layer::Attention`] over `qkv`.
    pub fn attention(&mut self, site: impl Into<String>, qkv: NodeId, heads: Heads) -> NodeId {
        let [tokens, _] = self.shape(qkv);
        let channels = heads.heads * heads.head_dim;
        self.push(site, Layer::Attention(heads), &[qkv], [tokens, channels])
    }

    /// [`Layer::Positions`] with `prefix` tokens before those of `x`.
    pub fn positions(&mut self, site: impl Into<String>, x: NodeId, prefix: usize) -> NodeId {
        let [tokens, channels] = self.shape(x);
        self.push(
            site,
            Layer::Positions { prefix },
            &[x],
            [prefix + tokens, channels],
        )
    }

    /// [`Layer::Activation`].
    pub fn activation(
        &mut self,
        site: impl Into<String>,
        x: NodeId,
        activation: Activation,
    ) -> NodeId {
        self.push(site, Layer::Activation(activation), &[x], self.shape(x))
    }

    /// [`Layer::Add`] of `branch` to `x`.
    pub fn add(&mut self, site: impl Into<String>, x: NodeId, branch: NodeId) -> NodeId {
        self.push(site, Layer::Add, &[x, branch], self.shape(x))
    }

    /// [`Layer::PatchMerge`] of a map of height and width `map`.
    pub fn patch_merge(&mut self, site: impl Into<String>, x: NodeId, map: [usize; 2]) -> NodeId {
        let [down, across] = map.map(|extent| extent.div_ceil(2));
        let [_, channels] = self.shape(x);
        self.push(
            site,
            Layer::PatchMerge { map },
            &[x],
            [down * across, 4 * channels],
        )
    }

    /// The output of `x` as one of the model's.
    ///
    /// # Panics
    /// If it is one already.
    pub fn output(&mut self, kind: OutputKind, x: NodeId) {
        let taken = self.outputs.iter().any(|&(_, output)| output == x);
        assert!(!taken, "{} is an output already", self.nodes[x].site);
        self.outputs.push((kind, x));
    }

    /// [`Layer::Pick`] of `token`.
    pub fn pick(&mut self, site: impl Into<String>, x: NodeId, token: usize) -> NodeId {
        let [_, channels] = self.shape(x);
        self.push(site, Layer::Pick { token }, &[x], [1, channels])
    }

    /// [`Layer::Select`] of `tokens`.
    pub fn select(&mut self, site: impl Into<String>, x: NodeId, tokens: Vec<usize>) -> NodeId {
        let shape = [tokens.len(), self.nodes[x].channels];
        self.push(site, Layer::Select { tokens }, &[x], shape)
    }

    /// [`Layer::Pool`] of all tokens but the first `first`.
    pub fn pool(
        &mut self,
        site: impl Into<String>,
        x: NodeId,
        pooling: Pooling,
        first: usize,
    ) -> NodeId {
        let [_, channels] = self.shape(x);
        self.push(site, Layer::Pool { pooling, first }, &[x], [1, channels])
    }

    /// [`Layer::MeanPool`].
    pub fn mean_pool(&mut self, site: impl Into<String>, x: NodeId) -> NodeId {
        let [_, channels] = self.shape(x);
        self.push(site, Layer::MeanPool, &[x], [1, channels])
    }
}
