//! Images on a page.

use std::io::Cursor;

use anyhow::{Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use intformer::Pixels;

/// A grey or colour image as a PNG file in base64.
///
/// # Errors
/// If it has another number of channels.
pub fn png(image: &Pixels) -> Result<String> {
    let kind = match image.channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        channels => bail!("expected a grey or a colour image, found {channels} channels"),
    };
    let mut bytes = Cursor::new(Vec::new());
    let (width, height) = (image.width as u32, image.height as u32);
    PngEncoder::new(&mut bytes).write_image(&image.data, width, height, kind)?;
    Ok(BASE64_STANDARD.encode(bytes.into_inner()))
}
