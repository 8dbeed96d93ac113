//! Files of pixels to luma or RGB bytes.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    error::UnsupportedErrorKind,
};

use super::{
    convert::{MAX_BYTES, MAX_SIDE, check_channels, convert},
    depth,
    formats::FORMATS,
};
use crate::{Decoding, Error, Pixels, Result};

/// Decodes an image file of [`FORMATS`] to `channels` bytes a pixel, as [`Decoding::Seen`] says.
///
/// # Errors
/// As [`decode_as`].
pub fn decode(bytes: &[u8], channels: usize) -> Result<Pixels> {
    decode_as(bytes, channels, Decoding::Seen)
}

/// Decodes an image file of [`FORMATS`] to `channels` bytes a pixel, at its own size; of an
/// animation, the first image. The bytes say which format it is.
///
/// By [`Decoding::Seen`] the image is turned the right way up by the orientation of its EXIF data,
/// if any; 16 bits a channel are rounded to 8; transparency is blended over white:
/// `(c * a + 255 * (255 - a) + 127) / 255`.
///
/// By [`Decoding::Torchvision`] it is as Pillow 13 opens and converts it: only TIFF is turned;
/// transparency is dropped, and the colour beneath it stays; of 16 bits a channel the high byte
/// is taken, but for PNM colours, which are rounded, and greys without alpha, which are clipped at 255.
///
/// One channel is the luma of ITU-R BT.601 in fixed point,
/// `(19595 * r + 38470 * g + 7471 * b + 32768) >> 16`, which keeps greys as they are.
///
/// # Errors
/// [`Error::Image`] if `channels` is neither 1 nor 3, the bytes are no whole image of these
/// formats with 8 or 16 bits a channel or less, or the image is larger than 16384 pixels a side or
/// 512 MiB.
///
/// # Examples
///
/// The same half transparent pixel, as it is seen and as Pillow converts it:
///
/// ```
/// use std::io::Cursor;
///
/// use image::{ImageFormat, Rgba, RgbaImage};
/// use intformer::{Decoding, picture::decode_as};
///
/// let picture = RgbaImage::from_pixel(1, 1, Rgba([200, 0, 100, 51]));
/// let mut png = Vec::new();
/// picture.write_to(&mut Cursor::new(&mut png), ImageFormat::Png)?;
///
/// assert_eq!(decode_as(&png, 3, Decoding::Seen)?.data, [244, 204, 224]);
/// assert_eq!(
///     decode_as(&png, 3, Decoding::Torchvision)?.data,
///     [200, 0, 100]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode_as(bytes: &[u8], channels: usize, decoding: Decoding) -> Result<Pixels> {
    check_channels(channels)?;
    let (stored, image) = open(bytes, decoding)?;
    let data = convert(&image.data, stored, channels, decoding);
    Pixels::new(image.height, image.width, channels, data)
}

/// Decodes an image file of [`FORMATS`] to red, green, blue and straight alpha, as a canvas has
/// them: for [`Decoding::Seen`], [`prepare_rgba`](super::prepare_rgba) makes of them what
/// [`prepare`](super::prepare) makes of the file.
///
/// # Errors
/// As [`decode`].
pub fn decode_rgba(bytes: &[u8]) -> Result<Pixels> {
    let (stored, image) = open(bytes, Decoding::Seen)?;
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
fn open(bytes: &[u8], decoding: Decoding) -> Result<(usize, Pixels)> {
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
    let (format, image) = read(bytes, decoding).map_err(|error| Error::Image(sentence(&error)))?;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let (stored, raw) = match decoding {
        Decoding::Seen => depth::split(image, depth::rounded)?,
        Decoding::Torchvision => depth::split(image, depth::by_pillow(format, bytes))?,
    };
    Ok((stored, Pixels::new(height, width, stored, raw)?))
}

/// Height and width of the image that [`decode_as`] makes of `bytes`, by its header alone.
#[cfg(feature = "data")]
pub(super) fn size(bytes: &[u8], decoding: Decoding) -> Result<[usize; 2]> {
    use image::metadata::Orientation;

    let read = || -> Result<[usize; 2], ImageError> {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        let format = reader.format();
        let mut decoder = reader.into_decoder()?;
        let (width, height) = decoder.dimensions();
        let size = [height as usize, width as usize];
        let lies = match decoder.orientation()? {
            _ if !turns(format, decoding) => false,
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => true,
            _ => false,
        };
        Ok(if lies { [size[1], size[0]] } else { size })
    };
    read().map_err(|error| Error::Image(sentence(&error)))
}

/// Whether an image is turned as its file says: Pillow turns a TIFF file when it opens it, and no other.
fn turns(format: Option<ImageFormat>, decoding: Decoding) -> bool {
    decoding == Decoding::Seen || format == Some(ImageFormat::Tiff)
}

fn read(
    bytes: &[u8],
    decoding: Decoding,
) -> Result<(Option<ImageFormat>, DynamicImage), ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    reader.limits(limits.clone());
    let format = reader.format();
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    if turns(format, decoding) {
        image.apply_orientation(orientation);
    }
    Ok((format, image))
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
        ImageError::Unsupported(found)
            if matches!(found.kind(), UnsupportedErrorKind::Format(_)) =>
        {
            format!("expected a {FORMATS} file, found: {found}")
        }
        ImageError::Unsupported(found) => {
            format!("expected grey or colours of 8 or 16 bits, found: {found}")
        }
        found => format!("expected a whole {FORMATS} file, found: {found}"),
    }
}
