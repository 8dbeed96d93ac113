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
    /// The ViT-S/14 at 56 pixels, trained on Fashion-MNIST.
    Vit,
    /// The encoder of chemical reactions as it is, with its own answers as the classes.
    Reactions,
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
    /// It is there, and what it answers are the classes: what is counted is how often a pruned model agrees.
    Answers,
    /// A small one is trained from nothing.
    Nothing,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Trec,
        Self::RottenTomatoes,
        Self::R8,
        Self::FashionMnist,
        Self::Glyphs,
        Self::Vit,
        Self::Reactions,
        Self::Tight,
    ];

    /// Its examples, if they are of a data set that other studies have, too.
    pub fn set(self) -> Option<SetName> {
        match self {
            Self::Trec => Some(SetName::Trec),
            Self::RottenTomatoes => Some(SetName::RottenTomatoes),
            Self::R8 => Some(SetName::R8),
            Self::FashionMnist | Self::Vit | Self::Tight => Some(SetName::FashionMnist),
            Self::Glyphs => Some(SetName::Glyphs),
            Self::Reactions => None,
        }
    }

    /// Whether its model takes images.
    pub fn takes_images(self) -> bool {
        self.set().is_some_and(SetName::takes_images)
    }

    /// Tokens after which its texts are cut.
    pub fn tokens(self) -> Option<usize> {
        match self.set() {
            Some(set) => set.tokens(),
            None => Some(128),
        }
    }

    /// The largest learning rate of its training.
    pub fn rate(self) -> f64 {
        match (self, self.set()) {
            (Self::Vit, _) | (_, None) => 2e-4,
            (_, Some(set)) => set.rate(),
        }
    }

    /// Parameters of its model, of so many blocks, that do not learn.
    pub fn frozen(self, blocks: usize) -> Vec<String> {
        match (self, self.set()) {
            (Self::Vit, _) => {
                let blocks = (0..2 * blocks / 3).map(|block| format!("blocks.{block}"));
                let images = ["patch_embed", "embed"].map(str::to_owned);
                images.into_iter().chain(blocks).collect()
            }
            (_, Some(set)) if self.start() == Start::Further => set.frozen(blocks),
            _ => Vec::new(),
        }
    }

    /// The side of the images that its model is read for, if it takes those of more than one size.
    pub fn side(self) -> Option<usize> {
        (self == Self::Vit).then_some(56)
    }

    /// How its model comes to be.
    pub fn start(self) -> Start {
        match self {
            Self::Trec | Self::RottenTomatoes | Self::R8 | Self::FashionMnist | Self::Vit => {
                Start::Further
            }
            Self::Glyphs => Start::AsItIs,
            Self::Reactions => Start::Answers,
            Self::Tight => Start::Nothing,
        }
    }

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match (self, self.set()) {
            (Self::Tight, _) => "tight",
            (Self::Vit, _) => "vit",
            (_, Some(set)) => set.folder(),
            (_, None) => "reactions",
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
            Self::Vit => "Fashion-MNIST, ViT-S/14",
            Self::Reactions => "Reactions, BERT",
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
    /// OPTIN with half of the reduction by patches that are left out (its configuration tau); of Vision Transformers.
    OptinTokens,
    /// OPTIN as the published code does it; not of the ViT, where rows drawn anew for each unit take hours.
    OptinAsReleased,
    /// Fisher information alone.
    Fisher,
    /// Kwon's framework whole.
    Kwon,
    /// The norms of weights: a floor.
    Magnitude,
    /// By chance: a floor.
    Random,
    /// By the answers, scored anew as the model shrinks; of Swins, to 0.6 alone.
    Greedy,
}

impl Arm {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Optin,
        Self::OptinTokens,
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
            Self::Optin | Self::OptinTokens | Self::OptinAsReleased => Method::Optin,
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
            Self::OptinTokens => "optin-tokens",
            Self::OptinAsReleased => "optin-as-released",
            other => other.method().name(),
        }
    }

    /// A pruning to `share`.
    pub fn options(self, share: f64, seed: u64) -> PruneOptions {
        let mut options = self.method().options(share);
        options.seed = seed;
        options.trajectory.as_released = self == Self::OptinAsReleased;
        if self == Self::OptinTokens {
            options.tokens = 0.5;
        }
        options
    }

    /// Whether its models can be had of `task`: units one by one, in rounds, of an encoder or a ViT take hours.
    pub fn fits(self, task: Task) -> bool {
        match self {
            Self::OptinTokens => task == Task::Vit,
            Self::OptinAsReleased => task != Task::Vit,
            Self::Greedy => task.takes_images() && task != Task::Vit,
            _ => true,
        }
    }

    /// Seeds of `all` that change what it gives.
    pub fn seeds(self, all: u64) -> u64 {
        if self == Self::Magnitude { 1 } else { all }
    }

    /// Examples that it is also tried with at [`CLAIM`], of those that are asked for: OPTIN's cost grows with them, and an encoder's
    /// units are many.
    pub fn sizes(self, task: Task, sizes: &[usize]) -> Vec<usize> {
        let most = match self {
            Self::Optin if task == Task::Vit => 0,
            Self::Optin if !task.takes_images() => 128,
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
