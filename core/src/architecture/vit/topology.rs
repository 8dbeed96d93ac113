//! The layers of a ViT.

use super::{VitConfig, VitPooling};
use crate::{
    architecture::{Block, Widths},
    graph::{Graph, Heads, NodeId, Pooling},
};

/// The sites of the layers that give the logits.
pub const HEADS: &[&str] = &["head", "head_dist"];

/// The layers from an image to logits `[1, classes]`, of a dense model `[tokens, classes]`, or, without classes, to the
/// vector `[1, channels]` that would be their input. `config` is valid.
///
/// Sites carry the names that timm gives to the parameters, but for a distilled model: its second token has a
/// normalization `norm_dist` of its own, and the heads have half their weights, so that their logits are added. A block
/// without heads has no attention, one without hidden channels no MLP. A block sees the patches that go through it
/// ([`VitConfig::patch_depth`]).
pub fn vit(config: &VitConfig) -> Graph {
    let (channels, eps) = (config.embed_dim, config.layer_norm_eps);
    let mut graph = Graph::default();
    let g = &mut graph;

    let image = g.pixels("image", config.image_size, config.in_channels);
    let patches = (config.grid(), config.patch_size);
    let x = g.patch_embed("patch_embed.proj", image, patches, channels);
    let mut x = g.positions("embed", x, config.prefix);
    // The patches that are there, after the learned tokens.
    let [down, across] = config.grid();
    let mut patches: Vec<usize> = (0..down * across).collect();

    for block in 0..config.depth {
        let site = config.site(Block { stage: 0, block });
        let Widths {
            heads,
            head_dim,
            hidden,
        } = config.widths(block);

        if heads == 0 && hidden == 0 {
            continue;
        }
        let stays = |&at: &usize| config.has_patch(patches[at], block);
        let staying: Vec<usize> = (0..patches.len()).filter(stays).collect();
        if staying.len() < patches.len() {
            let learned = 0..config.prefix;
            let tokens = learned.chain(staying.iter().map(|&at| config.prefix + at));
            x = g.select(format!("{site}.select"), x, tokens.collect());
            patches = staying.iter().map(|&at| patches[at]).collect();
        }
        if heads > 0 {
            let y = g.layer_norm(format!("{site}.norm1"), x, eps);
            let qkv = 3 * heads * head_dim;
            let y = g.linear(format!("{site}.attn.qkv"), y, qkv, config.qkv_bias);
            let y = g.attention(format!("{site}.attn"), y, Heads { heads, head_dim });
            let y = g.linear(format!("{site}.attn.proj"), y, channels, true);
            x = g.add(format!("{site}.attn.add"), x, y);
        }
        if hidden > 0 {
            let y = g.layer_norm(format!("{site}.norm2"), x, eps);
            let bias = config.fc1_bias.get(0, block);
            let y = g.linear(format!("{site}.mlp.fc1"), y, hidden, bias);
            let activation = config.activation.get(0, block);
            let y = g.activation(format!("{site}.mlp.act"), y, activation);
            let y = g.linear(format!("{site}.mlp.fc2"), y, channels, true);
            x = g.add(format!("{site}.mlp.add"), x, y);
        }
    }

    // The last normalization is of single tokens: what does not answer is left out before it.
    let answer = |g: &mut Graph, token: usize, names: [&str; 3]| -> NodeId {
        let [pick, norm, head] = names;
        let y = g.pick(pick, x, token);
        let y = g.layer_norm(norm, y, eps);
        match config.classes {
            0 => y,
            classes => g.linear(head, y, classes, true),
        }
    };
    let mut y = match config.pooling {
        _ if config.dense => {
            let y = g.layer_norm("norm", x, eps);
            g.linear("head", y, config.classes, true)
        }
        VitPooling::First => answer(g, 0, ["pick", "norm", "head"]),
        VitPooling::Mean => {
            let y = g.pool("pool", x, Pooling::Mean, config.prefix);
            g.layer_norm("fc_norm", y, eps)
        }
        VitPooling::MeanOfNormalized => {
            let y = g.layer_norm("norm", x, eps);
            g.mean_pool("pool", y)
        }
    };
    if config.classes > 0 && config.pooling != VitPooling::First {
        y = g.linear("head", y, config.classes, true);
    }
    if config.distilled {
        let second = answer(g, 1, ["pick_dist", "norm_dist", "head_dist"]);
        y = g.add("logits", y, second);
    }
    g.output(config.output_kind(), y);
    graph
}
