//! Image files to the pixels of a model: decoding, conversion, resizing and cropping.
//!
//! All arithmetic on pixels is in integers, and the weights of the resize come from exactly
//! rounded operations alone, so that the same decoded image gives the same bytes everywhere.
//! `docs/images.md` says how far these bytes are from those of Pillow and torchvision.
//!
//! What a model takes follows from its [`ImageShape`] and its [`Preprocessing`], which its file holds:
//! `load` reads an image file so, `prepare` its bytes, [`prepare_rgba`] what is decoded already.

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

#[cfg(feature = "data")]
use crate::Resize;
use crate::{ImageShape, Pixels, Preprocessing, Result};

/// Bytes that an image file may have: 512 MiB.
#[cfg(feature = "image")]
const MAX_FILE: u64 = 512 << 20;

/// Reads the image file `path` as a model that takes images of `shape` does.
///
/// # Errors
/// [`Error::Io`], or as [`prepare`], with the path in front of the sentence.
///
/// # Examples
///
/// ```
/// use intformer::{picture, plan::IntModel};
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// let image = picture::load("models/samples/A.png", &model.config.image()?, &model.preprocessing)?;
/// assert_eq!((image.height, image.width, image.channels), (32, 32, 1));
///
/// let other = picture::load("models/README.md", &model.config.image()?, &model.preprocessing);
/// let error = other.unwrap_err();
/// // One file is to blame; others may do.
/// assert!(error.is_file());
/// let sentence = error.to_string();
/// assert!(sentence.starts_with("image: models/README.md: expected a PNG"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[cfg(feature = "image")]
pub fn load(path: impl AsRef<Path>, shape: &ImageShape, pre: &Preprocessing) -> Result<Pixels> {
    read(path.as_ref(), |bytes| prepare(bytes, shape, pre))
}

/// The image file `path` as it is, of as many channels as `shape` has.
#[cfg(feature = "data")]
pub(crate) fn decoded(path: &Path, shape: &ImageShape, pre: &Preprocessing) -> Result<Pixels> {
    pre.validate(shape)?;
    read(path, |bytes| decode_as(bytes, shape.channels, pre.decoding))
}

/// The decoded `image` by the rule of `pre.resize`, at the size of `shape`.
#[cfg(feature = "data")]
pub(crate) fn fitted(image: &Pixels, shape: &ImageShape, pre: &Preprocessing) -> Result<Pixels> {
    resize::fit(image, pre.resize, pre.filter, shape.size())
}

/// All of the decoded `image`, whatever its aspect, at the size of `shape`.
#[cfg(feature = "data")]
pub(crate) fn squashed(image: &Pixels, shape: &ImageShape, pre: &Preprocessing) -> Result<Pixels> {
    resize::fit(image, Resize::Squash, pre.filter, shape.size())
}

/// Height and width of the image file `path` as it is seen, by its header alone.
#[cfg(feature = "data")]
pub(crate) fn size(path: &Path, pre: &Preprocessing) -> Result<[usize; 2]> {
    read(path, |bytes| decode::size(bytes, pre.decoding))
}

/// What `make` makes of the bytes of the file `path`; its errors get the path.
#[cfg(feature = "image")]
fn read<T>(path: &Path, make: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
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
    make(&bytes).map_err(|error| match error {
        Error::Image(sentence) => Error::Image(format!("{}: {sentence}", path.display())),
        other => other,
    })
}

/// Turns the bytes of an image file of [`FORMATS`] into pixels of `shape`, by `pre.decoding`, the rule
/// of `pre.resize` and `pre.filter`.
///
/// # Errors
/// As [`decode`]; [`Error::Config`] if `shape` or `pre` is not valid.
///
/// # Examples
///
/// A wide picture with a red border at its sides: a resize to the model's square keeps all of it, a
/// centre crop leaves the sides out.
///
/// ```
/// use std::io::Cursor;
///
/// use image::{ImageFormat, Rgb, RgbImage};
/// use intformer::{ImageShape, Preprocessing, Resize, picture::prepare};
///
/// let picture = RgbImage::from_fn(448, 224, |x, _| match x {
///     100..348 => Rgb([0, 0, 0]),
///     _ => Rgb([255, 0, 0]),
/// });
/// let mut png = Vec::new();
/// picture.write_to(&mut Cursor::new(&mut png), ImageFormat::Png)?;
///
/// let shape = ImageShape::new(224, 224, 3);
/// let squashed = prepare(&png, &shape, &Preprocessing::imagenet(3, Resize::Squash))?;
/// assert_eq!(squashed.data[..3], [255, 0, 0]);
///
/// let cropped = Resize::CropFraction { crop: 1.0 };
/// let cropped = prepare(&png, &shape, &Preprocessing::imagenet(3, cropped))?;
/// assert_eq!(cropped.data[..3], [0, 0, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "image")]
pub fn prepare(bytes: &[u8], shape: &ImageShape, pre: &Preprocessing) -> Result<Pixels> {
    pre.validate(shape)?;
    let image = decode_as(bytes, shape.channels, pre.decoding)?;
    resize::fit(&image, pre.resize, pre.filter, shape.size())
}

/// Turns `height * width` pixels of red, green, blue and (straight) alpha, as a canvas has them,
/// into pixels of `shape`. By `pre.decoding`, alpha is blended over white or
/// dropped; what a decoder did before to orientation and depth is not undone.
///
/// # Errors
/// [`Error::Image`] if `rgba` has another length, the image is empty, larger
/// than 16384 pixels a side or than 512 MiB, or `shape` has neither 1 nor 3 channels; [`Error::Config`]
/// if `shape` or `pre` is not valid.
///
/// # Examples
///
/// A canvas on which nothing was drawn is white, as people see it:
///
/// ```
/// use intformer::{picture::prepare_rgba, plan::IntModel};
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// let canvas = vec![0; 280 * 280 * 4];
/// let image = prepare_rgba(&canvas, 280, 280, &model.config.image()?, &model.preprocessing)?;
/// assert_eq!(image.data, [255; 32 * 32]);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn prepare_rgba(
    rgba: &[u8],
    height: usize,
    width: usize,
    shape: &ImageShape,
    pre: &Preprocessing,
) -> Result<Pixels> {
    pre.validate(shape)?;
    let image = convert::from_rgba(rgba, height, width, shape.channels, pre.decoding)?;
    resize::fit(&image, pre.resize, pre.filter, shape.size())
}
