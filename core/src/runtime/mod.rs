//! Executors: they run a [`Program`](crate::plan::Program) and all give the same bytes.
//!
//! One program serves any number of them. Whatever runs it, a batch of images becomes the same logits:
//!
//! ```
//! use std::sync::Arc;
//!
//! use intformer::{
//!     digest,
//!     architecture::SwinConfig,
//!     quant::{QuantizeOptions, invented},
//!     runtime::{Cpu, Executor, Reference},
//! };
//!
//! # let config = SwinConfig {
//! #     image_size: [8, 8],
//! #     embed_dim: 8,
//! #     depths: vec![2],
//! #     heads: vec![1],
//! #     window_size: 2,
//! #     classes: 3,
//! #     ..SwinConfig::tiny()
//! # };
//! let model = invented(&config, 0, &QuantizeOptions::default())?;
//! let program = Arc::new(model.program()?);
//! let mut executors: [Box<dyn Executor>; 2] = [
//!     Box::new(Reference::new(Arc::clone(&program))),
//!     Box::new(Cpu::new(Arc::clone(&program))),
//! ];
//!
//! // Two images, one after the other.
//! let images: Vec<u8> = (0..2 * program.image_bytes).map(|at| at as u8).collect();
//! let mut digests = Vec::new();
//! for executor in &mut executors {
//!     let logits = executor.run(&images, 2)?;
//!     assert_eq!(logits.len(), 2 * program.classes);
//!     println!("{:10} {}", executor.name(), executor.describe());
//!     digests.push(digest(&logits));
//! }
//! assert_eq!(digests[0], digests[1]);
//! # Ok::<(), intformer::Error>(())
//! ```

pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod reference;
#[cfg(feature = "wgpu")]
pub mod wgpu;

pub use cpu::Cpu;
pub use reference::Reference;

use crate::Result;

/// Runs a program on batches of images.
pub trait Executor {
    /// Short name: `reference`, `cpu`, `wgpu`, `cuda`.
    fn name(&self) -> &str;

    /// What it runs on, in a line.
    fn describe(&self) -> String;

    /// The int32 logits `[batch, classes]` of `batch` images of `image_bytes` each.
    ///
    /// # Errors
    /// [`Error::Image`](crate::Error::Image) if `images` has another length, else one of those that
    /// [`Error::is_device`](crate::Error::is_device) tells: so many images do not fit, or the device
    /// cannot go on.
    fn run(&mut self, images: &[u8], batch: usize) -> Result<Vec<i32>>;

    /// The words that each step wrote, in order.
    ///
    /// # Errors
    /// As [`Executor::run`].
    fn trace(&mut self, images: &[u8], batch: usize) -> Result<Vec<Vec<u32>>>;
}
