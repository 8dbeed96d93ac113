//! A part of a data set.

use super::Dataset;
use crate::{Error, Pixels, Result};

/// So many images of a data set, spread evenly over it: folders list their images class by class.
///
/// # Examples
///
/// ```
/// use intformer::{
///     data::{Dataset, ImageFolder, Spread},
///     plan::IntModel,
/// };
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// // Two folders with images, so two classes: "samples" and "scenes".
/// let folder = ImageFolder::open("models")?;
/// let data = folder.dataset(model.config.image()?, model.preprocessing);
/// assert_eq!(data.len(), 12 + 6);
///
/// let some = Spread::new(&data, 3);
/// assert_eq!(some.len(), 3);
/// assert_eq!(some.get(0, 1)?, data.get(0, 6)?);
/// # Ok::<(), intformer::Error>(())
/// ```
pub struct Spread<'a> {
    data: &'a dyn Dataset,
    count: usize,
}

impl<'a> Spread<'a> {
    /// `count` images of `data`, or all of them if there are fewer.
    pub fn new(data: &'a dyn Dataset, count: usize) -> Self {
        Self {
            count: count.min(data.len()),
            data,
        }
    }
}

impl Dataset for Spread<'_> {
    fn len(&self) -> usize {
        self.count
    }

    fn labels(&self) -> &[String] {
        self.data.labels()
    }

    fn get(&self, epoch: u64, index: usize) -> Result<(Pixels, usize)> {
        if index >= self.count {
            return Err(Error::Data(format!(
                "expected an index below {}, found {index}",
                self.count
            )));
        }
        let place = index as u128 * self.data.len() as u128 / self.count as u128;
        self.data.get(epoch, place as usize)
    }
}
