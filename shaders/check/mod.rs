//! Build-time preparation and checks of the WGSL sources; shared by the build script and tests.

pub mod inspect;
pub mod no_float;
pub mod preprocess;
pub mod variants;
