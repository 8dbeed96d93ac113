//! Integer-only models in a browser: what the npm package `intformer` builds on.
//!
//! [`Model`] is a checked model file; [`CpuSession`] and [`GpuSession`] are a model on an executor. The same library as
//! natively does the work; here it is only translated to what JavaScript passes around.

mod error;
mod model;
mod pause;
mod session;

pub use model::Model;
pub use session::{CpuSession, GpuSession};

use wasm_bindgen::prelude::wasm_bindgen;

/// SHA-256 of logits as lower-case hexadecimal: the digest that `intformer classify` prints.
#[wasm_bindgen]
pub fn digest(logits: &[i32]) -> String {
    intformer::digest(logits)
}
