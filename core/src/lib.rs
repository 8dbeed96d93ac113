//! Take a trained transformer, make it smaller and integer-only with published methods, and run
//! the result with the same bits on every runtime.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod digest;
mod error;
mod float_model;
pub mod model;
mod pixels;
pub mod plan;
pub mod runtime;
mod tensor;

pub use digest::digest;
pub(crate) use digest::hex;
pub use error::{Error, Result};
pub use float_model::{FloatModel, Preprocessing, Resize};
pub use pixels::Pixels;
pub use tensor::{HostTensor, Params};
