//! Pixels as a model takes them: resized and cropped bytes.

use std::fmt::{self, Display, Formatter};

use crate::{Error, Result};

/// Bounds that keep a hostile model file from asking for absurd amounts of memory.
const MAX_SIDE: usize = 4096;
const MAX_CHANNELS: usize = 64;

/// The extents of the images that a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels: 1 (luma) or 3 (RGB) for image files.
    pub channels: usize,
}

impl ImageShape {
    /// Of `height` rows, `width` columns and `channels`.
    pub fn new(height: usize, width: usize, channels: usize) -> Self {
        Self {
            height,
            width,
            channels,
        }
    }

    /// Checks that a model may take such images.
    ///
    /// # Errors
    /// [`Error::Config`] for an extent of 0 or an absurd one.
    pub fn validate(&self) -> Result<()> {
        for (what, value, most) in [
            ("image height", self.height, MAX_SIDE),
            ("image width", self.width, MAX_SIDE),
            ("input channels", self.channels, MAX_CHANNELS),
        ] {
            if value == 0 || value > most {
                return Err(Error::Config(format!(
                    "expected {what} from 1 to {most}, found {value}"
                )));
            }
        }
        Ok(())
    }

    /// Height and width.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.height.saturating_mul(self.width)
    }

    /// Bytes of an image.
    pub fn bytes(&self) -> usize {
        self.pixels().saturating_mul(self.channels)
    }
}

/// `224x224x3`.
impl Display for ImageShape {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// An image of `height * width * channels` bytes, row by row, channels interleaved.
///
/// # Examples
///
/// Pixels that come from elsewhere than a file, here a gradient:
///
/// ```
/// use intformer::{ImageShape, Pixels};
///
/// let grey = (0..224 * 224).map(|at| (at % 224) as u8);
/// let rgb = grey.flat_map(|value| [value; 3]).collect();
/// let image = Pixels::new(224, 224, 3, rgb)?;
/// let shape = ImageShape::new(224, 224, 3);
/// image.check(&shape)?;
///
/// // A model takes images of its own size alone.
/// let small = Pixels::new(2, 2, 3, vec![0; 12])?;
/// let error = small.check(&shape).unwrap_err();
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

    /// Checks that a model that takes images of `shape` takes this one.
    ///
    /// # Errors
    /// If an extent differs.
    pub fn check(&self, shape: &ImageShape) -> Result<()> {
        let expected = (shape.height, shape.width, shape.channels);
        let found = (self.height, self.width, self.channels);
        if expected != found {
            return Err(Error::Image(format!(
                "expected height, width and channels {expected:?}, found {found:?}"
            )));
        }
        Ok(())
    }
}
