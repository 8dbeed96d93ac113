//! The scalar twins: plain Rust, slow on purpose, to be read beside `docs/INTEGER.md`.
//!
//! A twin takes the same parameters as its WGSL file and works on the same two buffers.

pub mod arithmetic;
#[cfg(feature = "comparison")]
mod float_gelu;
mod i_gelu;
mod layer_norm;
mod linear;
mod mean_pool;
mod memory;
mod norm_linear;
mod patch_gather;
mod shift_gelu;
mod window_attention;

#[cfg(feature = "comparison")]
pub use float_gelu::float_gelu;
pub use i_gelu::{I_GELU_LARGEST, i_gelu};
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use mean_pool::mean_pool;
pub use norm_linear::norm_linear;
pub use patch_gather::patch_gather;
pub use shift_gelu::{ShiftTables, shift_gelu};
pub use window_attention::window_attention;
