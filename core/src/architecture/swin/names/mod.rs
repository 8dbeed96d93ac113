//! How other libraries name a Swin and describe it.

mod biases;
mod configuration;
mod dialects;
mod keys;
mod relatives;
mod size;

use super::{SwinConfig, Windowing};
use crate::{
    Params, Preprocessing, Resize, Result,
    architecture::{
        Config,
        names::{Asked, Library, Names, Published},
    },
};

/// All that the reader of checkpoints knows of Swin.
pub(in crate::architecture) static NAMES: Names = Names {
    called: "a Swin V1",
    takes_texts: false,
    timm: Some(("an architecture of the Swin V1 family (swin_…)", |name| {
        name.starts_with("swin_") && !name.starts_with("swin_moe")
    })),
    model_types: &["swin"],
    implied_model_type: |_| None,
    dialects: &dialects::ALL,
    head: "head.fc",
    telling: |name| size::stage_of_mask(name).is_some(),
    others: relatives::OTHERS,
    relative: relatives::relative,
    configure: |renamed, description, asked, notes| {
        configuration::configure(renamed, description, asked, notes).map(Config::Swin)
    },
};

pub(in crate::architecture) fn adapt(
    config: &mut SwinConfig,
    params: &mut Params,
    asked: &Asked,
    notes: &mut Vec<String>,
) -> Result<()> {
    if let Some(image_size) = asked.image_size {
        config.image_size = image_size;
    }
    if let Some(window_size) = asked.window_size {
        config.window_size = window_size;
    }
    config.validate()?;
    biases::interpolate(params, config, asked.window_size.is_some(), notes)
}

pub(in crate::architecture) fn published(config: &SwinConfig, library: Library) -> Published {
    let [height, width] = config.image_size;
    let side = height.min(width);
    let resize = match library {
        Library::HuggingFace => Resize::Squash,
        Library::Timm if side >= 384 => Resize::CropFraction { crop: 1.0 },
        Library::Timm => Resize::CropFraction { crop: 0.9 },
        _ if height != width => Resize::Squash,
        // torchvision's weights: swin_t, swin_s and swin_b.
        Library::Torchvision => Resize::ShorterSide {
            size: side * [232, 246, 238][torchvision_size(config)] / 224,
        },
        Library::Microsoft | Library::Mmpretrain if side > 224 => Resize::Squash,
        Library::Microsoft | Library::Mmpretrain => Resize::ShorterSide {
            size: side * 256 / 224,
        },
    };
    Published {
        by: match library {
            Library::Timm => "timm",
            Library::Microsoft | Library::Mmpretrain => "Microsoft",
            Library::HuggingFace => "Hugging Face",
            Library::Torchvision => "torchvision",
        },
        preprocessing: Preprocessing::imagenet(config.in_channels, resize),
    }
}

/// Which of torchvision's sizes is nearest: 0 for swin_t, 1 for swin_s, 2 for swin_b.
fn torchvision_size(config: &SwinConfig) -> usize {
    match config.embed_dim >= 128 {
        true => 2,
        false => usize::from(config.depths.iter().sum::<usize>() > 12),
    }
}

/// What a library makes of maps that the window does not divide.
fn windowing(library: Library) -> Windowing {
    match library {
        Library::Timm => Windowing::Timm,
        Library::Microsoft | Library::HuggingFace | Library::Mmpretrain => Windowing::Transformers,
        Library::Torchvision => Windowing::Torchvision,
    }
}
