//! The WGSL executor over wgpu: natively Vulkan, Metal or DX12, in a browser WebGPU.
//!
//! Everything but [`blocking`] is asynchronous and waits on nothing itself, so that the same code
//! runs in a browser. Natively a [`Wgpu`] is an [`Executor`](super::Executor) as the others are:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use intformer::{
//!     Error,
//!     plan::IntModel,
//!     runtime::{
//!         Batch, Cpu, Executor,
//!         wgpu::{AdapterChoice, Options, Wgpu},
//!     },
//! };
//!
//! let model = IntModel::load("models/glyphs.safetensors")?;
//! let program = Arc::new(model.program()?);
//! let options = Options {
//!     adapter: AdapterChoice::Hardware,
//!     ..Options::default()
//! };
//! // The CPU, where there is no GPU.
//! let mut executor: Box<dyn Executor> = match Wgpu::new_blocking(Arc::clone(&program), options) {
//!     Ok(wgpu) => Box::new(wgpu),
//!     Err(Error::NoAdapter(_)) => Box::new(Cpu::new(program)),
//!     Err(error) => return Err(error),
//! };
//! let image = vec![0; 32 * 32];
//! let logits = executor.run(&Batch::images(&image, 1))?.into_first();
//! assert_eq!(logits.len(), model.labels.len());
//! # Ok::<(), Error>(())
//! ```

mod adapter;
#[cfg(not(target_family = "wasm"))]
pub mod blocking;
mod choice;
mod executor;
mod gpu;
mod prepared;
mod probe;
mod signal;

pub use adapter::AdapterChoice;
pub use choice::{AdapterKind, candidates};
pub use executor::Wgpu;
pub use gpu::{Gpu, Options};
pub use probe::Chosen;
