//! The commands, one to a file.

pub mod bench;
mod classes;
pub mod classify;
pub mod data;
mod dense;
pub mod embed;
pub mod eval;
pub mod info;
mod labelled;
pub mod logits;
mod passed_over;
pub mod segment;
pub mod similar;
pub mod verify;

#[cfg(feature = "float")]
mod augment;
#[cfg(feature = "float")]
pub mod distill;
#[cfg(feature = "float")]
mod hold_out;
#[cfg(feature = "float")]
pub mod prune;
#[cfg(feature = "float")]
pub mod prune_data;
#[cfg(feature = "float")]
pub mod quantize;
#[cfg(feature = "float")]
pub mod reproduce;
#[cfg(feature = "float")]
pub mod rescale;
#[cfg(feature = "float")]
mod shown;
#[cfg(feature = "float")]
pub mod train;
#[cfg(feature = "float")]
mod training_images;
#[cfg(feature = "float")]
pub mod twins;

#[cfg(not(feature = "float"))]
pub mod absent;
#[cfg(not(feature = "float"))]
pub use {
    absent as distill, absent as prune, absent as prune_data, absent as quantize,
    absent as reproduce, absent as rescale, absent as train, absent as twins,
};
