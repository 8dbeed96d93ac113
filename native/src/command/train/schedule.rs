//! How a model is trained.

use clap::Args;
use intformer::{
    Preprocessing,
    architecture::Config,
    float::train::{RateOf, TrainOptions},
};

use crate::cli::within;

/// How to train.
#[derive(Args)]
#[command(next_help_heading = "Training")]
pub struct ScheduleArguments {
    /// Passes over the training data: 12, or 3 with --from.
    #[arg(long, value_parser = within(1..=1_000_000))]
    epochs: Option<usize>,
    /// Ends after so many steps, over the data as often as they need, in place of epochs.
    #[arg(long, conflicts_with = "epochs", value_parser = within(1..=1_000_000_000))]
    steps: Option<usize>,
    /// Ends with the weights of the last epoch, the only one that is validated, in place of those of the best.
    #[arg(long)]
    last: bool,
    /// Images or texts of a step: 64, or 32 with --from.
    #[arg(long, value_parser = within(1..=65536))]
    batch: Option<usize>,
    /// The largest learning rate of AdamW, which follows a cosine: 1.5e-3, or 1e-4 with --from.
    #[arg(long)]
    rate: Option<f64>,
    /// Factor of the learning rate of the parameters whose names begin so, such as blocks.0=0.1; may be
    /// given more than once, the last that fits counts.
    #[arg(long, value_name = "SITE=FACTOR", value_parser = rate_of)]
    rate_of: Vec<RateOf>,
    /// Parameters that do not learn, whatever --rate-of says, by what their names begin with, separated
    /// by commas: embeddings,blocks.0. What there is a refusal of another name tells.
    #[arg(long, value_name = "SITES", value_delimiter = ',')]
    freeze: Vec<String>,
    /// Weight decay of AdamW: 0.05, or 0.01 with --from.
    #[arg(long)]
    weight_decay: Option<f32>,
    /// Epochs over which the rate rises, or a fraction of one: 1, or 0.1 with --from.
    #[arg(long)]
    warm_up: Option<f64>,
    /// Share of the target that is spread over all classes: 0.1, or 0 with --from.
    #[arg(long)]
    label_smoothing: Option<f32>,
    /// Alpha of mixup (arXiv 1710.09412); 0 for none. For images.
    #[arg(long, default_value_t = 0.0)]
    mixup: f64,
    /// Alpha of CutMix (arXiv 1905.04899); 0 for none; with --mixup, each batch takes one of them. For images.
    #[arg(long, default_value_t = 0.0)]
    cutmix: f64,
    /// Largest norm of the gradient; 0 for no bound.
    #[arg(long, default_value_t = 1.0)]
    clip: f32,
    /// Seed of weights, order and mixing.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Seconds from one saved state to the next.
    #[arg(long, default_value_t = 60)]
    save_every: u64,
}

/// Parses `blocks.0=0.1`.
fn rate_of(text: &str) -> Result<RateOf, String> {
    let parsed = text.rsplit_once('=').and_then(|(of, factor)| {
        let factor = factor.parse().ok()?;
        let of = of.to_owned();
        Some(RateOf { of, factor })
    });
    parsed.ok_or_else(|| format!("expected SITE=FACTOR such as blocks.0=0.1, found {text:?}"))
}

impl ScheduleArguments {
    /// As the library takes it, for a model that was trained before or a new one.
    pub fn options(
        &self,
        config: Config,
        preprocessing: Preprocessing,
        trained: bool,
    ) -> TrainOptions {
        let usual = TrainOptions::new(config, preprocessing, "");
        let usual = match trained {
            true => TrainOptions {
                epochs: 3,
                batch: 32,
                learning_rate: 1e-4,
                weight_decay: 0.01,
                warmup: 0.1,
                label_smoothing: 0.0,
                ..usual
            },
            false => TrainOptions {
                epochs: 12,
                learning_rate: 1.5e-3,
                ..usual
            },
        };
        let frozen = self.freeze.iter().map(|of| RateOf {
            of: of.clone(),
            factor: 0.0,
        });
        TrainOptions {
            epochs: self.epochs.unwrap_or(usual.epochs),
            steps: self.steps,
            last: self.last,
            batch: self.batch.unwrap_or(usual.batch),
            learning_rate: self.rate.unwrap_or(usual.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
            warmup: self.warm_up.unwrap_or(usual.warmup),
            label_smoothing: self.label_smoothing.unwrap_or(usual.label_smoothing),
            mixup: self.mixup,
            cutmix: self.cutmix,
            clip: self.clip,
            rates: self.rate_of.iter().cloned().chain(frozen).collect(),
            seed: self.seed,
            checkpoint_seconds: self.save_every,
            ..usual
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RateOf, rate_of};

    #[test]
    fn a_rate_of_its_own_is_a_site_and_a_factor() {
        let of = "blocks.0".to_owned();
        assert_eq!(rate_of("blocks.0=0.1"), Ok(RateOf { of, factor: 0.1 }));
        for text in ["", "blocks", "blocks=", "blocks=a", "0.1"] {
            assert!(rate_of(text).is_err(), "{text}");
        }
    }
}
