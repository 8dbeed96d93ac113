//! What the tests of `tests/tests` share.

pub mod cases;
pub mod configs;
#[cfg(feature = "cuda")]
pub mod cuda;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod executors;
pub mod remembering;
pub mod synthetic;
pub mod texts;
