//! What models take: pixels, and how image files become some; tokens of texts.

pub mod picture;
mod pixels;
mod preprocessing;
mod text;
#[cfg(feature = "tokenizer")]
mod tokenizer;

pub use pixels::{ImageShape, Pixels};
pub use preprocessing::{Decoding, Filter, Preprocessing, Resize};
pub use text::{Token, Tokenization};
#[cfg(feature = "tokenizer")]
pub use tokenizer::{Encoded, Tokenizer};

/// Whether a field needs no place in a file.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
