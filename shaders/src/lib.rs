//! The integer kernels: WGSL sources and, for each, a scalar twin with the same parameters.

pub mod params;
