//! Transparency, grey and colour to the bytes that models take.

use crate::{Decoding, Error, Pixels, Result};

/// Pixels that a side may have.
pub(super) const MAX_SIDE: u32 = 16_384;
/// Bytes that a decoded image may have: 512 MiB.
pub(super) const MAX_BYTES: u64 = 512 << 20;

/// Pixels of red, green, blue and alpha to `channels` bytes a pixel.
pub(super) fn from_rgba(
    rgba: &[u8],
    height: usize,
    width: usize,
    channels: usize,
    decoding: Decoding,
) -> Result<Pixels> {
    check_channels(channels)?;
    let sides = 1..=MAX_SIDE as usize;
    if !sides.contains(&height) || !sides.contains(&width) || rgba.len() as u64 > MAX_BYTES {
        return Err(Error::Image(format!(
            "expected 1 to {MAX_SIDE} pixels a side and at most {MAX_BYTES} bytes, \
             found {height}x{width}"
        )));
    }
    if rgba.len() != 4 * height * width {
        return Err(Error::Image(format!(
            "expected 4 bytes for each of {height}x{width} pixels, found {} bytes",
            rgba.len()
        )));
    }
    Pixels::new(
        height,
        width,
        channels,
        convert(rgba, 4, channels, decoding),
    )
}

/// Checks that images can be turned into pixels of `channels` bytes.
pub(super) fn check_channels(channels: usize) -> Result<()> {
    match channels {
        1 | 3 => Ok(()),
        _ => Err(Error::Image(format!(
            "expected a model of 1 or 3 channels for an image, found {channels}"
        ))),
    }
}

/// Pixels of `stored` bytes to pixels of `channels` bytes.
pub(super) fn convert(raw: &[u8], stored: usize, channels: usize, decoding: Decoding) -> Vec<u8> {
    let blends = match decoding {
        Decoding::Seen => true,
        Decoding::Torchvision => false,
    };
    intformer_cpu::pixels::convert(raw, stored, channels, blends)
}
