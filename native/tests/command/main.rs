//! The built command, run as people and scripts run it.

mod answers;
#[cfg(feature = "float")]
mod augmentation;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "float")]
mod dense;
#[cfg(feature = "float")]
mod distill;
#[cfg(feature = "float")]
mod float;
mod folders;
#[cfg(feature = "float")]
mod help;
#[cfg(feature = "float")]
mod hscore;
mod info;
#[cfg(feature = "float")]
mod optin;
mod place;
#[cfg(feature = "float")]
mod prune;
#[cfg(feature = "float")]
mod prune_data;
#[cfg(feature = "float")]
mod texts;
