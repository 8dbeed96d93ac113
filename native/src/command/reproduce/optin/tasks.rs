//! The models that are pruned, and the arms: ways to prune them.

use clap::ValueEnum;
use intformer::method::prune::PruneOptions;
use serde::{Deserialize, Serialize};

use crate::{command::prune::method::Method, study::sets::SetName};

/// A model and its test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// The encoder, trained on TREC-6.
    Trec,
    /// The encoder, trained on Rotten Tomatoes.
    RottenTomatoes,
    /// The encoder, trained on R8.
    R8,
    /// The model of images, trained on Fashion-MNIST.
    FashionMnist,
    /// The model of images as it is, on digits and capitals.
    Glyphs,
    /// A Swin a quarter as wide with hidden layers as wide as the others, trained on Fashion-MNIST from nothing: a control, with
    /// little to prune.
    Tight,
}

/// How a task's model comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Another model is trained further.
    Further,
    /// It is there.
    AsItIs,
    /// A small one is trained from nothing.
    Nothing,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Trec,
        Self::RottenTomatoes,
        Self::R8,
        Self::FashionMnist,
        Self::Glyphs,
        Self::Tight,
    ];

    /// Its examples.
    pub fn set(self) -> SetName {
        match self {
            Self::Trec => SetName::Trec,
            Self::RottenTomatoes => SetName::RottenTomatoes,
            Self::R8 => SetName::R8,
            Self::FashionMnist | Self::Tight => SetName::FashionMnist,
            Self::Glyphs => SetName::Glyphs,
        }
    }

    /// How its model comes to be.
    pub fn start(self) -> Start {
        match self {
            Self::Trec | Self::RottenTomatoes | Self::R8 | Self::FashionMnist => Start::Further,
            Self::Glyphs => Start::AsItIs,
            Self::Tight => Start::Nothing,
        }
    }

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tight => "tight",
            other => other.set().folder(),
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Trec => "TREC-6, encoder",
            Self::RottenTomatoes => "Rotten Tomatoes, encoder",
            Self::R8 => "R8, encoder",
            Self::FashionMnist => "Fashion-MNIST, Swin",
            Self::Glyphs => "Glyphs, Swin",
            Self::Tight => "Fashion-MNIST, tight Swin",
        }
    }

    /// Whether it is a control, which no claim is of.
    pub fn is_control(self) -> bool {
        self == Self::Tight
    }
}

/// A way to prune.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// OPTIN as the paper says.
    Optin,
    /// OPTIN as the published code does it.
    OptinAsReleased,
    /// Fisher information alone.
    Fisher,
    /// Kwon's framework whole.
    Kwon,
    /// The norms of weights: a floor.
    Magnitude,
    /// By chance: a floor.
    Random,
    /// By the answers, scored anew as the model shrinks; of images, to 0.6 alone.
    Greedy,
}

impl Arm {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Optin,
        Self::OptinAsReleased,
        Self::Fisher,
        Self::Kwon,
        Self::Magnitude,
        Self::Random,
        Self::Greedy,
    ];

    /// Those that are published, score once and train nothing.
    pub const ONE_SHOT: [Self; 3] = [Self::Optin, Self::Fisher, Self::Kwon];

    /// The method.
    pub fn method(self) -> Method {
        match self {
            Self::Optin | Self::OptinAsReleased => Method::Optin,
            Self::Fisher => Method::Fisher,
            Self::Kwon => Method::Kwon,
            Self::Magnitude => Method::Magnitude,
            Self::Random => Method::Random,
            Self::Greedy => Method::Greedy,
        }
    }

    /// For folders and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::OptinAsReleased => "optin-as-released",
            other => other.method().name(),
        }
    }

    /// A pruning to `share`.
    pub fn options(self, share: f64, seed: u64) -> PruneOptions {
        let mut options = self.method().options(share);
        options.seed = seed;
        options.trajectory.as_released = self == Self::OptinAsReleased;
        options
    }

    /// Whether its model can be had of `task`: units one by one, in rounds, of an encoder take hours.
    pub fn fits(self, task: Task) -> bool {
        self != Self::Greedy || task.set().takes_images()
    }

    /// Seeds of `all` that change what it gives.
    pub fn seeds(self, all: u64) -> u64 {
        if self == Self::Magnitude { 1 } else { all }
    }

    /// Examples that it is also tried with at [`CLAIM`], of those that are asked for: OPTIN's cost grows with them, and an encoder's
    /// units are many.
    pub fn sizes(self, task: Task, sizes: &[usize]) -> Vec<usize> {
        let most = match self {
            Self::Optin if !task.set().takes_images() => 128,
            Self::Optin => 512,
            Self::Fisher | Self::Kwon => usize::MAX,
            _ => 0,
        };
        let usual = self.method().items();
        let some = sizes.iter().copied();
        some.filter(|&size| size <= most && size != usual).collect()
    }
}

/// The share of the multiply-adds that claims are told at.
pub const CLAIM: f64 = 0.6;
