//! How other libraries name a ViT and describe it.

mod configuration;
mod dialects;
mod positions;

use std::collections::BTreeSet;

use super::VitConfig;
use crate::{
    Filter, Params, Preprocessing, Resize, Result,
    architecture::{
        Config,
        names::{Asked, Library, Names, Published},
    },
};

/// All that the reader of checkpoints knows of ViT.
pub(in crate::architecture) static NAMES: Names = Names {
    called: "a ViT",
    takes_texts: false,
    timm: Some(("of its ViT family (vit_…, deit_…)", |name| {
        // Those of a detector normalize after attention, those of SigLIP have another GELU: no tensor tells.
        let other = name.contains("_rpn_") || name.contains("siglip");
        (name.starts_with("vit_") && !other) || name.starts_with("deit")
    })),
    model_types: &["vit", "deit", "dinov2", "dinov2_with_registers"],
    implied_model_type: |_| None,
    dialects: &dialects::ALL,
    head: "head",
    telling: |_| false,
    others: &[],
    relative,
    configure: |renamed, description, asked, notes| {
        configuration::configure(renamed, description, asked, notes).map(Config::Vit)
    },
};

/// Changes `config`, which is of the size that the positions are for, as it is asked for, and gives each of its
/// tokens a position.
pub(in crate::architecture) fn adapt(
    config: &mut VitConfig,
    params: &mut Params,
    asked: &Asked,
    notes: &mut Vec<String>,
) -> Result<()> {
    if asked.window_size.is_some() {
        return Err(crate::Error::Checkpoint(
            "expected no window size, as a ViT has no windows, found one".to_owned(),
        ));
    }
    config.validate()?;
    let made_for = config.grid();
    if let Some(image_size) = asked.image_size {
        config.image_size = image_size;
        config.validate()?;
    }
    positions::adapt(params, config, made_for, notes)
}

pub(in crate::architecture) fn published(config: &VitConfig, library: Library) -> Published {
    let channels = config.in_channels;
    let half = |resize| Preprocessing::new(resize, vec![0.5; channels], vec![0.5; channels]);
    let (by, preprocessing) = match library {
        // DeiT.
        Library::Timm | Library::HuggingFace if config.distilled => {
            let most = Resize::CropFraction { crop: 0.9 };
            ("Meta", Preprocessing::imagenet(channels, most))
        }
        // DINOv2.
        Library::Timm | Library::HuggingFace if config.prefix > 1 || config.patch_size == 14 => {
            let whole = Resize::CropFraction { crop: 1.0 };
            ("Meta", Preprocessing::imagenet(channels, whole))
        }
        Library::Torchvision => {
            let (resize, filter) = match config.image_size {
                [224, 224] => {
                    let large = config.embed_dim == 1024 && config.patch_size == 16;
                    let size = if large { 242 } else { 256 };
                    (Resize::ShorterSide { size }, Filter::Bilinear)
                }
                [height, width] if height == width => {
                    (Resize::ShorterSide { size: height }, Filter::Bicubic)
                }
                _ => (Resize::Squash, Filter::Bicubic),
            };
            let preprocessing = Preprocessing {
                filter,
                ..Preprocessing::imagenet(channels, resize)
            };
            ("torchvision", preprocessing)
        }
        Library::Timm => ("timm", half(Resize::CropFraction { crop: 0.9 })),
        _ => ("Hugging Face", half(Resize::Squash)),
    };
    Published { by, preprocessing }
}

/// What a relative of ViT with these names is, if it is none itself.
fn relative(names: &BTreeSet<&str>, headless: bool) -> Option<&'static str> {
    let has = |piece: &str| names.iter().any(|name| name.contains(piece));
    let positions = |name: &&str| *name == "pos_embed" || name.ends_with(".pos_embed");
    if !has("cls_token") && !names.iter().any(positions) {
        return None;
    }
    // transformers' forms without heads answer by the first token alone.
    if headless && names.contains("dist_token") {
        return Some("a distilled DeiT without its heads, which answers by the mean of two tokens");
    }
    let relatives = [
        ("attn.q_bias", "a BEiT"),
        ("relative_position_bias", "a BEiT"),
        ("norm_pre.", "the image half of a CLIP model"),
        ("pre_layrnorm.", "the image half of a CLIP model"),
        ("attn_pool.", "a ViT with attention pooling"),
        ("attn.q_norm.", "a ViT that normalizes queries and keys"),
        ("mlp.w12.", "a ViT with gated MLPs"),
        ("mlp.fc1_g.", "a ViT with gated MLPs"),
        (
            "decoder_pos_embed",
            "a masked autoencoder before fine-tuning",
        ),
        ("mlp.weights_in.", "a ViT with gated MLPs"),
        ("blocks_token_only.", "a CaiT"),
        ("ls1.scale", "an EVA"),
    ];
    let found = relatives.iter().find(|(piece, _)| has(piece));
    found.map(|&(_, what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tensors do not tell these from plain ones.
    #[test]
    fn names_of_timm_that_compute_something_else_are_not_of_the_family() {
        let (_, is) = NAMES.timm.unwrap();
        for (name, expected) in [
            ("vit_base_patch16_224", true),
            ("vit_medium_patch16_gap_240", true),
            ("deit_tiny_distilled_patch16_224", true),
            ("vit_base_patch16_rpn_224", false),
            ("vit_base_patch16_siglip_gap_256", false),
            ("swin_tiny_patch4_window7_224", false),
        ] {
            assert_eq!(is(name), expected, "{name}");
        }
    }

    #[test]
    fn a_distilled_model_has_its_heads() {
        let names = BTreeSet::from(["cls_token", "dist_token", "pos_embed"]);
        let refused = relative(&names, true).unwrap();
        assert!(refused.contains("without its heads"), "{refused}");
        assert_eq!(relative(&names, false), None);
    }

    #[test]
    fn torchvision_resizes_by_size_and_model() {
        let of = |config: VitConfig| {
            let found = published(&config, Library::Torchvision).preprocessing;
            (found.resize, found.filter)
        };
        let base = VitConfig::base;
        let shorter = |size| Resize::ShorterSide { size };
        assert_eq!(of(base()), (shorter(256), Filter::Bilinear));
        assert_eq!(of(VitConfig::large()), (shorter(242), Filter::Bilinear));
        let image_size = [384, 384];
        let larger = VitConfig {
            image_size,
            ..base()
        };
        assert_eq!(of(larger), (shorter(384), Filter::Bicubic));
    }
}
