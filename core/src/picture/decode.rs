//! Files of pixels: PNG, JPEG and WebP to luma or RGB bytes.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use super::convert::{MAX_BYTES, MAX_SIDE, check_channels, convert};
use crate::{Error, Pixels, Result};

/// The formats that this build decodes.
const FORMATS: &str = if cfg!(feature = "webp") {
    "PNG, JPEG or WebP"
} else {
    "PNG or JPEG"
};

/// Decodes a PNG, JPEG or (with the feature `webp`) WebP file to `channels` bytes a pixel, at its own size, the right way up
/// (by the orientation of its EXIF data, if any); of an animation, the first image.
///
/// 16 bits a channel are rounded to 8. Transparency is blended over white:
/// `(c * a + 255 * (255 - a) + 127) / 255`. One channel is the luma of ITU-R BT.601 in fixed point,
/// `(19595 * r + 38470 * g + 7471 * b + 32768) >> 16`, which keeps greys as they are.
///
/// # Errors
/// [`Error::Image`] if `channels` is neither 1 nor 3, the bytes are no whole image of these
/// formats, or the image is larger than 16384 pixels a side or 512 MiB.
pub fn decode(bytes: &[u8], channels: usize) -> Result<Pixels> {
    check_channels(channels)?;
    let (stored, image) = open(bytes)?;
    let data = convert(&image.data, stored, channels);
    Pixels::new(image.height, image.width, channels, data)
}

/// Decodes a PNG, JPEG or WebP file to red, green, blue and straight alpha, as a canvas has them:
/// [`prepare_rgba`](super::prepare_rgba) makes of them what [`prepare`](super::prepare) makes of
/// the file.
///
/// # Errors
/// As [`decode`].
pub fn decode_rgba(bytes: &[u8]) -> Result<Pixels> {
    let (stored, image) = open(bytes)?;
    let data = image
        .data
        .chunks_exact(stored)
        .flat_map(|pixel| match *pixel {
            [grey] => [grey, grey, grey, 255],
            [grey, alpha] => [grey, grey, grey, alpha],
            [r, g, b] => [r, g, b, 255],
            [r, g, b, alpha] => [r, g, b, alpha],
            _ => unreachable!("images have 1 to 4 channels"),
        });
    Pixels::new(image.height, image.width, 4, data.collect())
}

/// The channels that a file has, and its pixels.
fn open(bytes: &[u8]) -> Result<(usize, Pixels)> {
    if bytes.is_empty() {
        return Err(Error::Image(format!(
            "expected a {FORMATS} file, found an empty one"
        )));
    }
    if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) && !jpeg_ends(bytes) {
        return Err(Error::Image(
            "expected a whole JPEG file, found no end marker".into(),
        ));
    }
    let image = read(bytes).map_err(|error| Error::Image(sentence(&error)))?;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let (stored, raw) = split(image)?;
    Ok((stored, Pixels::new(height, width, stored, raw)?))
}

fn read(bytes: &[u8]) -> Result<DynamicImage, ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether a JPEG file goes on to its end marker: the decoder takes what is missing for grey.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        let skip = match *rest {
            [0xFF, 0xD9, ..] => return true,
            [0xFF, 0xFF, ..] => 1,
            // Stuffed bytes, restarts and the start of the file have no length.
            [0xFF, 0x00 | 0x01 | 0xD0..=0xD8, ..] => 2,
            [0xFF, _, high, low, ..] => 2 + usize::from(u16::from_be_bytes([high, low])),
            [_, ..] => 1,
            [] => return false,
        };
        let Some(next) = rest.get(skip..) else {
            return false;
        };
        rest = next;
    }
}

fn sentence(error: &ImageError) -> String {
    match error {
        ImageError::Limits(found) => {
            format!(
                "expected at most {MAX_SIDE} pixels a side and {MAX_BYTES} bytes, found: {found}"
            )
        }
        ImageError::Unsupported(found) => {
            format!("expected a {FORMATS} file, found: {found}")
        }
        found => format!("expected a whole {FORMATS} file, found: {found}"),
    }
}

/// Channels and bytes of `image`.
fn split(image: DynamicImage) -> Result<(usize, Vec<u8>)> {
    use DynamicImage::*;
    Ok(match image {
        ImageLuma8(image) => (1, image.into_raw()),
        ImageLumaA8(image) => (2, image.into_raw()),
        ImageRgb8(image) => (3, image.into_raw()),
        ImageRgba8(image) => (4, image.into_raw()),
        ImageLuma16(image) => (1, narrow(&image)),
        ImageLumaA16(image) => (2, narrow(&image)),
        ImageRgb16(image) => (3, narrow(&image)),
        ImageRgba16(image) => (4, narrow(&image)),
        other => {
            return Err(Error::Image(format!(
                "expected 8 or 16 bits a channel, found {:?}",
                other.color()
            )));
        }
    })
}

/// 16 bits a channel to 8, rounded.
fn narrow(wide: &[u16]) -> Vec<u8> {
    let byte = |&v: &u16| ((u32::from(v) + 128) / 257) as u8;
    wide.iter().map(byte).collect()
}
