//! Float models over burn: evaluation, calibration and training.

mod attention;
mod forward;
mod parameters;
mod run;
#[cfg(test)]
pub(crate) mod tests;
pub mod train;

pub use attention::Attention;
pub use forward::Forward;
pub use parameters::Parameters;
pub use run::{FloatRunner, calibrate, logits, observe};

/// Where burn computes: `Device::flex()` is the CPU.
pub use burn::tensor::Device;

use burn::Tensor;

/// The elements of a tensor on the host, row-major.
fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data()
        .try_into_vec()
        .expect("a float tensor holds f32")
}
