//! The integer operations: for each its declaration, WGSL and CUDA sources, and a scalar twin with the
//! same parameters.

mod cost;
#[cfg(feature = "cuda")]
mod cuda;
pub mod declare;
pub mod op;
#[cfg(feature = "cuda")]
mod ptx;
mod shared;
mod wgsl;

pub use cost::Cost;
#[cfg(feature = "cuda")]
pub use cuda::{CUDA_KERNELS, CudaKernel, Grid, Launch};
pub use op::Dispatch;
#[cfg(feature = "cuda")]
pub use ptx::ptx_header;
pub use shared::{I_GELU_LARGEST, I_GELU_MOST_ONE, arithmetic, i_gelu};
pub use wgsl::{SHADERS, Shader};
