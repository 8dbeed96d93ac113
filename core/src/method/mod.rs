//! The published methods, one to a folder; `docs/methods` has a page on each.

pub mod hscore;
#[cfg(feature = "float")]
pub mod prune;
#[cfg(feature = "float")]
pub mod relu;
