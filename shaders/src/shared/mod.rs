//! What kernels share: arithmetic in Rust, WGSL and CUDA C, side by side.

pub mod arithmetic;
mod i_gelu;
pub mod memory;

pub use i_gelu::{I_GELU_LARGEST, I_GELU_MOST_ONE, i_gelu};
