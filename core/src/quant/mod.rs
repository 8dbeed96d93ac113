//! From a float model to an integer plan: calibration, scales, lowering.
//!
//! A [`Calibration`] sees what a float model makes of some images; [`quantize`] turns model and
//! calibration into an [`IntModel`](crate::plan::IntModel). [`invented`] makes one of any
//! configuration, without training or images.

mod calibration;
mod covariance;
mod invented;
#[cfg(feature = "float")]
mod loss;
mod lower;
mod observer;
mod options;
mod rows;
mod scales;
mod typical;

pub use calibration::{Calibration, RangeMethod, SiteStats};
pub use invented::{Random, float_model, invented};
#[cfg(feature = "float")]
pub use loss::{LayerLoss, losses};
pub use lower::quantize;
pub use observer::Observer;
pub use options::{Gelu, QuantizeOptions, Rounding};
pub use typical::typical;
