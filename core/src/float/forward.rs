//! The layers of a graph over burn tensors.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    tensor::{Device, Int, TensorData, activation, module},
};

use super::{
    Feed, Parameters,
    attention::{Attention, pad},
    feed::Filled,
    host,
};
use crate::{
    Error, Result,
    graph::{Activation, Graph, Heads, Layer, Node, NodeId, Pooling},
    quant::Observer,
};

/// A forward pass over [`Parameters`].
pub struct Forward<'a> {
    parameters: &'a Parameters,
    attention: &'a mut Attention,
    observer: Option<&'a mut dyn Observer>,
    tap: Option<Tap<'a>>,
    factors: Option<&'a Factors>,
}

/// What outputs are multiplied by, by site: `[1 or batch, 1, channels]`.
pub type Factors = BTreeMap<String, Tensor<3>>;

/// Keeps the outputs at some sites.
struct Tap<'a> {
    sites: Vec<String>,
    kept: &'a mut Vec<Tensor<3>>,
}

impl<'a> Forward<'a> {
    /// A pass over `parameters`.
    pub fn new(parameters: &'a Parameters, attention: &'a mut Attention) -> Self {
        Self {
            parameters,
            attention,
            observer: None,
            tap: None,
            factors: None,
        }
    }

    /// The same, and the outputs at the sites of `factors` are multiplied by them, before anything reads or sees them.
    pub fn multiplied(self, factors: &'a Factors) -> Self {
        Self {
            factors: Some(factors),
            ..self
        }
    }

    /// The same, and the outputs at `sites` are pushed to `kept` as they come, with their graph of
    /// gradients.
    pub fn tapped(self, sites: Vec<String>, kept: &'a mut Vec<Tensor<3>>) -> Self {
        Self {
            tap: Some(Tap { sites, kept }),
            ..self
        }
    }

    /// The same, and `observer` sees every output.
    pub fn observed(self, observer: &'a mut dyn Observer) -> Self {
        Self {
            observer: Some(observer),
            ..self
        }
    }

    /// Runs `graph` on a batch; gives `[batch, tokens, channels]` of each of its outputs.
    ///
    /// # Errors
    /// If a parameter is missing, or the graph takes something else.
    pub fn run(mut self, graph: &Graph, feed: impl Into<Feed>) -> Result<Vec<Tensor<3>>> {
        let feed = feed.into();
        graph.walk(|id, inputs| self.node(graph, id, inputs, &feed))
    }

    /// The same, but gives the output of every node up to `last`.
    ///
    /// # Errors
    /// As [`Forward::run`].
    pub(super) fn every(
        mut self,
        graph: &Graph,
        feed: &Feed,
        last: NodeId,
    ) -> Result<Vec<Tensor<3>>> {
        let mut values: Vec<Tensor<3>> = Vec::with_capacity(last + 1);
        for (id, node) in graph.nodes().iter().enumerate().take(last + 1) {
            let inputs: Vec<_> = node.inputs.iter().map(|&input| &values[input]).collect();
            let value = self.node(graph, id, &inputs, feed)?;
            values.push(value);
        }
        Ok(values)
    }

    fn node(
        &mut self,
        graph: &Graph,
        id: usize,
        inputs: &[&Tensor<3>],
        feed: &Feed,
    ) -> Result<Tensor<3>> {
        let node = &graph.nodes()[id];
        match (&node.layer, feed) {
            (Layer::Pixels { .. }, Feed::Images(images)) => return Ok(images.clone()),
            // Only an embedding reads it, which looks up the tokens themselves.
            (Layer::Tokens(_), Feed::Texts { ids, .. }) => {
                return Ok(ids.clone().float().unsqueeze_dim(2));
            }
            (Layer::Pixels { .. } | Layer::Tokens(_), _) => return Err(other_items()),
            _ => {}
        }
        let mut out = match (&node.layer, feed) {
            (Layer::Embedding(_), Feed::Texts { ids, segments, .. }) => {
                self.embedding(&node.site, ids, segments)?
            }
            _ => self.layer(graph, node, inputs, feed.filled())?,
        };
        if let Some(factor) = self.factors.and_then(|factors| factors.get(&node.site)) {
            out = out * factor.clone();
        }
        Ok(self.see(&node.observed(), out))
    }

    /// The sum of the rows of three tables for each token.
    fn embedding(
        &self,
        site: &str,
        ids: &Tensor<2, Int>,
        segments: &Tensor<2, Int>,
    ) -> Result<Tensor<3>> {
        let [batch, tokens] = ids.dims();
        let table = |name: &str| self.parameters.matrix(&format!("{site}.{name}.weight"));
        let [word, position, segment] = [table("word")?, table("position")?, table("segment")?];
        let channels = word.dims()[1];
        let rows = |table: Tensor<2>, indices: &Tensor<2, Int>| -> Tensor<3> {
            let flat = indices.clone().reshape([batch * tokens]);
            table.select(0, flat).reshape([batch, tokens, channels])
        };
        let places = position.narrow(0, 0, tokens);
        let places = places.reshape([1, tokens, channels]);
        Ok(rows(word, ids) + rows(segment, segments) + places)
    }

    /// The output of a node that reads `inputs`, and neither pixels nor tokens.
    pub(super) fn layer(
        &mut self,
        graph: &Graph,
        node: &Node,
        inputs: &[&Tensor<3>],
        filled: Option<&Filled>,
    ) -> Result<Tensor<3>> {
        let site = &node.site;
        let x = inputs[0].clone();
        Ok(match node.layer {
            Layer::Pixels { .. } | Layer::Tokens(_) | Layer::Embedding(_) => {
                return Err(other_items());
            }
            Layer::PatchEmbed {
                grid: [height, width],
                patch,
            } => {
                let [batch, _, channels] = x.dims();
                let patches = x
                    .reshape([batch, height, patch, width, patch, channels])
                    .permute([0, 1, 3, 5, 2, 4])
                    .reshape([batch, height * width, channels * patch * patch]);
                self.affine(site, patches, true)?
            }
            Layer::LayerNorm { eps } => {
                let gain = self.parameters.vector(&format!("{site}.weight"))?;
                let shift = self.parameters.vector(&format!("{site}.bias"))?;
                if self.observer.is_some() {
                    let unit = Tensor::ones([node.channels], &x.device());
                    let normalized = module::layer_norm(x.clone(), unit, None, eps);
                    self.see(site, normalized);
                }
                module::layer_norm(x, gain, Some(shift), eps)
            }
            Layer::Linear { bias } => self.affine(site, x, bias)?,
            Layer::WindowAttention(windows) => {
                let table = format!("{site}.relative_position_bias_table");
                let table = self.parameters.matrix(&table)?;
                let qkv = &graph.nodes()[node.inputs[0]].site;
                let padding = match windows.pads() {
                    true => self.parameters.vector(&format!("{qkv}.bias")).ok(),
                    false => None,
                };
                self.attention.forward(x, table, padding, &windows)
            }
            Layer::Attention(Heads { heads, head_dim }) => {
                let [batch, tokens, _] = x.dims();
                let split = x
                    .reshape([batch, tokens, 3, heads, head_dim])
                    .permute([0, 2, 3, 1, 4])
                    .reshape([batch, 3, heads * tokens, head_dim]);
                let part = |which: usize| -> Tensor<4> {
                    let part = split.clone().slice_dim(1, which..which + 1);
                    part.reshape([batch, heads, tokens, head_dim])
                };
                let query = part(0).mul_scalar((head_dim as f64).powf(-0.5));
                let mut scores = query.matmul(part(1).transpose());
                if let Some(filled) = filled {
                    scores = scores + filled.scores.clone();
                }
                activation::softmax(scores, 3)
                    .matmul(part(2))
                    .permute([0, 2, 1, 3])
                    .reshape([batch, tokens, heads * head_dim])
            }
            Layer::Positions { prefix } => {
                let [batch, _, channels] = x.dims();
                let places = self.parameters.matrix(&format!("{site}.position.weight"))?;
                let places = places.reshape([1, node.tokens, channels]);
                let tokens = match prefix {
                    0 => x,
                    _ => {
                        let first = self.parameters.matrix(&format!("{site}.prefix.weight"))?;
                        let first = first.reshape([1, prefix, channels]);
                        Tensor::cat(vec![first.expand([batch, prefix, channels]), x], 1)
                    }
                };
                tokens + places
            }
            Layer::Activation(Activation::Gelu) => activation::gelu(x),
            Layer::Activation(Activation::GeluTanh) => activation::gelu_approximate(x),
            Layer::Activation(Activation::Relu) => activation::relu(x),
            Layer::Activation(Activation::Tanh) => activation::tanh(x),
            Layer::Add => x + inputs[1].clone(),
            Layer::PatchMerge {
                map: [height, width],
            } => {
                let [batch, _, channels] = x.dims();
                let [down, across] = [height, width].map(|extent| extent.div_ceil(2));
                let zero = Tensor::zeros([1, 1, 1, channels], &x.device());
                let map = x.reshape([batch, height, width, channels]);
                pad(map, zero, [2 * down, 2 * across])
                    .reshape([batch, down, 2, across, 2, channels])
                    .permute([0, 1, 3, 4, 2, 5])
                    .reshape([batch, down * across, 4 * channels])
            }
            Layer::MeanPool => x.mean_dim(1),
            Layer::Pick { token } => x.narrow(1, token, 1),
            Layer::Select { ref tokens } => x.clone().select(1, places(tokens, &x.device())),
            Layer::Pool { pooling, first } => {
                let kept = x.dims()[1] - first;
                let kept = x.narrow(1, first, kept);
                match (pooling, filled) {
                    (Pooling::Mean, None) => kept.mean_dim(1),
                    (Pooling::Max, None) => kept.max_dim(1),
                    (Pooling::Mean, Some(filled)) => filled.mean(kept, first),
                    (Pooling::Max, Some(filled)) => filled.max(kept, first),
                }
            }
        })
    }

    fn see(&mut self, site: &str, x: Tensor<3>) -> Tensor<3> {
        if let Some(observer) = &mut self.observer {
            let channels = x.dims()[2];
            observer.observe(site, channels, &host(x.clone()));
        }
        if let Some(tap) = &mut self.tap
            && tap.sites.iter().any(|wanted| wanted == site)
        {
            tap.kept.push(x.clone());
        }
        x
    }

    /// `x * weight^T + bias` over all rows of the batch in one product.
    fn affine(&self, site: &str, x: Tensor<3>, bias: bool) -> Result<Tensor<3>> {
        let [batch, tokens, inputs] = x.dims();
        let weight = self.parameters.matrix(&format!("{site}.weight"))?;
        let outputs = weight.dims()[0];
        let bias = match bias {
            true => Some(self.parameters.vector(&format!("{site}.bias"))?),
            false => None,
        };
        let rows = x.reshape([batch * tokens, inputs]);
        let out = module::linear(rows, weight.transpose(), bias);
        Ok(out.reshape([batch, tokens, outputs]))
    }
}

/// Indices as a tensor.
pub(crate) fn places(places: &[usize], device: &Device) -> Tensor<1, Int> {
    let data: Vec<i64> = places.iter().map(|&place| place as i64).collect();
    Tensor::from_data(TensorData::new(data, [places.len()]), device)
}

fn other_items() -> Error {
    Error::Run("expected items of the kind that the model takes, found others".to_owned())
}
