//! Images on a page.

use std::io::Cursor;

use anyhow::Result;
use base64::{Engine, prelude::BASE64_STANDARD};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use intformer::Pixels;

/// A grey image as a PNG file in base64.
///
/// # Errors
/// If it has another number of channels than one.
pub fn grey_png(image: &Pixels) -> Result<String> {
    anyhow::ensure!(
        image.channels == 1,
        "expected a grey image, found {} channels",
        image.channels
    );
    let mut bytes = Cursor::new(Vec::new());
    let (width, height) = (image.width as u32, image.height as u32);
    PngEncoder::new(&mut bytes).write_image(&image.data, width, height, ExtendedColorType::L8)?;
    Ok(BASE64_STANDARD.encode(bytes.into_inner()))
}
