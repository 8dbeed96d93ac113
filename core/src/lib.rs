//! Take a trained transformer, make it smaller and integer-only with published methods, and run
//! the result with the same bits on every runtime.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "import")]
pub mod checkpoint;
#[cfg(feature = "data")]
pub mod data;
mod digest;
mod error;
mod file;
#[cfg(feature = "float")]
pub mod float;
mod float_model;
#[cfg(feature = "float")]
pub mod graph;
pub mod method;
pub mod model;
pub mod picture;
mod pixels;
pub mod plan;
pub mod quant;
#[cfg(feature = "data")]
mod rescale;
pub mod runtime;
mod tensor;

pub use digest::digest;
pub(crate) use digest::hex;
pub use error::{Error, Result};
pub use float_model::{ClassOrder, Decoding, Filter, FloatModel, Preprocessing, Resize};
pub use pixels::Pixels;
#[cfg(feature = "data")]
pub use rescale::rescale;
pub use tensor::{HostTensor, Params};

/// The example of the README, which is compiled.
#[cfg(all(doctest, feature = "image"))]
#[doc = include_str!("../README.md")]
struct Readme;
