//! The published methods, one to a folder; `docs/methods` has a page on each.

pub mod hscore;
pub mod relu;
