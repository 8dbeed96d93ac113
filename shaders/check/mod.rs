//! Build-time preparation and checks of the kernels' sources; shared by the build script and tests.

pub mod cuda;
pub mod inspect;
pub mod no_float;
pub mod preprocess;
pub mod variants;
