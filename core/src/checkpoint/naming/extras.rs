//! Tensors that a model file has beside its parameters, and that no answer depends on.

/// Why the tensor `name` is left out, if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    /// It follows from the shapes.
    Buffer,
    /// What fake quantizers and their observers keep.
    Quantizer,
}

/// Buffers that follow from the shapes.
const BUFFERS: [&str; 5] = [
    "attn_mask",
    "relative_position_index",
    "relative_coords_table",
    "num_batches_tracked",
    "mask_token",
];
/// What only fake quantizers have, wherever they stand.
const OBSERVED: [&str; 4] = [
    "_amax",
    "_pre_quant_scale",
    "fake_quant_enabled",
    "observer_enabled",
];

/// Whether the tensor `name` is of a known kind that the model does not need.
pub(super) fn known(name: &str) -> Option<Extra> {
    let last = name.rsplit('.').next().unwrap_or(name);
    if BUFFERS.contains(&last) {
        return Some(Extra::Buffer);
    }
    let quantizer = |part: &str| {
        part.ends_with("_quantizer")
            || part.ends_with("fake_quant")
            || part == "activation_post_process"
            || part.ends_with("observer")
    };
    let quantizer = OBSERVED.contains(&last) || name.split('.').any(quantizer);
    quantizer.then_some(Extra::Quantizer)
}

#[cfg(test)]
mod tests {
    use super::{Extra, known};

    #[test]
    fn parameters_are_no_extras() {
        assert_eq!(known("layers.0.blocks.0.attn.qkv.weight"), None);
        assert_eq!(known("layers.0.blocks.0.attn.extra"), None);
        // A temperature that was learned changes the answer.
        assert_eq!(known("layers.0.blocks.0.attn.scale"), None);
        for name in [
            "layers.0.blocks.0.attn.qkv._input_quantizer._amax",
            "head.weight_fake_quant.scale",
            "head.activation_post_process.min_val",
        ] {
            assert_eq!(known(name), Some(Extra::Quantizer), "{name}");
        }
        assert_eq!(known("a.relative_position_index"), Some(Extra::Buffer));
    }
}
