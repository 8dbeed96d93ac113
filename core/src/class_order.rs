//! How classes are numbered where they have no names.

use serde::{Deserialize, Serialize};

/// The order in which a trainer numbers the folders of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClassOrder {
    /// By the bytes of their names: 0, 1, 10, 2 (torchvision, Microsoft).
    String,
    /// Runs of digits by their number: 0, 1, 2, 10 (timm).
    Natural,
}
