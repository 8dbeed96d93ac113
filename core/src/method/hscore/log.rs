//! What a run said of each example in each epoch.

use super::scores::difference;
#[cfg(feature = "float")]
use crate::float::train::Answers;
use crate::{Error, Result};

/// A run of training: by epoch, then by example, in the order of the data set.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLog {
    /// What tells it from other runs: its seed, if it is one of this library.
    pub run: String,
    /// Digest of the data set, if it is known.
    pub data: Option<String>,
    /// What all runs have in common, as JSON, if it is known.
    pub settings: Option<String>,
    pub(super) epochs: usize,
    pub(super) right: Vec<bool>,
    pub(super) beside: Option<Beside>,
}

/// What rivals of the score need: as many numbers each as there are answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// Probability of the example's class.
    pub confidence: Vec<f32>,
    /// That probability less the largest of the others.
    pub margin: Vec<f32>,
    /// Length of the difference between the probabilities and those of a sure right answer.
    pub error: Vec<f32>,
}

impl RunLog {
    /// A log of `epochs` epochs: `right` says for each epoch and example whether the answer was right.
    ///
    /// # Errors
    /// [`Error::Data`] if there are not as many answers in each epoch, or not as many numbers beside them.
    pub fn new(
        run: impl Into<String>,
        epochs: usize,
        right: Vec<bool>,
        beside: Option<Beside>,
    ) -> Result<Self> {
        let run = run.into();
        if epochs == 0 || right.is_empty() || !right.len().is_multiple_of(epochs) {
            return Err(Error::Data(format!(
                "run {run}: expected as many answers in each of {epochs} epochs, found {} in all",
                right.len()
            )));
        }
        if let Some(beside) = &beside {
            for numbers in [&beside.confidence, &beside.margin, &beside.error] {
                if numbers.len() != right.len() {
                    return Err(Error::Data(format!(
                        "run {run}: expected {} numbers beside as many answers, found {}",
                        right.len(),
                        numbers.len()
                    )));
                }
            }
        }
        Ok(Self {
            run,
            data: None,
            settings: None,
            epochs,
            right,
            beside,
        })
    }

    /// The most answers of a run, over all epochs.
    pub const MOST: usize = 1 << 24;

    /// What a training recorded.
    ///
    /// # Errors
    /// [`Error::Data`] if an example was not shown in an epoch.
    #[cfg(feature = "float")]
    pub fn of_answers(run: impl Into<String>, answers: &Answers) -> Result<Self> {
        let run = run.into();
        let (epochs, examples) = (answers.epochs(), answers.examples());
        let mut right = Vec::with_capacity(epochs * examples);
        let mut beside = Beside::default();
        for (epoch, index) in (0..epochs).flat_map(|e| (0..examples).map(move |i| (e, i))) {
            let Some(answer) = answers.get(epoch, index) else {
                let [epochs, examples, epoch, index] =
                    [epochs, examples, epoch, index].map(|count| count as u64);
                return Err(Error::Data(gap(&run, [epochs, examples], [epoch, index])));
            };
            right.push(answer.right);
            beside.confidence.push(answer.confidence);
            beside.margin.push(answer.margin);
            beside.error.push(answer.error);
        }
        Self::new(run, epochs, right, Some(beside))
    }

    /// Checks that it is a run over the data set of the digest `data` with `settings`.
    ///
    /// # Errors
    /// [`Error::Data`] with the first setting that differs.
    pub fn check(&self, data: &str, settings: &str) -> Result<()> {
        let fail = |what: &str| {
            Err(Error::Data(format!(
                "expected a run of the same data and settings, found {what}"
            )))
        };
        if self.data.as_deref() != Some(data) {
            return fail("one over another data set");
        }
        match self.settings.as_deref() {
            Some(found) if found == settings => Ok(()),
            found => fail(&format!(
                "one of others{}",
                difference(found, Some(settings))
            )),
        }
    }

    /// Epochs.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// Examples.
    pub fn examples(&self) -> usize {
        self.right.len() / self.epochs
    }

    /// Whether the answer to each example was right in the epoch `epoch`, which is below [`RunLog::epochs`].
    pub fn right(&self, epoch: usize) -> &[bool] {
        let examples = self.examples();
        &self.right[epoch * examples..][..examples]
    }

    /// What stands beside all answers, epoch by epoch, if it was recorded.
    pub fn beside(&self) -> Option<&Beside> {
        self.beside.as_ref()
    }
}

/// The sentence for a run that has no answer to an example.
pub(super) fn gap(run: &str, [epochs, examples]: [u64; 2], [epoch, index]: [u64; 2]) -> String {
    format!(
        "run {run}: expected an answer to each of {examples} examples in each of {epochs} epochs, found none to the \
         example {index} in the epoch {epoch} (both count from 0)"
    )
}
