//! What a distillation is asked for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    Error, FloatModel, Result,
    float::train::{Distillation, TrainOptions},
};

/// In which order blocks are given ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// From the image to the logits.
    FirstToLast,
    /// From the logits to the image.
    LastToFirst,
    /// The block first whose change alone, without training, raises the loss least.
    Sensitivity,
}

/// A distillation from GELU to ReLU. Two runs of equal options over equal data give equal weights.
///
/// # Examples
///
/// All blocks at once, then ten epochs, and without fc1's bias:
///
/// ```
/// use intformer::{checkpoint, method::relu::ReluOptions};
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let teacher = checkpoint::load("models/glyphs-gelu-float.safetensors")?;
/// let options = ReluOptions {
///     group: teacher.config.blocks().len(),
///     step_epochs: 0,
///     finish_epochs: 10,
///     fc1_bias: false,
///     ..ReluOptions::new(&teacher, "relu")
/// };
/// options.validate(&teacher)?;
/// // How a step is trained is there as well: here with a loss towards the teacher.
/// assert!(options.training.distillation.is_some());
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReluOptions {
    /// The order of the blocks.
    pub order: Order,
    /// Blocks that change in one step; all at once from the number of blocks on.
    pub group: usize,
    /// Epochs after each step; may be 0.
    pub step_epochs: usize,
    /// Epochs after the last step with all blocks changed; may be 0.
    pub finish_epochs: usize,
    /// Whether the first linear layer of a changed block keeps its bias.
    pub fc1_bias: bool,
    /// Validation images that [`Order::Sensitivity`] is measured on, spread over all of them.
    pub sensitivity_images: usize,
    /// How each step is trained. Model, number of epochs and folder follow from the above.
    pub training: TrainOptions,
}

impl ReluOptions {
    /// Last to first, one block at a time: an epoch each, then three; everything kept in `out`.
    pub fn new(teacher: &FloatModel, out: impl Into<PathBuf>) -> Self {
        let (config, preprocessing) = (teacher.config.clone(), teacher.preprocessing.clone());
        Self {
            order: Order::LastToFirst,
            group: 1,
            step_epochs: 1,
            finish_epochs: 3,
            fc1_bias: true,
            sensitivity_images: 1000,
            training: TrainOptions {
                learning_rate: 3e-4,
                warmup: 0.1,
                distillation: Some(Distillation::default()),
                ..TrainOptions::new(config, preprocessing, out)
            },
        }
    }

    /// Checks that the options make sense for `teacher`.
    ///
    /// # Errors
    /// The first that does not.
    pub fn validate(&self, teacher: &FloatModel) -> Result<()> {
        teacher.validate()?;
        self.training.validate()?;
        let fail = |sentence: &str| Err(Error::Training(sentence.to_owned()));
        if self.training.steps.is_some() || self.training.record {
            return fail("expected trainings of whole epochs that record nothing, found others");
        }
        if teacher.config.cells().is_some() {
            return fail(
                "expected a teacher with classes of whole images, found one with classes of their cells",
            );
        }
        if self.group == 0 {
            return fail("expected at least one block in a step, found 0");
        }
        if self.sensitivity_images == 0 {
            return fail("expected images to measure the sensitivity on, found 0");
        }
        Ok(())
    }

    /// Whether a log of `other` may be continued with these options.
    pub(super) fn same_run(&self, other: &Self) -> bool {
        let plain = |options: &Self| Self {
            training: TrainOptions {
                out: PathBuf::new(),
                resume: false,
                checkpoint_seconds: 0,
                ..options.training.clone()
            },
            ..options.clone()
        };
        plain(self) == plain(other)
    }
}
