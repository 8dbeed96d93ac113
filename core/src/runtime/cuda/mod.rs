//! The CUDA executor: the integer kernels on NVIDIA's tensor cores, each batch size of images one CUDA graph.
//!
//! Nothing of CUDA is needed to build: the driver is loaded at run time. Kernels are compiled for
//! the card by NVRTC where it is installed, else by the driver from PTX that is built in.

mod choice;
mod compile;
mod device;
mod executor;
mod launch;
mod nvrtc;

pub use choice::{Chosen, Way};
pub use compile::{KernelSource, PTX_TARGET, compile};
pub use device::{Device, Options};
pub use executor::Cuda;
pub use nvrtc::{Compiled, version as nvrtc_version};
