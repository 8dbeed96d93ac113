//! The WGSL executor over wgpu: natively Vulkan, Metal or DX12, in a browser WebGPU.
//!
//! Everything but [`blocking`] is asynchronous and waits on nothing itself, so that the same code
//! runs in a browser.

mod adapter;
#[cfg(not(target_family = "wasm"))]
pub mod blocking;
mod choice;
mod executor;
mod gpu;
mod probe;
mod signal;

pub use adapter::AdapterChoice;
pub use choice::{AdapterKind, candidates};
pub use executor::{StepTime, Wgpu};
pub use gpu::{Gpu, Options};
pub use probe::Chosen;
