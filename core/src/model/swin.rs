//! The Swin Transformer V1 (arXiv 2103.14030).

use super::{Block, LinearShape, Ops, SwinConfig};
use crate::Result;

/// The forward pass: an image to logits `[batch, 1, classes]`, or, without classes, to the pooled
/// features `[batch, 1, channels]` of the last stage.
///
/// Sites carry the names that timm >= 0.9 gives to the parameters.
///
/// # Errors
/// Whatever the interpreter `ops` finds wrong with an operation.
pub fn swin<O: Ops>(ops: &mut O, config: &SwinConfig, image: O::Tensor) -> Result<O::Tensor> {
    let eps = config.layer_norm_eps;
    let linear = |inputs, outputs, bias| LinearShape {
        inputs,
        outputs,
        bias,
    };

    let x = ops.patch_embed("patch_embed.proj", image, config)?;
    let mut x = ops.layer_norm("patch_embed.norm", &x, config.embed_dim, eps)?;

    for (stage, &depth) in config.depths.iter().enumerate() {
        let channels = config.channels(stage);
        let layer = format!("layers.{stage}");
        if stage > 0 {
            let inputs = 4 * config.channels(stage - 1);
            let site = format!("{layer}.downsample");
            x = ops.patch_merge(&site, &x, config.map(stage - 1))?;
            x = ops.layer_norm(&format!("{site}.norm"), &x, inputs, eps)?;
            let shape = linear(inputs, channels, false);
            x = ops.linear(&format!("{site}.reduction"), &x, shape)?;
        }
        for block in 0..depth {
            let place = Block { stage, block };
            let site = place.site();
            let hidden = config.hidden(stage);

            let y = ops.layer_norm(&format!("{site}.norm1"), &x, channels, eps)?;
            let shape = linear(channels, 3 * channels, config.qkv_bias);
            let y = ops.linear(&format!("{site}.attn.qkv"), &y, shape)?;
            let windows = config.windows(stage, block);
            let y = ops.window_attention(&format!("{site}.attn"), &y, &windows)?;
            let shape = linear(channels, channels, true);
            let y = ops.linear(&format!("{site}.attn.proj"), &y, shape)?;
            x = ops.add(&format!("{site}.attn.add"), &x, &y)?;

            let y = ops.layer_norm(&format!("{site}.norm2"), &x, channels, eps)?;
            let shape = linear(channels, hidden, config.fc1_bias.get(stage, block));
            let y = ops.linear(&format!("{site}.mlp.fc1"), &y, shape)?;
            let activation = config.activation.get(stage, block);
            let y = ops.activation(&place.activation(), &y, activation)?;
            let shape = linear(hidden, channels, true);
            let y = ops.linear(&format!("{site}.mlp.fc2"), &y, shape)?;
            x = ops.add(&place.output(), &x, &y)?;
        }
    }

    let channels = config.channels(config.depths.len() - 1);
    let x = ops.layer_norm("norm", &x, channels, eps)?;
    let x = ops.mean_pool("pool", &x)?;
    if config.classes == 0 {
        return Ok(x);
    }
    ops.linear("head.fc", &x, linear(channels, config.classes, true))
}
