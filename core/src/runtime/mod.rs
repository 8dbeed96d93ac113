//! Executors: they run a [`Program`](crate::plan::Program) and all give the same bytes.

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
    /// [`Error::Image`](crate::Error::Image) if `images` has another length,
    /// [`Error::Device`](crate::Error::Device) if the device cannot go on.
    fn run(&mut self, images: &[u8], batch: usize) -> Result<Vec<i32>>;

    /// The words that each step wrote, in order.
    ///
    /// # Errors
    /// As [`Executor::run`].
    fn trace(&mut self, images: &[u8], batch: usize) -> Result<Vec<Vec<u32>>>;
}
