//! Labelled examples of either kind.

use super::{Dataset, Scene, TextSet};
use crate::input::Token;

/// A data set of images or of texts.
///
/// # Examples
///
/// ```
/// use intformer::{data::{Examples, TextSet}, runtime::Token};
///
/// let token = |id| Token { id, segment: 0 };
/// let texts = vec![vec![token(101), token(2748), token(102)]];
/// let set = TextSet::new(texts, vec![1], vec!["no".into(), "yes".into()])?;
/// let examples = Examples::from(&set);
/// assert_eq!((examples.len(), examples.kind()), (1, "texts"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Copy)]
pub enum Examples<'a> {
    /// Images.
    Images(&'a dyn Dataset),
    /// Images with a class for each pixel; that of the whole is not asked for.
    Scenes(&'a dyn Dataset<Scene>),
    /// The tokens of texts.
    Texts(&'a dyn Dataset<Vec<Token>>),
}

impl<'a> From<&'a dyn Dataset> for Examples<'a> {
    fn from(images: &'a dyn Dataset) -> Self {
        Self::Images(images)
    }
}

impl<'a, D: Dataset> From<&'a D> for Examples<'a> {
    fn from(images: &'a D) -> Self {
        Self::Images(images)
    }
}

impl<'a> From<&'a TextSet> for Examples<'a> {
    fn from(texts: &'a TextSet) -> Self {
        Self::Texts(texts)
    }
}

impl<'a> Examples<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Images(images) => images.len(),
            Self::Scenes(scenes) => scenes.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of the classes, by class.
    pub fn labels(&self) -> &'a [String] {
        match self {
            Self::Images(images) => images.labels(),
            Self::Scenes(scenes) => scenes.labels(),
            Self::Texts(texts) => texts.labels(),
        }
    }

    /// What they are, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Images(_) => "images",
            Self::Scenes(_) => "images with masks",
            Self::Texts(_) => "texts",
        }
    }
}
