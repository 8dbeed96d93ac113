//! What a pruning is asked for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::TimeTable;
use crate::{Error, Result, input::is_default};

/// By what a unit's worth is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Criterion {
    /// A random number: a floor.
    Random,
    /// The norms of the weights that make and take up its channels: a floor without data.
    Magnitude,
    /// The diagonal of the empirical Fisher information of its mask (arXiv 2204.09656).
    Fisher,
    /// What the layers after it and the logits lose without it (OPTIN, arXiv 2403.17921).
    Trajectory,
    /// How far the answers are from the model's without it alone, by their divergence.
    Answers,
}

/// A pruning. Two of equal options, models and items give equal weights.
///
/// # Examples
///
/// Kwon's framework whole, and OPTIN in two rounds:
///
/// ```
/// use intformer::method::prune::{Criterion, PruneOptions};
///
/// let kwon = PruneOptions {
///     rearrange: true,
///     tune: true,
///     ..PruneOptions::new(Criterion::Fisher, 0.6)
/// };
/// kwon.validate()?;
/// let optin = PruneOptions {
///     rounds: 2,
///     ..PruneOptions::new(Criterion::Trajectory, 0.6)
/// };
/// optin.validate()?;
///
/// let nothing = PruneOptions::new(Criterion::Fisher, 1.5).validate().unwrap_err().to_string();
/// assert!(nothing.contains("expected a share of the multiply-adds above 0 and up to 1, found 1.5"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneOptions {
    /// By what units are told apart.
    pub criterion: Criterion,
    /// Multiply-accumulates of the pruned model over those of the model, or times by a table; above 0, up to 1.
    pub share: f64,
    /// How much of the reduction comes from patches that a Vision Transformer leaves out, before units go; from 0 to 1. They
    /// are scored by what [`Criterion::Trajectory`] compares, but with [`Criterion::Random`] and [`Criterion::Answers`] as
    /// units are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tokens: f64,
    /// Times that are counted in place of multiply-accumulates; only in one round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<TimeTable>,
    /// Steps to that share, each with units scored anew in the model that the one before has left; equal factors.
    pub rounds: usize,
    /// Whether the units of each layer are chosen anew by how their gradients go together, as many as were chosen one
    /// by one (the second stage of arXiv 2204.09656); only with [`Criterion::Fisher`].
    pub rearrange: bool,
    /// Whether the units that stay are scaled to make up for those that went (its third stage).
    pub tune: bool,
    /// Items that run at once. With [`Criterion::Trajectory`] they are compared with each other, too.
    pub batch: usize,
    /// Seed of what is drawn.
    pub seed: u64,
    /// What [`Criterion::Trajectory`] compares.
    pub trajectory: Trajectory,
    /// The folder of the state, by which a run that was cut off goes on; none is kept without one.
    pub state: Option<PathBuf>,
}

/// What OPTIN compares of a pass without a unit and the one with all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trajectory {
    /// Rows of a layer's output, at most, whose products with each other are compared; the same for all units.
    pub rows: usize,
    /// What the logits count over what the trajectory counts, both over all units.
    pub lambda: f64,
    /// Temperature of the logits.
    pub temperature: f64,
    /// As the published code does it, not as the paper says: rows drawn anew for each unit, the last head of earlier
    /// blocks left out, scores multiplied by envelopes over the indices of units, the weight of the logits by unit.
    pub as_released: bool,
}

impl Default for Trajectory {
    fn default() -> Self {
        Self {
            rows: 768,
            lambda: 0.1,
            temperature: 4.0,
            as_released: false,
        }
    }
}

impl PruneOptions {
    /// By `criterion` in one round to `share` of the multiply-accumulates.
    pub fn new(criterion: Criterion, share: f64) -> Self {
        Self {
            criterion,
            share,
            tokens: 0.0,
            times: None,
            rounds: 1,
            rearrange: false,
            tune: false,
            batch: 32,
            seed: 0,
            trajectory: Trajectory::default(),
            state: None,
        }
    }

    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// [`Error::Prune`] with the first that does not.
    pub fn validate(&self) -> Result<()> {
        let fail = |sentence: String| Err(Error::Prune(sentence));
        if !(self.share > 0.0 && self.share <= 1.0) {
            return fail(format!(
                "expected a share of the {} above 0 and up to 1, found {}",
                match self.times {
                    None => "multiply-adds",
                    Some(_) => "time",
                },
                self.share
            ));
        }
        if self.rounds == 0 || self.batch == 0 || self.trajectory.rows < 2 {
            return fail(format!(
                "expected rounds and items of a batch of 1 or more and rows of 2 or more, found {}, {} and {}",
                self.rounds, self.batch, self.trajectory.rows
            ));
        }
        if self.times.is_some() && self.rounds > 1 {
            return fail(format!(
                "expected one round, as times are known of the whole model's layers, found {}",
                self.rounds
            ));
        }
        if !(0.0..=1.0).contains(&self.tokens) {
            return fail(format!(
                "expected a share of the reduction by tokens from 0 to 1, found {}",
                self.tokens
            ));
        }
        if self.tokens > 0.0 {
            if self.times.is_some() {
                return fail("expected a budget of multiply-adds, as no times are known of fewer tokens, found one of time".to_owned());
            }
            if self.trajectory.as_released {
                return fail(
                    "expected OPTIN as the paper says it for tokens, found it as released"
                        .to_owned(),
                );
            }
        }
        let Trajectory {
            lambda,
            temperature,
            ..
        } = self.trajectory;
        if !(lambda.is_finite() && lambda >= 0.0 && temperature.is_finite() && temperature > 0.0) {
            return fail(format!(
                "expected a weight of the logits of 0 or more and a temperature above 0, found {lambda} and {temperature}"
            ));
        }
        if self.rearrange && self.criterion != Criterion::Fisher {
            return fail(format!(
                "expected the criterion fisher, whose gradients a rearrangement needs, found {:?}",
                self.criterion
            ));
        }
        Ok(())
    }

    /// The same options as far as what is kept of scores depends on them.
    pub(super) fn key(&self) -> Self {
        let trajectory = Trajectory {
            lambda: 0.0,
            ..self.trajectory
        };
        let drawn = self.criterion == Criterion::Trajectory;
        Self {
            state: None,
            tune: false,
            // The first round scores the whole model.
            share: if self.rounds == 1 && self.tokens == 0.0 {
                1.0
            } else {
                self.share
            },
            times: None,
            seed: if drawn { self.seed } else { 0 },
            trajectory: if drawn {
                trajectory
            } else {
                Trajectory::default()
            },
            ..self.clone()
        }
    }
}
