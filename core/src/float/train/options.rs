//! What a training run is asked for.

use std::{collections::BTreeSet, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::Distillation;
use crate::{
    Error, Preprocessing, Result,
    architecture::{Config, census},
};

/// A training run. Two runs of equal options over equal data give equal weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainOptions {
    /// The model.
    pub config: Config,
    /// From image file to pixels; [`Preprocessing::none`] if the model takes texts.
    pub preprocessing: Preprocessing,
    /// Passes over the training data.
    pub epochs: usize,
    /// Steps after which the run ends in place of `epochs`, over the data as often as they need: what trainings on
    /// more and on fewer examples are compared by. The rate rises over as large a share of them as of the epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Ends with the weights of the last epoch, the only one that is validated, in place of those of the best:
    /// what is validated with has no part in the choice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// Examples of an epoch, drawn from the training data; all of it if there are fewer.
    pub epoch_examples: Option<usize>,
    /// The epoch that the data begins with: a run that follows another sees other images.
    pub first_epoch: u64,
    /// What is learned from a teacher beside the labels.
    pub distillation: Option<Distillation>,
    /// Examples of a step; texts of a step have similar lengths.
    pub batch: usize,
    /// Peak learning rate of AdamW.
    pub learning_rate: f64,
    /// Decoupled weight decay of the linear layers' weights; nothing else decays.
    pub weight_decay: f32,
    /// Epochs of linear warm-up before the cosine; may be a fraction.
    pub warmup: f64,
    /// Share of the target spread over all classes, 0 to 1.
    pub label_smoothing: f32,
    /// Alpha of the Beta distribution that mixes two images (arXiv 1710.09412); 0 for none.
    pub mixup: f64,
    /// Alpha of the Beta distribution of the share of an image that a rectangle of another leaves (CutMix, arXiv
    /// 1905.04899); 0 for none. With both, each batch is mixed in one way or the other, as likely.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cutmix: f64,
    /// Largest norm of the whole gradient; 0 for no clipping.
    pub clip: f32,
    /// Factors of the learning rate of some parameters; a parameter follows the last that names it.
    pub rates: Vec<RateOf>,
    /// Seed of weights, order and mixing.
    pub seed: u64,
    /// Seconds from one checkpoint to the next, but for a step or a validation that takes longer; a run that is done has one,
    /// too.
    pub checkpoint_seconds: u64,
    /// What tells the examples to train on from others, if it is known: a run goes on with the same alone.
    pub data: Option<String>,
    /// Keeps what the forward passes said of each example ([`Trained::answers`](super::Trained::answers)); this takes
    /// no pass of its own.
    pub record: bool,
    /// Folder of the checkpoint.
    pub out: PathBuf,
    /// Go on from the checkpoint in `out` if there is one.
    pub resume: bool,
}

/// Takes a reference, as serde asks for it.
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Steps of a whole epoch.
    pub steps: usize,
    /// Epochs, the last of which may be cut short.
    pub epochs: usize,
    /// Steps of the run.
    pub total: usize,
}

/// A factor of the learning rate of some parameters.
///
/// # Examples
///
/// ```
/// use intformer::float::train::RateOf;
///
/// let rate = RateOf { of: "blocks.1".into(), factor: 0.1 };
/// assert!(rate.names("blocks.1.mlp.fc1.weight"));
/// assert!(!rate.names("blocks.11.mlp.fc1.weight"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateOf {
    /// What the canonical names of the parameters begin with, up to a dot: `embeddings`, `blocks.0`, `head`.
    pub of: String,
    /// What their rate is multiplied by; with 0 they are frozen.
    pub factor: f64,
}

impl RateOf {
    /// Whether it is for the parameter `name`.
    pub fn names(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.of);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl TrainOptions {
    /// The factor of the learning rate of the parameter `name`.
    pub fn factor(&self, name: &str) -> f64 {
        let named = self.rates.iter().rev().find(|rate| rate.names(name));
        named.map_or(1.0, |rate| rate.factor)
    }

    /// Options that suit a small model: 30 epochs of AdamW at 0.001, batch 64.
    pub fn new(
        config: impl Into<Config>,
        preprocessing: Preprocessing,
        out: impl Into<PathBuf>,
    ) -> Self {
        Self {
            config: config.into(),
            preprocessing,
            epochs: 30,
            steps: None,
            last: false,
            epoch_examples: None,
            first_epoch: 0,
            distillation: None,
            batch: 64,
            learning_rate: 1e-3,
            weight_decay: 0.05,
            warmup: 1.0,
            label_smoothing: 0.1,
            mixup: 0.0,
            cutmix: 0.0,
            clip: 1.0,
            rates: Vec::new(),
            seed: 0,
            checkpoint_seconds: 60,
            data: None,
            record: false,
            out: out.into(),
            resume: false,
        }
    }

    /// Checks that the options make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn validate(&self) -> Result<()> {
        self.config.validate()?;
        let rules = [
            ("at least one epoch", self.epochs >= 1),
            ("at least one step", self.steps != Some(0)),
            (
                "whole epochs of what is recorded",
                !self.record || self.steps.is_none(),
            ),
            (
                "at least one example in an epoch",
                self.epoch_examples != Some(0),
            ),
            (
                "a positive temperature and weights of a loss",
                self.distillation.is_none_or(|how| how.is_sound()),
            ),
            ("a batch from 1 to 65536", (1..=65536).contains(&self.batch)),
            (
                "a positive learning rate",
                self.learning_rate.is_finite() && self.learning_rate > 0.0,
            ),
            (
                "a weight decay of 0 or more",
                self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            ),
            (
                "a warm-up of 0 or more epochs",
                self.warmup.is_finite() && self.warmup >= 0.0,
            ),
            (
                "a label smoothing from 0 to below 1",
                (0.0..1.0).contains(&self.label_smoothing),
            ),
            (
                "a mixup of 0 or more",
                self.mixup.is_finite() && self.mixup >= 0.0,
            ),
            (
                "a cutmix of 0 or more",
                self.cutmix.is_finite() && self.cutmix >= 0.0,
            ),
            (
                "a gradient clip of 0 or more",
                self.clip.is_finite() && self.clip >= 0.0,
            ),
            (
                "factors of rates of 0 or more",
                self.rates
                    .iter()
                    .all(|rate| rate.factor.is_finite() && rate.factor >= 0.0),
            ),
            (
                "no mixup or cutmix of what is recorded",
                !self.record || !self.mixes(),
            ),
            (
                "images to mix",
                !self.mixes() || self.config.image().is_ok(),
            ),
        ];
        match rules.iter().find(|(_, holds)| !holds) {
            Some((rule, _)) => Err(Error::Training(format!("expected {rule}, found {self:?}"))),
            None => self.check_rates(),
        }
    }

    /// Checks that each of the rates is one of parameters that there are, and that something learns.
    fn check_rates(&self) -> Result<()> {
        let fail = |sentence: String| Err(Error::Training(sentence));
        let params = census(&self.config)?.params;
        let names = || params.iter().map(|(name, _)| name.as_str());
        let unknown = |rate: &&RateOf| !names().any(|name| rate.names(name));
        if let Some(rate) = self.rates.iter().find(unknown) {
            let first = names().map(|name| name.split('.').next().unwrap_or(name));
            let first: BTreeSet<_> = first.collect();
            let first: Vec<_> = first.into_iter().collect();
            return fail(format!(
                "expected the beginning of a parameter's name, such as {}, found {:?}",
                first.join(", "),
                rate.of
            ));
        }
        match names().all(|name| self.factor(name) == 0.0) {
            true => fail("expected parameters that learn, found all of them frozen".to_owned()),
            false => Ok(()),
        }
    }

    /// Whether examples are mixed with others.
    fn mixes(&self) -> bool {
        self.mixup > 0.0 || self.cutmix > 0.0
    }

    /// Examples of an epoch over `all` training examples.
    pub fn examples(&self, all: usize) -> usize {
        self.epoch_examples.map_or(all, |most| most.min(all))
    }

    /// Steps of an epoch, epochs and steps of the whole run over `all` training examples; the last epoch may have fewer.
    pub(super) fn extent(&self, all: usize) -> Extent {
        let steps = self.examples(all).div_ceil(self.batch);
        let total = self
            .steps
            .unwrap_or_else(|| self.epochs.saturating_mul(steps));
        Extent {
            steps,
            epochs: total.div_ceil(steps.max(1)),
            total,
        }
    }

    /// The learning rate of step `step` (from 0 in the first epoch) where an epoch has `steps` steps:
    /// linear warm-up, then half a cosine down to a hundredth.
    ///
    /// # Examples
    ///
    /// ```
    /// use intformer::{Preprocessing, Resize, float::train::TrainOptions, architecture::SwinConfig};
    ///
    /// let preprocessing = Preprocessing::imagenet(3, Resize::CropFraction { crop: 0.9 });
    /// let options = TrainOptions {
    ///     epochs: 10,
    ///     warmup: 2.0,
    ///     learning_rate: 1e-3,
    ///     ..TrainOptions::new(SwinConfig::tiny(), preprocessing, "run")
    /// };
    /// options.validate()?;
    ///
    /// let percent = |step| (options.rate(step, 100) * 1e5).round() as u32;
    /// // Half way through the warm-up, at its end, in the middle of the cosine, in the last step.
    /// assert_eq!([99, 199, 599, 999].map(percent), [50, 100, 51, 1]);
    /// # Ok::<(), intformer::Error>(())
    /// ```
    pub fn rate(&self, step: usize, steps: usize) -> f64 {
        let total = self.steps.unwrap_or(self.epochs.saturating_mul(steps)) as f64;
        let warm = match self.steps {
            None => self.warmup * steps as f64,
            // As large a share of them as of the epochs, so that trainings on more and on fewer examples rise alike.
            Some(_) => self.warmup * total / self.epochs as f64,
        };
        let warm = warm.min(total);
        let at = step as f64 + 1.0;
        if at < warm {
            return self.learning_rate * at / warm;
        }
        let progress = ((at - warm) / (total - warm).max(1.0)).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        self.learning_rate * (0.01 + 0.99 * cosine)
    }

    /// Whether a checkpoint of `other` may be continued with these options.
    pub(super) fn same_run(&self, other: &Self) -> bool {
        let plain = |options: &Self| Self {
            out: PathBuf::new(),
            resume: false,
            checkpoint_seconds: 0,
            ..options.clone()
        };
        plain(self) == plain(other)
    }
}
