//! A model that is trained from nothing.

use clap::{Args, ValueEnum};
use intformer::{
    Preprocessing, Resize,
    architecture::{Activation, Config, PerBlock, SwinConfig},
};

use crate::{cli::within, command::training_images::TrainingImages};

/// A new model.
#[derive(Args)]
#[command(next_help_heading = "New model")]
pub struct ModelArguments {
    /// Side of the input in pixels: by default 32, for glyphs --size, with --from that of the model.
    #[arg(long, value_parser = within(1..=4096))]
    pub image_size: Option<usize>,
    /// Channels of the input: 1 grey, 3 colour; glyphs are grey.
    #[arg(long, conflicts_with = "from", default_value_t = 1, value_parser = within(1..=64))]
    channels: usize,
    /// Side of a patch in pixels.
    #[arg(long, conflicts_with = "from", default_value_t = 4, value_parser = within(1..=64))]
    patch: usize,
    /// Side of an attention window in tokens.
    #[arg(long, conflicts_with = "from", default_value_t = 4, value_parser = within(1..=64))]
    window: usize,
    /// Channels of the first stage.
    #[arg(long, conflicts_with = "from", default_value_t = 64, value_parser = within(1..=65536))]
    width: usize,
    /// Blocks of each stage, separated by commas.
    #[arg(long, conflicts_with = "from", value_delimiter = ',', default_value = "2,2", value_parser = within(1..=256))]
    depths: Vec<usize>,
    /// Attention heads of each stage, separated by commas.
    #[arg(long, conflicts_with = "from", value_delimiter = ',', default_value = "2,4", value_parser = within(1..=65536))]
    heads: Vec<usize>,
    /// Hidden channels of an MLP over the block's channels.
    #[arg(long, conflicts_with = "from", default_value_t = 4.0)]
    mlp_ratio: f64,
    /// The activation of the MLPs.
    #[arg(long, conflicts_with = "from", value_enum, default_value_t = Function::Gelu)]
    activation: Function,
}

/// The activations.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Function {
    /// The exact GELU.
    Gelu,
    /// max(0, x).
    Relu,
}

impl ModelArguments {
    /// The model of `classes` for `images`.
    pub fn config(&self, images: &TrainingImages, classes: usize) -> Config {
        let side = match images.glyphs {
            Some(_) => images.rendering.size,
            None => self.image_size.unwrap_or(32),
        };
        let config = SwinConfig {
            image_size: [side, side],
            in_channels: self.channels(images),
            patch_size: self.patch,
            embed_dim: self.width,
            depths: self.depths.clone(),
            heads: self.heads.clone(),
            window_size: self.window,
            mlp_ratio: self.mlp_ratio,
            classes,
            activation: match self.activation {
                Function::Gelu => PerBlock::All(Activation::Gelu),
                Function::Relu => PerBlock::All(Activation::Relu),
            },
            ..SwinConfig::tiny()
        };
        config.into()
    }

    /// Glyphs are rendered around a middle grey; photographs have the statistics of ImageNet.
    pub fn preprocessing(&self, images: &TrainingImages) -> Preprocessing {
        match images.glyphs {
            Some(_) => Preprocessing::new(Resize::Squash, vec![0.5], vec![0.25]),
            None => Preprocessing::imagenet(self.channels(images), Resize::Squash),
        }
    }

    fn channels(&self, images: &TrainingImages) -> usize {
        match images.glyphs {
            Some(_) => 1,
            None => self.channels,
        }
    }
}
