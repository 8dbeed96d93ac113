//! The configuration of an encoder of texts.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    architecture::{
        Block, PerBlock, Widths,
        block::{everywhere, is_everywhere},
        bounds::{self, MAX_CHANNELS, MAX_TOKENS},
    },
    graph::{Activation, OutputKind, TokenLimits},
};

/// The most ids of a vocabulary.
const MAX_VOCABULARY: usize = 1 << 20;

/// Hyper-parameters of an encoder of texts as BERT (arXiv 1810.04805).
///
/// # Examples
///
/// A published size with another head:
///
/// ```
/// use intformer::architecture::{Activation, BertConfig, TextHead, TextPooling};
///
/// let config = BertConfig {
///     head: TextHead::Text { pooling: TextPooling::First, dense: Some(Activation::Tanh) },
///     classes: 2,
///     ..BertConfig::minilm()
/// };
/// config.validate()?;
/// assert!(config.to_string().ends_with("2 classes"));
///
/// let odd = BertConfig { heads: 5, ..config };
/// let error = odd.validate().unwrap_err().to_string();
/// assert!(error.contains("expected heads that divide 384 channels"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BertConfig {
    /// Ids of tokens that there are.
    pub vocabulary: usize,
    /// Tokens that a text may have.
    pub positions: usize,
    /// Segments that there are: 2 for a model of pairs of texts.
    pub segments: usize,
    /// Channels of a token.
    pub embed_dim: usize,
    /// Channels of the tables, where a product follows that makes others of them (ELECTRA).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_dim: Option<usize>,
    /// Blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Hidden channels of the MLP.
    pub hidden: usize,
    /// What becomes of the last block's tokens.
    pub head: TextHead,
    /// Classes of the head; 0 for embeddings.
    pub classes: usize,
    /// Added to the variance in every layer normalization.
    pub layer_norm_eps: f64,
    /// The activation of the MLPs.
    pub activation: PerBlock<Activation>,
    /// Whether the first linear layer of an MLP has a bias.
    #[serde(default = "everywhere", skip_serializing_if = "is_everywhere")]
    pub fc1_bias: PerBlock<bool>,
    /// The widths of each block, where they differ: what pruning leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widths: Option<PerBlock<Widths>>,
}

/// What an encoder of texts ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextHead {
    /// A vector for each text.
    Embedding {
        /// How it is made of those of the tokens.
        pooling: TextPooling,
        /// Whether sentence-transformers would make its length 1. What the model puts out is not normalized: cosines do
        /// not depend on lengths.
        normalized: bool,
    },
    /// Classes of texts, or one number for each.
    Text {
        /// What they come from: the first token, or, without a dense layer, the mean.
        #[serde(default, skip_serializing_if = "TextPooling::is_first")]
        pooling: TextPooling,
        /// The activation of a dense layer before the last, if there is one (BERT's pooler).
        dense: Option<Activation>,
    },
    /// Classes of tokens.
    Tokens,
}

/// How a vector for a text is made of those of its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextPooling {
    /// That of the first token.
    #[default]
    First,
    /// The mean.
    Mean,
    /// The largest, by channel.
    Max,
}

impl TextPooling {
    fn is_first(&self) -> bool {
        *self == Self::First
    }
}

impl TextHead {
    /// Whether it asks for the first token alone.
    pub(super) fn is_of_first(self) -> bool {
        match self {
            Self::Embedding { pooling, .. } | Self::Text { pooling, .. } => pooling.is_first(),
            Self::Tokens => false,
        }
    }
}

impl BertConfig {
    /// The size of all-MiniLM-L6-v2: the mean of 384 channels.
    pub fn minilm() -> Self {
        Self {
            vocabulary: 30_522,
            positions: 512,
            segments: 2,
            embed_dim: 384,
            embedding_dim: None,
            depth: 6,
            heads: 12,
            hidden: 1536,
            head: TextHead::Embedding {
                pooling: TextPooling::Mean,
                normalized: true,
            },
            classes: 0,
            layer_norm_eps: 1e-12,
            activation: PerBlock::All(Activation::Gelu),
            fc1_bias: everywhere(),
            widths: None,
        }
    }

    /// BERT-base without a head: the mean of 768 channels.
    pub fn base() -> Self {
        Self {
            embed_dim: 768,
            depth: 12,
            hidden: 3072,
            ..Self::minilm()
        }
    }

    /// DistilBERT-base without a head.
    pub fn distil() -> Self {
        Self {
            segments: 1,
            depth: 6,
            ..Self::base()
        }
    }

    /// Makes it one of classes of texts: by the head it has, or else from the first token or the mean, as it pools.
    pub(in crate::architecture) fn set_classes(&mut self, classes: usize) {
        let (pooling, dense) = match self.head {
            TextHead::Text { pooling, dense } => (pooling, dense),
            TextHead::Embedding {
                pooling: TextPooling::Mean | TextPooling::Max,
                ..
            } => (TextPooling::Mean, None),
            TextHead::Embedding { .. } | TextHead::Tokens => (TextPooling::First, None),
        };
        self.head = TextHead::Text { pooling, dense };
        self.classes = classes;
    }

    /// What tokens are below.
    pub fn limits(&self) -> TokenLimits {
        TokenLimits {
            vocabulary: self.vocabulary as u32,
            positions: self.positions as u32,
            segments: self.segments as u32,
        }
    }

    /// What the names of the operations and parameters of `block` begin with.
    pub fn site(&self, block: Block) -> String {
        format!("blocks.{}", block.block)
    }

    /// The widths of block `block`.
    ///
    /// # Panics
    /// If there are no heads.
    pub fn widths(&self, block: usize) -> Widths {
        Widths::of(
            &self.widths,
            block,
            [self.embed_dim, self.heads, self.hidden],
        )
    }

    /// What a text, or each of its tokens, becomes: logits of the classes, or an embedding.
    pub fn outputs(&self) -> usize {
        match self.head {
            TextHead::Embedding { .. } => self.embed_dim,
            TextHead::Text { .. } | TextHead::Tokens => self.classes,
        }
    }

    /// What that is.
    pub fn output_kind(&self) -> OutputKind {
        match self.head {
            TextHead::Embedding { .. } => OutputKind::Pooled,
            TextHead::Text { .. } => OutputKind::Logits,
            TextHead::Tokens => OutputKind::TokenLogits,
        }
    }

    /// Checks that a model of this configuration exists.
    ///
    /// # Errors
    /// [`Error::Config`] with what was expected and found.
    pub fn validate(&self) -> Result<()> {
        bounds::counts([
            ("ids of tokens", self.vocabulary, MAX_VOCABULARY),
            ("positions", self.positions, MAX_TOKENS),
            ("segments", self.segments, 64),
            ("channels", self.embed_dim, MAX_CHANNELS),
            (
                "channels of the tables",
                self.embedding_dim.unwrap_or(1),
                MAX_CHANNELS,
            ),
            ("blocks", self.depth, 256),
            ("heads", self.heads, MAX_CHANNELS),
            ("hidden channels", self.hidden, 4 * MAX_CHANNELS),
        ])?;
        let depths = [self.depth];
        bounds::per_block(&depths, &self.activation, &self.fc1_bias, &self.widths)?;
        bounds::head(self.classes, self.layer_norm_eps)?;
        let is_embedding = matches!(self.head, TextHead::Embedding { .. });
        if is_embedding != (self.classes == 0) {
            return Err(Error::Config(format!(
                "expected classes for a head of classes alone, found {} for {:?}",
                self.classes, self.head
            )));
        }
        let is_known = match self.head {
            TextHead::Text { pooling, dense } => {
                pooling.is_first() || (pooling == TextPooling::Mean && dense.is_none())
            }
            TextHead::Embedding { .. } | TextHead::Tokens => true,
        };
        if !is_known {
            return Err(Error::Config(format!(
                "expected classes from the first token, or from the mean without a dense layer, found {:?}",
                self.head
            )));
        }
        if self.widths.is_none() && !self.embed_dim.is_multiple_of(self.heads) {
            return Err(Error::Config(format!(
                "expected heads that divide {} channels, found {}",
                self.embed_dim, self.heads
            )));
        }
        (0..self.depth)
            .try_for_each(|block| bounds::widths(&format!("block {block}"), self.widths(block)))
    }
}

/// The hyper-parameters in a few words.
impl Display for BertConfig {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(
            f,
            "BERT of {} ids, {} positions, width {}, depth {}, ",
            self.vocabulary, self.positions, self.embed_dim, self.depth
        )?;
        match &self.widths {
            None => write!(f, "heads {}, hidden {}", self.heads, self.hidden)?,
            Some(_) => f.write_str("widths by block")?,
        }
        let fc1_bias = match self.fc1_bias.uniform() {
            Some(true) => "",
            Some(false) => " without fc1 bias",
            None => " partly without fc1 bias",
        };
        write!(f, ", {}{fc1_bias}, ", self.activation)?;
        match self.head {
            TextHead::Embedding { pooling, .. } => {
                let of = match pooling {
                    TextPooling::First => "the first token",
                    TextPooling::Mean => "the mean",
                    TextPooling::Max => "the largest",
                };
                write!(f, "{of} of {} channels", self.embed_dim)
            }
            TextHead::Text { .. } => write!(f, "{} classes", self.classes),
            TextHead::Tokens => write!(f, "{} classes of tokens", self.classes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_described_in_a_few_words() {
        let expected = "BERT of 30522 ids, 512 positions, width 384, depth 6, heads 12, hidden 1536, gelu, the mean \
                        of 384 channels";
        assert_eq!(BertConfig::minilm().to_string(), expected);
    }

    #[test]
    fn what_no_model_has_is_refused() {
        let refused = |config: BertConfig, expected: &str| {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let base = BertConfig::base;
        refused(
            BertConfig {
                positions: 5000,
                ..base()
            },
            "positions from 1 to 4096",
        );
        refused(
            BertConfig {
                vocabulary: 0,
                ..base()
            },
            "ids of tokens from 1",
        );
        refused(
            BertConfig {
                classes: 2,
                ..base()
            },
            "classes for a head of classes alone",
        );
        refused(
            BertConfig {
                head: TextHead::Tokens,
                ..base()
            },
            "classes for a head of classes alone",
        );
        for (pooling, dense) in [
            (TextPooling::Max, None),
            (TextPooling::Mean, Some(Activation::Tanh)),
        ] {
            refused(
                BertConfig {
                    head: TextHead::Text { pooling, dense },
                    classes: 2,
                    ..base()
                },
                "from the mean without a dense layer",
            );
        }
        refused(
            BertConfig {
                embedding_dim: Some(0),
                ..base()
            },
            "channels of the tables from 1",
        );
    }
}
