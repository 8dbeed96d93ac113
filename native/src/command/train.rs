//! `intformer train`: a model on any folder of images, or on glyphs.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use intformer::{
    Preprocessing, Resize,
    architecture::{Activation, Config, PerBlock, SwinConfig},
    checkpoint,
    float::train::{Dashboard, Plain, TrainOptions, TrainUi, train},
};
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, within},
    command::{passed_over, training_images::TrainingImages},
};

/// Trains a float Swin.
///
/// The state is saved in the folder --state, so that --resume goes on after a kill as if nothing
/// had happened. On a terminal a dashboard shows the run; elsewhere, and with --plain, lines do.
///
/// Example: intformer train --glyphs 20000 --epochs 12 --out glyphs-float.safetensors
///
/// Example: intformer train --data flowers --image-size 64 --channels 3 --out flowers.safetensors
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The file of the trained model, ending in .safetensors.
    #[arg(long, short)]
    out: PathBuf,
    #[command(flatten)]
    images: TrainingImages,
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    schedule: ScheduleArguments,
    /// The folder of the run's state; by default the model's file with the ending .train.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Goes on from the state of an earlier run, if there is one.
    #[arg(long)]
    resume: bool,
    /// Lines in place of the dashboard.
    #[arg(long)]
    plain: bool,
}

/// The model to train.
#[derive(Args)]
#[command(next_help_heading = "Model")]
struct ModelArguments {
    /// Side of the input in pixels; for glyphs it is --size.
    #[arg(long, default_value_t = 32, value_parser = within(1..=65536))]
    image_size: usize,
    /// Channels of the input: 1 grey, 3 colour; glyphs are grey.
    #[arg(long, default_value_t = 1, value_parser = within(1..=64))]
    channels: usize,
    /// Side of a patch in pixels.
    #[arg(long, default_value_t = 4, value_parser = within(1..=64))]
    patch: usize,
    /// Side of an attention window in tokens.
    #[arg(long, default_value_t = 4, value_parser = within(1..=64))]
    window: usize,
    /// Channels of the first stage.
    #[arg(long, default_value_t = 64, value_parser = within(1..=65536))]
    width: usize,
    /// Blocks of each stage, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "2,2", value_parser = within(1..=256))]
    depths: Vec<usize>,
    /// Attention heads of each stage, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "2,4", value_parser = within(1..=65536))]
    heads: Vec<usize>,
    /// Hidden channels of an MLP over the block's channels.
    #[arg(long, default_value_t = 4.0)]
    mlp_ratio: f64,
    /// The activation of the MLPs.
    #[arg(long, value_enum, default_value_t = Function::Gelu)]
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

/// How to train.
#[derive(Args)]
#[command(next_help_heading = "Training")]
struct ScheduleArguments {
    /// Passes over the training images.
    #[arg(long, default_value_t = 12, value_parser = within(1..=1_000_000))]
    epochs: usize,
    /// Images of a step.
    #[arg(long, default_value_t = 64, value_parser = within(1..=65536))]
    batch: usize,
    /// The largest learning rate of AdamW; it follows a cosine.
    #[arg(long, default_value_t = 1.5e-3)]
    rate: f64,
    /// Weight decay of AdamW.
    #[arg(long, default_value_t = 0.05)]
    weight_decay: f32,
    /// Epochs over which the rate rises; may be a fraction.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Share of the target that is spread over all classes.
    #[arg(long, default_value_t = 0.1)]
    label_smoothing: f32,
    /// Alpha of mixup; 0 for none.
    #[arg(long, default_value_t = 0.0)]
    mixup: f64,
    /// Largest norm of the gradient; 0 for no bound.
    #[arg(long, default_value_t = 1.0)]
    clip: f32,
    /// Seed of weights, order and mixing.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Seconds between saved states inside an epoch.
    #[arg(long, default_value_t = 600)]
    save_every: u64,
}

impl Options {
    /// Trains and saves.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        if self
            .out
            .extension()
            .is_none_or(|ending| ending != "safetensors")
        {
            bail!(
                "expected a file that ends in .safetensors, found {}",
                self.out.display()
            );
        }
        let preprocessing = self.preprocessing();
        let classes_to_config = |classes| self.config(classes);
        let images = self
            .images
            .open(classes_to_config, &preprocessing, globals)?;
        let config = self.config(images.train().labels().len());
        config.validate()?;
        let schedule = &self.schedule;
        let options = TrainOptions {
            epochs: schedule.epochs,
            batch: schedule.batch,
            learning_rate: schedule.rate,
            weight_decay: schedule.weight_decay,
            warmup: schedule.warm_up,
            label_smoothing: schedule.label_smoothing,
            mixup: schedule.mixup,
            clip: schedule.clip,
            seed: schedule.seed,
            checkpoint_seconds: schedule.save_every,
            resume: self.resume,
            ..TrainOptions::new(config, preprocessing, self.state())
        };
        let mut ui = self.ui(globals);
        let model = train(&options, images.train(), images.validation(), &mut *ui)?;
        // The dashboard gives the terminal back.
        drop(ui);
        checkpoint::save(&model, &self.out)?;
        let text = format!(
            "{}: {} parameters, {} classes\n{}",
            self.out.display(),
            model.params.elements(),
            model.config.classes(),
            passed_over::text(&images.findings())
        );
        let json = json!({
            "out": self.out, "params": model.params.elements(), "config": model.config,
        });
        Answer::new(text, &passed_over::told(json, &images.findings()))
    }

    fn channels(&self) -> usize {
        match self.images.glyphs {
            Some(_) => 1,
            None => self.model.channels,
        }
    }

    /// Glyphs are rendered around a middle grey; photographs have the statistics of ImageNet.
    fn preprocessing(&self) -> Preprocessing {
        match self.images.glyphs {
            Some(_) => Preprocessing::new(Resize::Squash, vec![0.5], vec![0.25]),
            None => Preprocessing::imagenet(self.channels(), Resize::Squash),
        }
    }

    fn config(&self, classes: usize) -> Config {
        let model = &self.model;
        let side = match self.images.glyphs {
            Some(_) => self.images.rendering.size,
            None => model.image_size,
        };
        let config = SwinConfig {
            image_size: [side, side],
            in_channels: self.channels(),
            patch_size: model.patch,
            embed_dim: model.width,
            depths: model.depths.clone(),
            heads: model.heads.clone(),
            window_size: model.window,
            mlp_ratio: model.mlp_ratio,
            classes,
            activation: match model.activation {
                Function::Gelu => PerBlock::All(Activation::Gelu),
                Function::Relu => PerBlock::All(Activation::Relu),
            },
            ..SwinConfig::tiny()
        };
        config.into()
    }

    fn state(&self) -> PathBuf {
        let default = || self.out.with_extension("train");
        self.state.clone().unwrap_or_else(default)
    }

    fn ui(&self, globals: &Globals) -> Box<dyn TrainUi> {
        if globals.quiet {
            Box::new(Plain(io::sink()))
        } else if self.plain || globals.json || !io::stdout().is_terminal() {
            Box::new(Plain(io::stderr()))
        } else {
            Box::new(Dashboard::new())
        }
    }
}
