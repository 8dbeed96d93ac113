//! What tokens are counted by, and what a token of a text may be.

use serde::{Deserialize, Serialize};

/// What rows are counted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// So many rows for each item: an image, or what is pooled of a text.
    #[default]
    Item,
    /// So many rows for each token. Items have any number of tokens, which lie one after the other, and
    /// nothing lies between.
    Token,
}

/// Bounds of what a token of a text consists of, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimits {
    /// Ids that there are.
    pub vocabulary: u32,
    /// Tokens that an item may have.
    pub positions: u32,
    /// Segments that there are.
    pub segments: u32,
}

/// What becomes of the rows of an item where one is made of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean, by channel.
    Mean,
    /// The largest, by channel.
    Max,
}
