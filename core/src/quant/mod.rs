//! From a float model to an integer plan: calibration, scales, lowering.

mod calibration;
mod invented;
mod lower;
mod observer;
mod rows;
mod scales;
mod typical;

pub use calibration::{Calibration, RangeMethod, SiteStats};
pub use invented::{Random, float_model, invented};
pub use lower::{Gelu, QuantizeOptions, quantize};
pub use observer::Observer;
pub use typical::typical;
