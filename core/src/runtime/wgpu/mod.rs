//! The WGSL executor over wgpu: natively Vulkan, Metal or DX12, in a browser WebGPU.
//!
//! Everything but [`blocking`] is asynchronous and waits on nothing itself, so that the same code
//! runs in a browser.

#[cfg(not(target_family = "wasm"))]
pub mod blocking;
mod choice;
mod executor;
mod gpu;
mod probe;
mod signal;

pub use choice::{AdapterKind, candidates};
pub use executor::{StepTime, Wgpu};
pub use gpu::{AdapterChoice, Gpu, Options};
pub use probe::Chosen;
