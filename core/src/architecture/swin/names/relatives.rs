//! What relatives of Swin V1 are called, so that they are refused by their name.

use std::collections::BTreeSet;

/// Pieces of names that a file must have all of, and what it then is.
pub(super) const OTHERS: &[(&[&str], &str)] = &[
    (&["logit_scale", "cpb_mlp"], "a Swin V2"),
    (&["attn.meta_mlp."], "a Swin V2 CR"),
];

/// What a relative of Swin V1 with these names is, if it is none itself.
pub(super) fn relative(names: &BTreeSet<&str>, headless: bool) -> Option<&'static str> {
    let has = |piece: &str| names.iter().any(|name| name.contains(piece));
    let part = |part: &str| {
        names
            .iter()
            .any(|name| name.split('.').any(|found| found == part))
    };
    if has("logit_scale") || has("cpb_mlp") {
        return Some("a Swin V2");
    }
    if part("experts") || has("_moe_layer") || has(".gate.wg.") {
        return Some("a Swin MoE");
    }
    if part("absolute_pos_embed") || part("position_embeddings") {
        return Some("a Swin with absolute position embeddings");
    }
    if part("layers_up") || part("concat_back_dim") {
        return Some("a Swin-Unet");
    }
    if headless && part("mask_token") {
        return Some("a SimMIM model before fine-tuning, without a classifier");
    }
    if headless && part("norm0") && (part("norm1") || part("norm3")) && has("norm0.weight") {
        return Some("the backbone of a detector, with a norm behind every stage");
    }
    None
}
