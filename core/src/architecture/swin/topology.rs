//! The layers of a Swin.

use super::SwinConfig;
use crate::{architecture::Block, graph::Graph};

/// The sites of the layers that give the logits.
pub const HEADS: &[&str] = &["head.fc"];

/// The layers from an image to logits `[1, classes]`, of a dense model `[tokens, classes]`, or, without classes, to the
/// pooled features `[1, channels]` of the last stage. `config` is valid.
///
/// Sites carry the names that timm >= 0.9 gives to the parameters. A block without heads has no attention, one without
/// hidden channels no MLP.
pub fn swin(config: &SwinConfig) -> Graph {
    let eps = config.layer_norm_eps;
    let mut graph = Graph::default();
    let g = &mut graph;

    let image = g.pixels("image", config.image_size, config.in_channels);
    let patches = (config.map(0), config.patch_size);
    let x = g.patch_embed("patch_embed.proj", image, patches, config.embed_dim);
    let mut x = g.layer_norm("patch_embed.norm", x, eps);

    for (stage, &depth) in config.depths.iter().enumerate() {
        let channels = config.channels(stage);
        if stage > 0 {
            let site = format!("layers.{stage}.downsample");
            x = g.patch_merge(&site, x, config.map(stage - 1));
            x = g.layer_norm(format!("{site}.norm"), x, eps);
            x = g.linear(format!("{site}.reduction"), x, channels, false);
        }
        for block in 0..depth {
            let site = config.site(Block { stage, block });
            let windows = config.windows(stage, block);
            let attended = windows.heads * windows.head_dim;
            let hidden = config.widths(stage, block).hidden;

            if windows.heads > 0 {
                let y = g.layer_norm(format!("{site}.norm1"), x, eps);
                let y = g.linear(format!("{site}.attn.qkv"), y, 3 * attended, config.qkv_bias);
                let y = g.window_attention(format!("{site}.attn"), y, windows);
                let y = g.linear(format!("{site}.attn.proj"), y, channels, true);
                x = g.add(format!("{site}.attn.add"), x, y);
            }
            if hidden > 0 {
                let y = g.layer_norm(format!("{site}.norm2"), x, eps);
                let bias = config.fc1_bias.get(stage, block);
                let y = g.linear(format!("{site}.mlp.fc1"), y, hidden, bias);
                let activation = config.activation.get(stage, block);
                let y = g.activation(format!("{site}.mlp.act"), y, activation);
                let y = g.linear(format!("{site}.mlp.fc2"), y, channels, true);
                x = g.add(format!("{site}.mlp.add"), x, y);
            }
        }
    }

    let mut x = g.layer_norm("norm", x, eps);
    if !config.dense {
        x = g.mean_pool("pool", x);
    }
    if config.classes > 0 {
        x = g.linear("head.fc", x, config.classes, true);
    }
    g.output(config.output_kind(), x);
    graph
}
