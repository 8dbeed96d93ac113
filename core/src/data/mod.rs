//! Labelled images and texts for training, calibration and evaluation.

mod augment;
pub mod classes;
mod examples;
mod folder;
pub mod glyphs;
mod in_memory;
mod masks;
mod scenes;
mod spread;
mod subset;
pub(crate) mod texts;

pub use augment::{Augmentation, RandomCrop};
pub use examples::Examples;
pub use folder::{
    Findings, FolderDataset, ImageFiles, ImageFolder, Skipped, Sturdy, parts, unread,
};
pub use glyphs::{GlyphOptions, GlyphSet, GlyphSplit, Split};
pub use in_memory::{ImageSet, InMemory, TextSet};
pub use masks::MaskFolder;
pub use scenes::{Scene, SceneSet};
pub use spread::Spread;
pub use subset::{Selected, Subset};
pub use texts::{Columns, TextTable};

use crate::{Pixels, Result};

/// Labelled images, or what else `T` is, by index.
///
/// Reading is a pure function of the epoch and the index, so that workers may read in any order
/// and a run that was cut off can go on with the same images.
///
/// # Examples
///
/// Images that are made as they are asked for: stripes that lie or stand, moved a little further in
/// each epoch.
///
/// ```
/// use intformer::{Pixels, Result, data::Dataset};
///
/// struct Stripes {
///     labels: Vec<String>,
/// }
///
/// impl Dataset for Stripes {
///     fn len(&self) -> usize {
///         100
///     }
///     fn labels(&self) -> &[String] {
///         &self.labels
///     }
///     fn get(&self, epoch: u64, index: usize) -> Result<(Pixels, usize)> {
///         let class = index % 2;
///         let pixel = |at: usize| {
///             let place = [at / 16, at % 16][class] + index + epoch as usize;
///             (place % 4 / 2 * 255) as u8
///         };
///         let image = Pixels::new(16, 16, 1, (0..16 * 16).map(pixel).collect())?;
///         Ok((image, class))
///     }
/// }
///
/// let data = Stripes {
///     labels: vec!["lying".into(), "standing".into()],
/// };
/// let (image, class) = data.get(0, 1)?;
/// assert_eq!(data.labels()[class], "standing");
/// assert_eq!(image.data[..6], [0, 255, 255, 0, 0, 255]);
/// assert_ne!(image, data.get(1, 1)?.0);
/// # Ok::<(), intformer::Error>(())
/// ```
pub trait Dataset<T = Pixels>: Send + Sync {
    /// Examples of an epoch.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of the classes, by class.
    fn labels(&self) -> &[String];

    /// The example at `index`, below [`Dataset::len`], as it is in epoch `epoch`, and its class.
    ///
    /// # Errors
    /// If there is no such index, or its file cannot be read.
    fn get(&self, epoch: u64, index: usize) -> Result<(T, usize)>;
}
