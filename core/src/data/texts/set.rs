//! Texts with their classes, as tokens.

use crate::{Error, Result, data::Dataset, input::Token};

/// The tokens of texts, each of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSet {
    texts: Vec<Vec<Token>>,
    classes: Vec<usize>,
    labels: Vec<String>,
}

impl TextSet {
    /// `texts`, whose classes are `classes`: places in `labels`, the names of the classes.
    ///
    /// # Errors
    /// [`Error::Data`] if there is not one class for each text, or one that has no name.
    pub fn new(texts: Vec<Vec<Token>>, classes: Vec<usize>, labels: Vec<String>) -> Result<Self> {
        let fail = |sentence: String| Err(Error::Data(sentence));
        if texts.len() != classes.len() {
            return fail(format!(
                "expected a class for each of {} texts, found {}",
                texts.len(),
                classes.len()
            ));
        }
        match classes.iter().find(|&&class| class >= labels.len()) {
            Some(class) => fail(format!(
                "expected classes below {}, found {class}",
                labels.len()
            )),
            None => Ok(Self {
                texts,
                classes,
                labels,
            }),
        }
    }
}

impl Dataset<Vec<Token>> for TextSet {
    fn len(&self) -> usize {
        self.texts.len()
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn get(&self, _epoch: u64, index: usize) -> Result<(Vec<Token>, usize)> {
        match self.texts.get(index) {
            Some(text) => Ok((text.clone(), self.classes[index])),
            None => Err(Error::Data(format!(
                "expected an index below {}, found {index}",
                self.texts.len()
            ))),
        }
    }
}
