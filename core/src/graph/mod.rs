//! The topology of a model as data: a graph of layers that counting, calibration, float execution and
//! lowering walk.
//!
//! An architecture builds its graph once ([`Config::graph`](crate::architecture::Config::graph)); nothing
//! else knows the order of its layers.
//!
//! # Examples
//!
//! A walk of one's own: through how many matrix products does an image go, one after the other?
//!
//! ```
//! use intformer::{graph::Layer, architecture::SwinConfig};
//!
//! let graph = SwinConfig::tiny().graph();
//! let depth = graph.walk(|id, inputs: &[&usize]| {
//!     let before = inputs.iter().copied().max().copied().unwrap_or(0);
//!     Ok::<_, intformer::Error>(match graph.nodes()[id].layer {
//!         Layer::PatchEmbed { .. } | Layer::Linear { .. } => before + 1,
//!         // Queries by keys, then by values.
//!         Layer::WindowAttention(_) => before + 2,
//!         _ => before,
//!     })
//! })?;
//! // Six in each of 12 blocks, three mergings, the patches and the head.
//! assert_eq!(depth, [6 * 12 + 3 + 2]);
//! # Ok::<(), intformer::Error>(())
//! ```

mod axis;
mod builder;
mod census;
mod streams;
mod units;
mod windows;

pub use axis::{Axis, Pooling, TokenLimits};
pub use census::Census;
pub(crate) use streams::{Stream, Streams};
pub use units::{UnitKind, Units};
pub use windows::Windows;

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// A function of single values: between the two linear layers of a block's MLP, or in a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Activation {
    /// The exact (erf) GELU.
    Gelu,
    /// GELU by the tanh of a polynomial, as arXiv 1606.08415 approximates it.
    #[serde(rename = "gelu_tanh")]
    GeluTanh,
    /// max(0, x).
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Display for Activation {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
        })
    }
}

/// What a model puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputKind {
    /// A number for each class.
    Logits,
    /// A number for each class, for each token.
    TokenLogits,
    /// A number for each class, for each token of an image: dense prediction.
    MapLogits,
    /// One vector for the whole item: pooled features.
    Pooled,
    /// A vector for each token.
    Sequence,
}

/// What a node does with its inputs. Tensors are `[tokens, channels]` for each item of a batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Layer {
    /// The image: a token is a pixel, row by row. No inputs.
    Pixels {
        /// Height and width.
        size: [usize; 2],
    },
    /// A text: ids of tokens, each in a segment. No inputs.
    Tokens(TokenLimits),
    /// For each token the sum of its rows of three tables: of its id, its place in the text, its segment.
    ///
    /// Parameters: `{site}.word.weight` `[vocabulary, channels]`, `{site}.position.weight` `[positions, channels]`,
    /// `{site}.segment.weight` `[segments, channels]`.
    Embedding(TokenLimits),
    /// The pixels of non-overlapping square patches through a linear map.
    ///
    /// Parameters: `{site}.weight` `[outputs, channels, patch, patch]`, `{site}.bias` `[outputs]`.
    PatchEmbed {
        /// Patches down and across.
        grid: [usize; 2],
        /// Side of a patch.
        patch: usize,
    },
    /// Normalization over the channels with gain and shift.
    ///
    /// Parameters: `{site}.weight` `[channels]`, `{site}.bias` `[channels]`.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// `x * weight^T + bias`.
    ///
    /// Parameters: `{site}.weight` `[outputs, inputs]`, `{site}.bias` `[outputs]` if `bias`.
    Linear {
        /// Whether there is a bias.
        bias: bool,
    },
    /// Multi-head attention inside (shifted) windows; the input holds queries, keys and values, and is
    /// the output of a [`Layer::Linear`]. Where [`Windows::pads`], the windows also hold tokens whose
    /// query, key and value are the bias of that layer, or 0 without one.
    ///
    /// Parameters: `{site}.relative_position_bias_table` `[bias_entries, heads]`.
    WindowAttention(Windows),
    /// Multi-head attention of each token to all tokens of its item; the input holds queries, keys and values, and
    /// is the output of a [`Layer::Linear`].
    Attention(Heads),
    /// Learned tokens before those of the input, and a learned vector for each place added to all.
    ///
    /// Parameters: `{site}.prefix.weight` `[prefix, channels]` if there are such, `{site}.position.weight`
    /// `[tokens, channels]`.
    Positions {
        /// Tokens before those of the input.
        prefix: usize,
    },
    /// A function of single values.
    Activation(Activation),
    /// The sum of two inputs: the residual stream, the first, takes up a branch.
    Add,
    /// The four tokens of every 2x2 cell side by side, in the order (y, x) = (0,0), (1,0), (0,1), (1,1).
    /// Past an odd side of the map tokens are zero.
    PatchMerge {
        /// Height and width of the map.
        map: [usize; 2],
    },
    /// The mean over the tokens.
    MeanPool,
    /// One of the tokens.
    Pick {
        /// Which, from 0.
        token: usize,
    },
    /// Some of the tokens of a residual, which goes on with them alone.
    Select {
        /// Which, from 0, in the order of the output.
        tokens: Vec<usize>,
    },
    /// One vector of all tokens but the first `first`.
    Pool {
        /// What becomes of them.
        pooling: Pooling,
        /// How many are left out.
        first: usize,
    },
}

/// The heads of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// How many.
    pub heads: usize,
    /// Channels of each.
    pub head_dim: usize,
}

/// Index of a node in its graph.
pub type NodeId = usize;

/// A layer in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The name of the place: the prefix of its parameters where it has some
    /// (`layers.0.blocks.1.attn.qkv`), a unique name elsewhere.
    pub site: String,
    /// What it does.
    pub layer: Layer,
    /// The nodes whose outputs it reads, earlier ones.
    pub inputs: Vec<NodeId>,
    /// Whether items have as many tokens each, or any number of them.
    pub axis: Axis,
    /// Tokens of its output, for each item; where items have any number of them, at most.
    pub tokens: usize,
    /// Channels of its output.
    pub channels: usize,
}

impl Node {
    /// The name under which calibration knows the output. Under its site a normalization is known
    /// before gain and shift.
    pub fn observed(&self) -> String {
        match self.layer {
            Layer::LayerNorm { .. } => format!("{}.out", self.site),
            _ => self.site.clone(),
        }
    }
}

/// The layers of a model in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    /// What the model puts out, in order.
    outputs: Vec<(OutputKind, NodeId)>,
    /// Of each node, those that read its output.
    readers: Vec<Vec<NodeId>>,
}

impl Graph {
    /// All nodes; inputs come before their readers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes that read the output of `id`, in order.
    pub fn readers(&self, id: NodeId) -> &[NodeId] {
        &self.readers[id]
    }

    /// What the model puts out, in order: each a node of its own.
    pub fn outputs(&self) -> &[(OutputKind, NodeId)] {
        &self.outputs
    }

    /// Whether the output of `id` is a residual: what a branch is added to, or some tokens of which are one.
    pub fn is_residual(&self, id: NodeId) -> bool {
        self.readers[id]
            .iter()
            .any(|&reader| match self.nodes[reader].layer {
                Layer::Add => self.nodes[reader].inputs[0] == id,
                Layer::Select { .. } => self.is_residual(reader),
                _ => false,
            })
    }

    /// Names and shapes of a node's parameters.
    pub fn params(&self, node: &Node) -> Vec<(String, Vec<usize>)> {
        let outputs = node.channels;
        let inputs = node.inputs.first().map_or(0, |&id| self.nodes[id].channels);
        let shapes = match node.layer {
            Layer::PatchEmbed { patch, .. } => vec![
                ("weight", vec![outputs, inputs, patch, patch]),
                ("bias", vec![outputs]),
            ],
            Layer::LayerNorm { .. } => vec![("weight", vec![outputs]), ("bias", vec![outputs])],
            Layer::Linear { bias: true } => {
                vec![("weight", vec![outputs, inputs]), ("bias", vec![outputs])]
            }
            Layer::Linear { bias: false } => vec![("weight", vec![outputs, inputs])],
            Layer::WindowAttention(windows) => vec![(
                "relative_position_bias_table",
                vec![windows.bias_entries(), windows.heads],
            )],
            Layer::Embedding(limits) => {
                let TokenLimits {
                    vocabulary,
                    positions,
                    segments,
                } = limits;
                let table = |rows: u32| vec![rows as usize, outputs];
                vec![
                    ("word.weight", table(vocabulary)),
                    ("position.weight", table(positions)),
                    ("segment.weight", table(segments)),
                ]
            }
            Layer::Positions { prefix } => {
                let prefix = (prefix > 0).then(|| ("prefix.weight", vec![prefix, outputs]));
                let position = ("position.weight", vec![node.tokens, outputs]);
                prefix.into_iter().chain([position]).collect()
            }
            Layer::Pixels { .. }
            | Layer::Tokens(_)
            | Layer::Attention(_)
            | Layer::Activation(_)
            | Layer::Add
            | Layer::PatchMerge { .. }
            | Layer::MeanPool
            | Layer::Pick { .. }
            | Layer::Select { .. }
            | Layer::Pool { .. } => Vec::new(),
        };
        let named = |(name, shape)| (format!("{}.{name}", node.site), shape);
        shapes.into_iter().map(named).collect()
    }

    /// Runs the layers: `run` makes the value of each node of those of its inputs, which are dropped
    /// after their last reader. Gives those of the outputs.
    ///
    /// # Errors
    /// The first of `run`.
    pub fn walk<T, E>(
        &self,
        mut run: impl FnMut(NodeId, &[&T]) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let kept = |id: NodeId| self.outputs.iter().any(|&(_, output)| output == id);
        let mut values: Vec<Option<T>> = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter().enumerate() {
            let inputs = node
                .inputs
                .iter()
                .filter_map(|&input| values[input].as_ref());
            let inputs: Vec<&T> = inputs.collect();
            let value = run(id, &inputs)?;
            values.push(Some(value));
            for &input in &node.inputs {
                if self.readers[input].last() == Some(&id) && !kept(input) {
                    values[input] = None;
                }
            }
        }
        let outputs = self.outputs.iter();
        Ok(outputs.filter_map(|&(_, id)| values[id].take()).collect())
    }
}
