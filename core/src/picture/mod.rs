//! Image files to the pixels of a model: decoding, conversion, resizing and cropping.
//!
//! All arithmetic on pixels is in integers, and the weights of the resize come from exactly
//! rounded operations alone, so that the same decoded image gives the same bytes everywhere.
//! `docs/images.md` says how far these bytes are from those of Pillow and torchvision.

mod convert;
#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "image")]
mod depth;
mod filter;
#[cfg(feature = "image")]
mod formats;
mod resize;
#[cfg(all(test, feature = "formats"))]
mod tests;

#[cfg(feature = "image")]
use std::{fs::File, io::Read, path::Path};

#[cfg(feature = "image")]
pub use decode::{decode, decode_as, decode_rgba};
#[cfg(feature = "image")]
pub use formats::{ENDINGS, FORMATS};

#[cfg(feature = "image")]
use crate::Error;

use crate::{Pixels, Preprocessing, Result, model::SwinConfig};

/// Bytes that an image file may have: 512 MiB.
#[cfg(feature = "image")]
const MAX_FILE: u64 = 512 << 20;

/// Reads the image file `path` as a model of `config` takes it.
///
/// # Errors
/// [`Error::Io`], or as [`prepare`], with the path in front of the sentence.
#[cfg(feature = "image")]
pub fn load(path: impl AsRef<Path>, config: &SwinConfig, pre: &Preprocessing) -> Result<Pixels> {
    let path = path.as_ref();
    // A device tells no size.
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|e| Error::io(path, e))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::Image(format!(
            "{}: expected at most {MAX_FILE} bytes, found more",
            path.display()
        )));
    }
    prepare(&bytes, config, pre).map_err(|error| match error {
        Error::Image(sentence) => Error::Image(format!("{}: {sentence}", path.display())),
        other => other,
    })
}

/// Turns the bytes of an image file of [`FORMATS`] into the pixels that a model of `config` takes:
/// `config.image_size` with `config.in_channels` channels, by `pre.decoding`, the rule of
/// `pre.resize` and `pre.filter`.
///
/// # Errors
/// As [`decode`]; [`Error::Config`] if `config` or `pre` is not valid.
#[cfg(feature = "image")]
pub fn prepare(bytes: &[u8], config: &SwinConfig, pre: &Preprocessing) -> Result<Pixels> {
    config.validate()?;
    pre.validate(config)?;
    let image = decode_as(bytes, config.in_channels, pre.decoding)?;
    resize::fit(&image, pre.resize, pre.filter, config.image_size)
}

/// Turns `height * width` pixels of red, green, blue and (straight) alpha, as a canvas has them,
/// into the pixels that a model of `config` takes. By `pre.decoding`, alpha is blended over white or
/// dropped; what a decoder did before to orientation and depth is not undone.
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
    let image = convert::from_rgba(rgba, height, width, config.in_channels, pre.decoding)?;
    resize::fit(&image, pre.resize, pre.filter, config.image_size)
}
