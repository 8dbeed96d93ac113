//! The built command, run as people and scripts run it.

mod answers;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "float")]
mod distill;
#[cfg(feature = "float")]
mod float;
#[cfg(feature = "float")]
mod help;
mod place;
