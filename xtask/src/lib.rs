//! What the tasks of `cargo xtask` share: the list of them, programs, the operating system.

pub mod shell;
pub mod system;
mod tasks;

pub use tasks::{TASKS, Task};
