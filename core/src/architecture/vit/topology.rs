//! The layers of a ViT.

use super::VitConfig;
use crate::{
    architecture::{Block, Widths},
    graph::{Graph, Heads},
};

/// The layers from an image to logits `[1, classes]`, or, without classes, to the normalized first token
/// `[1, channels]`. `config` is valid.
///
/// Sites carry the names that timm gives to the parameters. The last normalization is of single tokens, so the
/// first is picked before it.
pub fn vit(config: &VitConfig) -> Graph {
    let (channels, eps) = (config.embed_dim, config.layer_norm_eps);
    let mut graph = Graph::default();
    let g = &mut graph;

    let image = g.pixels("image", config.image_size, config.in_channels);
    let patches = (config.grid(), config.patch_size);
    let x = g.patch_embed("patch_embed.proj", image, patches, channels);
    let mut x = g.positions("embed", x, config.prefix);

    for block in 0..config.depth {
        let site = config.site(Block { stage: 0, block });
        let Widths {
            heads,
            head_dim,
            hidden,
        } = config.widths(block);

        let y = g.layer_norm(format!("{site}.norm1"), x, eps);
        let qkv = 3 * heads * head_dim;
        let y = g.linear(format!("{site}.attn.qkv"), y, qkv, config.qkv_bias);
        let y = g.attention(format!("{site}.attn"), y, Heads { heads, head_dim });
        let y = g.linear(format!("{site}.attn.proj"), y, channels, true);
        x = g.add(format!("{site}.attn.add"), x, y);

        let y = g.layer_norm(format!("{site}.norm2"), x, eps);
        let bias = config.fc1_bias.get(0, block);
        let y = g.linear(format!("{site}.mlp.fc1"), y, hidden, bias);
        let activation = config.activation.get(0, block);
        let y = g.activation(format!("{site}.mlp.act"), y, activation);
        let y = g.linear(format!("{site}.mlp.fc2"), y, channels, true);
        x = g.add(format!("{site}.mlp.add"), x, y);
    }

    let x = g.pick("pick", x, 0);
    let mut x = g.layer_norm("norm", x, eps);
    if config.classes > 0 {
        x = g.linear("head", x, config.classes, true);
    }
    g.output(config.output_kind(), x);
    graph
}
