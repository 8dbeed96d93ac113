//! Float models over burn: evaluation, calibration and training.
//!
//! ```
//! use intformer::{checkpoint, float, picture};
//!
//! # std::env::set_current_dir("..").expect("the repository");
//! let model = checkpoint::load("models/glyphs-float.safetensors")?;
//! let images = ["7", "A"]
//!     .map(|name| format!("models/samples/{name}.png"))
//!     .iter()
//!     .map(|file| picture::load(file, &model.config.image()?, &model.preprocessing))
//!     .collect::<Result<Vec<_>, _>>()?;
//!
//! let logits = float::logits(&model, &images)?;
//! let named = logits.iter().map(|logits| {
//!     let likelier = |&a: &usize, &b: &usize| logits[a].total_cmp(&logits[b]);
//!     let class = (0..logits.len()).max_by(likelier).expect("classes");
//!     model.labels[class].as_str()
//! });
//! assert_eq!(named.collect::<Vec<_>>(), ["7", "A"]);
//! # Ok::<(), intformer::Error>(())
//! ```

mod attention;
mod baseline;
mod feed;
mod forward;
mod parameters;
mod run;
#[cfg(test)]
pub(crate) mod tests;
pub mod train;

pub use attention::Attention;
pub use baseline::Baseline;
pub use feed::{Feed, Filled};
pub(crate) use forward::places;
pub use forward::{Factors, Forward};
pub use parameters::Parameters;
pub use run::{FloatRunner, Samples, calibrate, logits, observe};

/// Where burn computes: `Device::flex()` is the CPU.
pub use burn::tensor::Device;

use burn::Tensor;

/// The elements of a tensor on the host, row-major.
pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data()
        .try_into_vec()
        .expect("a float tensor holds f32")
}
