//! The integer kernels on 128-bit vectors of a CPU, natively and in WebAssembly.
//!
//! [`Kernels`] runs one [`Dispatch`](intformer_shaders::Dispatch) after the other over words of weights and of an arena. What
//! a dispatch reads and writes, and which bytes come out, its twin in [`intformer_shaders`] says. [`pixels`] has the loops that
//! turn a picture into what a model takes.

mod attention;
#[cfg(feature = "comparison")]
mod float_gelu;
mod heads;
mod kernels;
mod linear;
mod memory;
mod norm;
pub mod pixels;
mod product;
mod scale;
mod simple;
mod window_attention;

pub use kernels::{INSTRUCTIONS, Kernels};
