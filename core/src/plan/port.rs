//! Where a plan takes something from outside, and gives it.

use super::{TensorId, TokenLimits};

/// What a plan takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputKind {
    /// An image of bytes, `[height, width, channels]`.
    Pixels,
    /// For each token four int32: id, position in its item, segment, item.
    Tokens(TokenLimits),
    /// For each item four int32: its first token, how many it has, and twice 0.
    Spans,
}

/// A tensor through which a plan takes something from outside, or gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port<K> {
    /// What it is.
    pub kind: K,
    /// Where it lies.
    pub tensor: TensorId,
}
