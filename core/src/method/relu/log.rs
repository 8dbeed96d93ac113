//! What a distillation has done so far.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ReluOptions;
use crate::{
    Error, Result,
    architecture::Block,
    float::train::{EpochReport, Evaluation},
};

/// Version of the file.
const VERSION: u32 = 2;

/// The log of a distillation, kept as `log.json` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReluLog {
    /// Version of the file.
    version: u32,
    /// What was asked for.
    pub options: ReluOptions,
    /// Digest of the teacher's parameters.
    pub teacher: String,
    /// Images to train on and to validate with.
    pub images: [usize; 2],
    /// The teacher on the validation images.
    pub teacher_score: Evaluation,
    /// The teacher with one block changed and no training, if the order asked for it.
    pub sensitivity: Vec<(Block, Evaluation)>,
    /// The blocks of each step.
    pub plan: Vec<Vec<Block>>,
    /// The steps that are done. After those of the plan comes the finish, which changes no block.
    pub steps: Vec<StepReport>,
}

/// A step that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    /// The blocks that changed.
    pub blocks: Vec<Block>,
    /// The model on the validation images after the change, before training.
    pub swapped: Evaluation,
    /// The epochs.
    pub epochs: Vec<EpochReport>,
    /// The model that the step ended with: that of the epoch with the best top-1, or of the last.
    pub trained: Evaluation,
    /// Seconds since the step began or went on.
    pub seconds: f64,
}

impl ReluLog {
    /// Before the first step.
    pub(super) fn new(
        options: &ReluOptions,
        teacher: String,
        images: [usize; 2],
        teacher_score: Evaluation,
        sensitivity: Vec<(Block, Evaluation)>,
        plan: Vec<Vec<Block>>,
    ) -> Self {
        Self {
            version: VERSION,
            options: options.clone(),
            teacher,
            images,
            teacher_score,
            sensitivity,
            plan,
            steps: Vec::new(),
        }
    }

    /// Reads the log at `path`.
    ///
    /// # Errors
    /// If there is none of this version.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        let fail = |sentence: String| Error::Training(format!("{}: {sentence}", path.display()));
        let log: Self = serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
        if log.version != VERSION {
            let found = log.version;
            return Err(fail(format!("expected version {VERSION}, found {found}")));
        }
        Ok(log)
    }

    /// Writes the log to `path`, whole or not at all.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::Training(format!("{}: {e}", path.display())))?;
        crate::file::replace(path, text.as_bytes())
    }
}
