//! Image files: decoding, conversion, resizing and cropping, all in integers.

use std::path::Path;

use crate::{Pixels, Preprocessing, Result, model::SwinConfig};

/// a.
pub fn load(path: impl AsRef<Path>, config: &SwinConfig, pre: &Preprocessing) -> Result<Pixels> {
    let _ = (path, config, pre);
    Err(crate::Error::Image(String::new()))
}
