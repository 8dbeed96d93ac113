//! H-score: which examples a fine-tuning needs (arXiv 2407.08887; `docs/methods/dataset-pruning.md`).
//!
//! An example's score H is the number of runs, 0 to R, in which the model was right about it in the forward pass of
//! every epoch. Those of 0 are too hard or mislabelled, those of R teach nothing new; what is left is the winning
//! ticket subset. No size is asked for.
//!
//! ```
//! use intformer::method::hscore::{RunLog, Scores, score_classes};
//!
//! // Three runs of two epochs over four examples: whether each was right, epoch by epoch.
//! let runs = [
//!     [true, true, false, false, true, true, false, true],
//!     [true, false, false, false, true, true, false, true],
//!     [true, true, false, true, true, true, false, true],
//! ];
//! let logs = runs.iter().enumerate().map(|(run, right)| RunLog::new(run.to_string(), 2, right.to_vec(), None));
//! let scores = Scores::of(&logs.collect::<Result<Vec<_>, _>>()?)?;
//! assert_eq!(scores.h, [3, 2, 0, 1]);
//!
//! // Without the scores 0 and 3.
//! let ticket = &score_classes(3)?[0];
//! assert_eq!(ticket.name(), "winning-ticket");
//! assert_eq!(scores.kept(ticket), [1, 3]);
//! # Ok::<(), intformer::Error>(())
//! ```

mod log;
mod log_file;
mod scores;
mod subsets;
#[cfg(all(test, feature = "float"))]
mod tests;

pub use log::{Beside, RunLog};
pub use scores::Scores;
pub use subsets::{Rival, ScoreClasses, score_classes};
