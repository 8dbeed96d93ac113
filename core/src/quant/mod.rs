//! From a float model to an integer plan.

mod observer;

pub use observer::Observer;
