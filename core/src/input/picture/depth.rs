//! Images of any depth to 8 bits a channel.

use image::{DynamicImage, ImageFormat};

use crate::{Error, Result};

/// Channels and bytes of `image`; `narrow` makes bytes of 16 bits, given how many channels there are.
pub(super) fn split(
    image: DynamicImage,
    narrow: impl Fn(u16, usize) -> u8,
) -> Result<(usize, Vec<u8>)> {
    use DynamicImage::*;
    let deep = |wide: &[u16], channels| {
        let bytes = wide.iter().map(|&v| narrow(v, channels));
        (channels, bytes.collect())
    };
    Ok(match image {
        ImageLuma8(image) => (1, image.into_raw()),
        ImageLumaA8(image) => (2, image.into_raw()),
        ImageRgb8(image) => (3, image.into_raw()),
        ImageRgba8(image) => (4, image.into_raw()),
        ImageLuma16(image) => deep(&image, 1),
        ImageLumaA16(image) => deep(&image, 2),
        ImageRgb16(image) => deep(&image, 3),
        ImageRgba16(image) => deep(&image, 4),
        other => {
            return Err(Error::Image(format!(
                "expected grey or colours of 8 or 16 bits, found {:?}",
                other.color()
            )));
        }
    })
}

/// 16 bits to 8, rounded.
pub(super) fn rounded(value: u16, _channels: usize) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// 16 bits to 8, as Pillow 13 opens the file `bytes` of `format` and converts it.
pub(super) fn by_pillow(format: Option<ImageFormat>, bytes: &[u8]) -> impl Fn(u16, usize) -> u8 {
    let rounds = format == Some(ImageFormat::Pnm);
    // The colour type in the header of a PNG file. A grey that stands for transparency reaches
    // here as alpha, but is none to Pillow.
    let keyed = format == Some(ImageFormat::Png) && bytes.get(25) == Some(&0);
    move |value, channels| match channels {
        1 => clipped(value),
        2 if keyed => clipped(value),
        _ if rounds => rounded(value, channels),
        _ => value.to_be_bytes()[0],
    }
}

/// Pillow keeps 16 bits of a grey and clips them when it converts to bytes.
fn clipped(value: u16) -> u8 {
    value.min(255) as u8
}
