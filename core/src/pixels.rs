//! Pixels as a model takes them: resized and cropped bytes.

use crate::{Error, Result, model::SwinConfig};

/// An image of `height * width * channels` bytes, row by row, channels interleaved.
///
/// # Examples
///
/// Pixels that come from elsewhere than a file, here a gradient:
///
/// ```
/// use intformer::{Pixels, model::SwinConfig};
///
/// let grey = (0..224 * 224).map(|at| (at % 224) as u8);
/// let rgb = grey.flat_map(|value| [value; 3]).collect();
/// let image = Pixels::new(224, 224, 3, rgb)?;
/// image.check(&SwinConfig::tiny())?;
///
/// // A model takes images of its own size alone.
/// let small = Pixels::new(2, 2, 3, vec![0; 12])?;
/// let error = small.check(&SwinConfig::tiny()).unwrap_err();
/// assert!(
///     error
///         .to_string()
///         .contains("expected height, width and channels (224, 224, 3)")
/// );
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels: 1 (luma) or 3 (RGB) when read from a file.
    pub channels: usize,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Pixels {
    /// An image over `data`.
    ///
    /// # Errors
    /// If `data` has another length than the extents ask for.
    pub fn new(height: usize, width: usize, channels: usize, data: Vec<u8>) -> Result<Self> {
        if height
            .checked_mul(width)
            .and_then(|n| n.checked_mul(channels))
            != Some(data.len())
        {
            return Err(Error::Image(format!(
                "expected {height}x{width}x{channels} bytes, found {}",
                data.len()
            )));
        }
        Ok(Self {
            height,
            width,
            channels,
            data,
        })
    }

    /// Checks that a model of `config` takes this image.
    ///
    /// # Errors
    /// If an extent differs.
    pub fn check(&self, config: &SwinConfig) -> Result<()> {
        let expected = (
            config.image_size[0],
            config.image_size[1],
            config.in_channels,
        );
        let found = (self.height, self.width, self.channels);
        if expected != found {
            return Err(Error::Image(format!(
                "expected height, width and channels {expected:?}, found {found:?}"
            )));
        }
        Ok(())
    }
}
