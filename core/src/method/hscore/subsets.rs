//! Which examples to keep: by score, or by what a rival says, as many.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::Scores;
use crate::{Error, Result};

/// Scores whose examples are kept: those from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreClasses {
    runs: u32,
    first: u32,
    last: u32,
}

impl ScoreClasses {
    /// Whether the examples of score `h` are kept.
    pub fn keeps(&self, h: u32) -> bool {
        (self.first..=self.last).contains(&h)
    }

    /// For a file: `winning-ticket`, `kept-2-5`, `kept-5`.
    pub fn name(&self) -> String {
        match (self.first, self.last) {
            (1, last) if last + 1 == self.runs => "winning-ticket".to_owned(),
            (first, last) if first == last => format!("kept-{first}"),
            (first, last) => format!("kept-{first}-{last}"),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let scores = match self.first == self.last {
            true => self.first.to_string(),
            false => format!("{} to {}", self.first, self.last),
        };
        format!("right at every epoch in {scores} of {} runs", self.runs)
    }
}

/// What the paper keeps of the scores 0 to `runs`, the winning ticket subset first: of six runs 1-5, 2-5, 3-5, 4-5, 5, 2-4
/// and 4.
///
/// # Errors
/// [`Error::Data`] if there are less than two runs: one knows right and wrong alone, and leaves nothing.
pub fn score_classes(runs: usize) -> Result<Vec<ScoreClasses>> {
    let most = u32::try_from(runs).unwrap_or(u32::MAX);
    if most < 2 {
        return Err(Error::Data(format!(
            "expected at least two runs, as without the scores 0 and {runs} nothing is left of fewer, found {runs}"
        )));
    }
    let kept = |first, last| ScoreClasses {
        runs: most,
        first,
        last,
    };
    let mut list: Vec<_> = (1..most).map(|first| kept(first, most - 1)).collect();
    if most >= 5 {
        list.extend([kept(2, most - 2), kept(most - 2, most - 2)]);
    }
    Ok(list)
}

/// Another way to choose as many examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// Any.
    Random,
    /// Those that were forgotten most often.
    Forgetting,
    /// Those of the largest error early on.
    El2n,
    /// Those whose confidence varies most.
    Ambiguous,
}

impl Rival {
    /// All.
    pub const ALL: [Self; 4] = [Self::Random, Self::Forgetting, Self::El2n, Self::Ambiguous];

    /// For a file and a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Forgetting => "forgetting",
            Self::El2n => "el2n",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// `count` examples, rising; of equals those that `seed` draws. None if the runs did not record what it needs.
    pub fn choose(self, scores: &Scores, count: usize, seed: u64) -> Option<Vec<usize>> {
        let mut order: Vec<usize> = (0..scores.h.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let by = match self {
            Self::Random => None,
            Self::Forgetting => Some(&scores.forgetting),
            Self::El2n => Some(scores.el2n.as_ref()?),
            Self::Ambiguous => Some(scores.variability.as_ref()?),
        };
        if let Some(by) = by {
            order.sort_by(|&a, &b| by[b].total_cmp(&by[a]));
        }
        order.truncate(count);
        order.sort_unstable();
        Some(order)
    }
}
