//! The integer kernels: WGSL sources and, for each, a scalar twin with the same parameters.

mod kernel;
pub mod params;
mod shader;
pub mod twin;

pub use kernel::Dispatch;
pub use shader::{
    ATTENTION_MAX_HEAD_WORDS, ATTENTION_MAX_TOKENS, NORM_LINEAR_MAX_K_WORDS, SHADERS, Shader,
};
