//! A CUDA driver that needs no card: it interprets PTX, with checks like those of compute-sanitizer, and
//! counts what kernels do. Built as a shared library it stands in for `libcuda.so.1`; as a Rust library
//! its [`Device`] is what the tests call. The README says what it checks and what it cannot show.

mod device;
mod driver;
mod machine;
mod memory;
mod program;
mod ptx;
mod statistics;

pub use device::{Device, Function, Grid, Module};
pub use machine::{Fault, Kind};
pub use statistics::{Statistics, table};
