//! What models take: pixels, and how image files become some.

pub mod picture;
mod pixels;
mod preprocessing;

pub use pixels::{ImageShape, Pixels};
pub use preprocessing::{Decoding, Filter, Preprocessing, Resize};

/// Whether a field needs no place in a file.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
