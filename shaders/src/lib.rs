//! The integer kernels: WGSL sources and, for each, a scalar twin with the same parameters.

mod kernel;
pub mod params;
pub mod twin;

pub use kernel::Dispatch;
