//! Labelled examples that are held in memory.

use super::Dataset;
use crate::{Error, Pixels, Result, input::Token};

/// Examples, each of a class, the same in each epoch.
///
/// # Examples
///
/// ```
/// use intformer::{Pixels, data::{Dataset, ImageSet}};
///
/// let image = |grey| Pixels::new(8, 8, 1, vec![grey; 64]);
/// let labels = vec!["dark".to_owned(), "light".to_owned()];
/// let set = ImageSet::new(vec![image(20)?, image(230)?], vec![0, 1], labels)?;
/// assert_eq!(set.get(0, 1)?, (image(230)?, 1));
/// assert_eq!(set.classes(), [0, 1]);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InMemory<T> {
    items: Vec<T>,
    classes: Vec<usize>,
    labels: Vec<String>,
}

/// Images, each of a class.
pub type ImageSet = InMemory<Pixels>;

/// The tokens of texts, each of a class.
pub type TextSet = InMemory<Vec<Token>>;

impl<T> InMemory<T> {
    /// `items`, whose classes are `classes`: places in `labels`, the names of the classes.
    ///
    /// # Errors
    /// [`Error::Data`] if there is not one class for each item, or one that has no name.
    pub fn new(items: Vec<T>, classes: Vec<usize>, labels: Vec<String>) -> Result<Self> {
        let fail = |sentence: String| Err(Error::Data(sentence));
        if items.len() != classes.len() {
            return fail(format!(
                "expected a class for each of {} examples, found {}",
                items.len(),
                classes.len()
            ));
        }
        match classes.iter().find(|&&class| class >= labels.len()) {
            Some(class) => fail(format!(
                "expected classes below {}, found {class}",
                labels.len()
            )),
            None => Ok(Self {
                items,
                classes,
                labels,
            }),
        }
    }

    /// The examples, in order.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The class of each.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }
}

impl<T: Clone + Send + Sync> Dataset<T> for InMemory<T> {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn get(&self, _epoch: u64, index: usize) -> Result<(T, usize)> {
        match self.items.get(index) {
            Some(item) => Ok((item.clone(), self.classes[index])),
            None => Err(Error::Data(format!(
                "expected an index below {}, found {index}",
                self.items.len()
            ))),
        }
    }
}
