//! The integer kernels: WGSL and CUDA sources and, for each, a scalar twin with the same parameters.

mod cost;
#[cfg(feature = "cuda")]
mod cuda;
mod kernel;
pub mod params;
#[cfg(feature = "cuda")]
mod ptx;
mod shader;
pub mod twin;

pub use cost::Cost;
#[cfg(feature = "cuda")]
pub use cuda::{CUDA_KERNELS, CudaKernel, Launch};
pub use kernel::Dispatch;
#[cfg(feature = "cuda")]
pub use ptx::ptx_header;
pub use shader::{
    ATTENTION_MAX_HEAD_WORDS, ATTENTION_MAX_TOKENS, NORM_LINEAR_MAX_K_WORDS, SHADERS, Shader,
};
