//! The methods by name, and what they do if nothing else is said.

use clap::ValueEnum;
use intformer::method::prune::{Criterion, PruneOptions};
use serde::{Deserialize, Serialize};

/// The methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// What later layers and the logits lose without it (OPTIN, arXiv 2403.17921).
    Optin,
    /// The Fisher information of its mask (the first stage of arXiv 2204.09656).
    Fisher,
    /// The three stages of arXiv 2204.09656: fisher with --rearrange and --tune.
    Kwon,
    /// The norms of its weights.
    Magnitude,
    /// Nothing: by chance.
    Random,
    /// How far the answers alone are from the model's without it, scored anew as the model shrinks.
    Greedy,
}

impl Method {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Optin => "optin",
            Self::Fisher => "fisher",
            Self::Kwon => "kwon",
            Self::Magnitude => "magnitude",
            Self::Random => "random",
            Self::Greedy => "greedy",
        }
    }

    /// Items that are drawn.
    pub fn items(self) -> usize {
        match self {
            Self::Optin => 32,
            Self::Greedy => 256,
            Self::Fisher | Self::Kwon | Self::Magnitude | Self::Random => 512,
        }
    }

    /// Whether scores are kept in a state.
    pub fn keeps_state(self) -> bool {
        matches!(self, Self::Optin | Self::Greedy)
    }

    /// A pruning to `share` of the multiply-adds.
    pub fn options(self, share: f64) -> PruneOptions {
        let criterion = match self {
            Self::Optin => Criterion::Trajectory,
            Self::Fisher | Self::Kwon => Criterion::Fisher,
            Self::Magnitude => Criterion::Magnitude,
            Self::Random => Criterion::Random,
            Self::Greedy => Criterion::Answers,
        };
        let kwon = self == Self::Kwon;
        PruneOptions {
            rounds: if self == Self::Greedy { 4 } else { 1 },
            rearrange: kwon,
            tune: kwon,
            batch: if self.keeps_state() { 8 } else { 32 },
            ..PruneOptions::new(criterion, share)
        }
    }
}
