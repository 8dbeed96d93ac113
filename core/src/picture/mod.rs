//! Image files to the pixels of a model: decoding, conversion, resizing and cropping.
//!
//! All arithmetic on pixels is in integers, and the weights of the resize come from exactly
//! rounded operations alone, so that the same decoded image gives the same bytes everywhere.

mod convert;
#[cfg(feature = "image")]
mod decode;
mod resize;
#[cfg(all(test, feature = "webp"))]
mod tests;

#[cfg(feature = "image")]
use std::{fs, path::Path};

#[cfg(feature = "image")]
pub use decode::{decode, decode_rgba};

#[cfg(feature = "image")]
use crate::Error;

use crate::{Pixels, Preprocessing, Result, model::SwinConfig};

/// Bytes that an image file may have: 512 MiB.
#[cfg(feature = "image")]
const MAX_FILE: u64 = 512 << 20;

/// Reads the PNG, JPEG or WebP file `path` as a model of `config` takes it.
///
/// # Errors
/// [`Error::Io`], or as [`prepare`], with the path in front of the sentence.
#[cfg(feature = "image")]
pub fn load(path: impl AsRef<Path>, config: &SwinConfig, pre: &Preprocessing) -> Result<Pixels> {
    let path = path.as_ref();
    let size = fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
    if size > MAX_FILE {
        return Err(Error::Image(format!(
            "{}: expected at most {MAX_FILE} bytes, found {size}",
            path.display()
        )));
    }
    let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
    prepare(&bytes, config, pre).map_err(|error| match error {
        Error::Image(sentence) => Error::Image(format!("{}: {sentence}", path.display())),
        other => other,
    })
}

/// Turns the bytes of a PNG, JPEG or WebP file into the pixels that a model of `config` takes:
/// `config.image_size` with `config.in_channels` channels, by the rule of `pre.resize`.
///
/// # Errors
/// As [`decode`]; [`Error::Config`] if `config` or `pre` is not valid.
#[cfg(feature = "image")]
pub fn prepare(bytes: &[u8], config: &SwinConfig, pre: &Preprocessing) -> Result<Pixels> {
    config.validate()?;
    pre.validate(config)?;
    let image = decode(bytes, config.in_channels)?;
    resize::fit(&image, pre.resize, config.image_size)
}

/// Turns `height * width` pixels of red, green, blue and (straight) alpha, as a canvas has them,
/// into the pixels that a model of `config` takes.
///
/// # Errors
/// [`Error::Image`] if `rgba` has another length, the image is empty, larger
/// than 16384 pixels a side or than 512 MiB, or the model has neither 1 nor 3 channels; [`Error::Config`]
/// if `config` or `pre` is not valid.
pub fn prepare_rgba(
    rgba: &[u8],
    height: usize,
    width: usize,
    config: &SwinConfig,
    pre: &Preprocessing,
) -> Result<Pixels> {
    config.validate()?;
    pre.validate(config)?;
    let image = convert::from_rgba(rgba, height, width, config.in_channels)?;
    resize::fit(&image, pre.resize, config.image_size)
}
