//! The data sets of studies, and how models are trained on them.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetName {
    /// Questions by what they ask for, six classes.
    Trec,
    /// Sentences of reviews, good or bad.
    RottenTomatoes,
    /// News by topic, eight classes.
    R8,
    /// Pictures of clothes, ten classes.
    FashionMnist,
    /// Small letters rendered from fonts, of test fonts that no training has seen.
    Glyphs,
}

impl SetName {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Trec,
        Self::RottenTomatoes,
        Self::R8,
        Self::FashionMnist,
        Self::Glyphs,
    ];

    /// The name of its folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Trec => "trec",
            Self::RottenTomatoes => "rotten-tomatoes",
            Self::R8 => "r8",
            Self::FashionMnist => "fashion-mnist",
            Self::Glyphs => "glyphs",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Trec => "TREC-6",
            Self::RottenTomatoes => "Rotten Tomatoes",
            Self::R8 => "R8",
            Self::FashionMnist => "Fashion-MNIST",
            Self::Glyphs => "Glyphs",
        }
    }

    /// Whether it has images.
    pub fn takes_images(self) -> bool {
        matches!(self, Self::FashionMnist | Self::Glyphs)
    }

    /// Tokens after which its texts are cut.
    pub fn tokens(self) -> Option<usize> {
        (!self.takes_images()).then_some(64)
    }

    /// The largest learning rate.
    pub fn rate(self) -> f64 {
        if self.takes_images() { 1e-3 } else { 2e-4 }
    }

    /// Parameters of a model of so many blocks that do not learn: the lower two thirds of an encoder of texts.
    pub fn frozen(self, blocks: usize) -> Vec<String> {
        let blocks = (0..2 * blocks / 3).map(|block| format!("blocks.{block}"));
        match self.takes_images() {
            true => Vec::new(),
            false => ["embeddings".to_owned()]
                .into_iter()
                .chain(blocks)
                .collect(),
        }
    }
}
