//! Labelled images for training, calibration and evaluation.

pub mod classes;
mod folder;
pub mod glyphs;
mod spread;

pub use folder::{
    Findings, FolderDataset, ImageFiles, ImageFolder, Skipped, Sturdy, parts, unread,
};
pub use glyphs::{GlyphOptions, GlyphSet, GlyphSplit, Split};
pub use spread::Spread;

use crate::{Pixels, Result};

/// Labelled images by index.
///
/// Reading is a pure function of the epoch and the index, so that workers may read in any order
/// and a run that was cut off can go on with the same images.
pub trait Dataset: Send + Sync {
    /// Images of an epoch.
    fn len(&self) -> usize;

    /// Whether there is no image.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of the classes, by class.
    fn labels(&self) -> &[String];

    /// The image at `index`, below [`Dataset::len`], as it is in epoch `epoch`, and its class.
    ///
    /// # Errors
    /// If there is no such index, or its file cannot be read.
    fn get(&self, epoch: u64, index: usize) -> Result<(Pixels, usize)>;
}
