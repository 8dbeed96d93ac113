//! The layers of a BERT.

use super::{BertConfig, TextHead, TextPooling};
use crate::{
    architecture::{Block, Widths},
    graph::{Graph, Heads, Pooling},
};

/// The sites of the layers that give the logits.
pub const HEADS: &[&str] = &["head.out"];

/// The layers from the tokens of a text to what its head gives. `config` is valid.
///
/// A block normalizes what it has added to, so that the last of all is a normalization: where only the first token
/// is asked for, that is picked before. A block without heads has no attention, one without hidden channels no MLP; its
/// normalizations stay.
pub fn bert(config: &BertConfig) -> Graph {
    let (channels, eps) = (config.embed_dim, config.layer_norm_eps);
    let limits = config.limits();
    let mut graph = Graph::default();
    let g = &mut graph;

    let tokens = g.tokens("tokens", limits);
    let embedded = config.embedding_dim.unwrap_or(channels);
    let x = g.embedding("embeddings", tokens, limits, embedded);
    let mut x = g.layer_norm("embeddings.norm", x, eps);
    if config.embedding_dim.is_some() {
        x = g.linear("embeddings.project", x, channels, true);
    }

    for block in 0..config.depth {
        let site = config.site(Block { stage: 0, block });
        let Widths {
            heads,
            head_dim,
            hidden,
        } = config.widths(block);

        if heads > 0 {
            let y = g.linear(format!("{site}.attn.qkv"), x, 3 * heads * head_dim, true);
            let y = g.attention(format!("{site}.attn"), y, Heads { heads, head_dim });
            let y = g.linear(format!("{site}.attn.proj"), y, channels, true);
            x = g.add(format!("{site}.attn.add"), x, y);
        }
        x = g.layer_norm(format!("{site}.norm1"), x, eps);

        if hidden > 0 {
            let bias = config.fc1_bias.get(0, block);
            let y = g.linear(format!("{site}.mlp.fc1"), x, hidden, bias);
            let activation = config.activation.get(0, block);
            let y = g.activation(format!("{site}.mlp.act"), y, activation);
            let y = g.linear(format!("{site}.mlp.fc2"), y, channels, true);
            x = g.add(format!("{site}.mlp.add"), x, y);
        }
        if block + 1 == config.depth && config.head.is_of_first() {
            x = g.pick("pick", x, 0);
        }
        x = g.layer_norm(format!("{site}.norm2"), x, eps);
    }

    match config.head {
        TextHead::Embedding { pooling, .. } => {
            x = match pooling {
                TextPooling::First => x,
                TextPooling::Mean => g.pool("pool", x, Pooling::Mean, 0),
                TextPooling::Max => g.pool("pool", x, Pooling::Max, 0),
            };
        }
        // The mean of the tokens' logits are the logits of their mean.
        TextHead::Text {
            pooling: TextPooling::Mean,
            ..
        } => {
            x = g.linear("head.out", x, config.classes, true);
            x = g.pool("pool", x, Pooling::Mean, 0);
        }
        TextHead::Text { dense, .. } => {
            if let Some(activation) = dense {
                x = g.linear("head.dense", x, channels, true);
                x = g.activation("head.act", x, activation);
            }
            x = g.linear("head.out", x, config.classes, true);
        }
        TextHead::Tokens => x = g.linear("head.out", x, config.classes, true),
    }
    g.output(config.output_kind(), x);
    graph
}
