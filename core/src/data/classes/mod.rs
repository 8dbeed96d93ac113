//! Which of a model's classes the folders of a data set are.
//!
//! The rule, first to last: what a file says; the names of the model's classes; WordNet ids, if the
//! model has ImageNet's thousand classes and no names; numbers that are asked for or can mean nothing
//! else; the order of as many folders as the model has classes, if it is known. What is not decided is
//! refused: a class that is guessed wrong gives a figure that looks right.
//!
//! ```
//! use intformer::data::classes::{ClassFolder, ModelClasses, Rule, Wish, match_classes};
//!
//! let labels = ["tench".to_owned(), "English springer".to_owned()];
//! let model = ModelClasses {
//!     count: labels.len(),
//!     labels: &labels,
//!     order: None,
//! };
//! let folder = |name| ClassFolder { name, empty: false };
//!
//! // Folders of WordNet ids, in another order than the classes of the model.
//! let folders = [folder("n02102040"), folder("n01440764")];
//! let matching = match_classes(&folders, &model, &Wish::default())?;
//! assert_eq!(matching.classes, [Some(1), Some(0)]);
//! assert_eq!(matching.rule, Rule::Alike);
//!
//! // What is none of the model's classes is refused.
//! let folders = [folder("tench"), folder("trout")];
//! let error = match_classes(&folders, &model, &Wish::default()).unwrap_err();
//! let sentence = error.to_string();
//! assert!(sentence.contains("found 1 of 2 with others: \"trout\""));
//! # Ok::<(), intformer::Error>(())
//! ```

mod file;
pub mod imagenet;
mod names;
pub mod order;
mod rules;
#[cfg(test)]
mod tests;

use serde::{Serialize, Serializer};

pub use file::ClassFile;

use self::{
    names::Names,
    rules::{by_name, by_number, by_order, fail, full, numbered, quoted, undirected},
};
use crate::{ClassOrder, Result};

/// What a model tells of its classes.
#[derive(Clone, Copy, Debug)]
pub struct ModelClasses<'a> {
    /// How many there are.
    pub count: usize,
    /// Their names, or none.
    pub labels: &'a [String],
    /// How its trainer numbers folders.
    pub order: Option<ClassOrder>,
}

/// A folder of a data set.
#[derive(Clone, Copy, Debug)]
pub struct ClassFolder<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether there is no image in it.
    pub empty: bool,
}

/// What the user says about the classes of folders.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// The file of `--classes`.
    pub file: Option<&'a ClassFile>,
    /// `--class-order`.
    pub order: Option<FolderOrder>,
}

/// How folders are numbered, as a user says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderOrder {
    /// In this order from 0.
    Sorted(ClassOrder),
    /// The name of each folder is the number of its class.
    Number,
}

/// The classes of folders, and how they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// The class of each folder; every folder with images has one.
    pub classes: Vec<Option<usize>>,
    /// What decided.
    pub rule: Rule,
}

/// What decided the classes of folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The file of `--classes`.
    File,
    /// The names of the model's classes, as they are.
    Names,
    /// The names of the model's classes, some by ImageNet's ids and names or in another case.
    Alike,
    /// WordNet ids: the place among ImageNet's thousand.
    WordNet,
    /// Each folder's name is the number of its class.
    Numbers,
    /// The order of the folders, and why it is this one.
    Order(ClassOrder, Reason),
}

/// Why folders are taken in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user says so.
    Wish,
    /// The model's trainer sorts so.
    Model,
    /// All orders agree.
    Agreed,
}

impl Rule {
    /// The rule in one word, for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Names => "names",
            Self::Alike => "alike-names",
            Self::WordNet => "wordnet-ids",
            Self::Numbers => "numbers",
            Self::Order(ClassOrder::String, _) => "string-order",
            Self::Order(ClassOrder::Natural, _) => "natural-order",
        }
    }

    /// The rule in words that go on from "classes".
    pub fn words(self) -> String {
        let (order, reason) = match self {
            Self::File => return "as --classes says".to_owned(),
            Self::Names => return "by name".to_owned(),
            Self::Alike => {
                return "by name, some by ImageNet's ids and names or in another case".to_owned();
            }
            Self::WordNet => {
                return "by WordNet id, as ImageNet's 1000 classes are sorted".to_owned();
            }
            Self::Numbers => return "by number, as the folders are named".to_owned(),
            Self::Order(order, reason) => (order, reason),
        };
        let reason = match reason {
            Reason::Wish => "as --class-order says",
            Reason::Model => "as the model's trainer sorts; --class-order changes that",
            Reason::Agreed => "string and natural order agree",
        };
        let order = match order {
            _ if self == Self::Order(order, Reason::Agreed) => String::new(),
            ClassOrder::String => "string ".to_owned(),
            ClassOrder::Natural => "natural ".to_owned(),
        };
        format!("by the {order}order of the folders ({reason})")
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl ModelClasses<'_> {
    /// Whether there are no names, or such as only repeat the number: `3`, `LABEL_3`.
    pub fn nameless(&self) -> bool {
        let labels = self.labels.iter().enumerate();
        let mut labels = labels.map(|(class, label)| (class.to_string(), label));
        labels.all(|(class, label)| label.strip_prefix("LABEL_").unwrap_or(label) == class)
    }

    fn names(&self) -> Names {
        Names::new(
            self.labels
                .iter()
                .map(|label| vec![label.clone()])
                .collect(),
        )
    }
}

/// The model's class of each folder, by the rule of this module.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) if a folder has no class or may have several, or nothing decides; the sentence
/// names the option that would.
pub fn match_classes(
    folders: &[ClassFolder],
    model: &ModelClasses,
    wish: &Wish,
) -> Result<Matching> {
    let labels = model.names();
    let full: Vec<&str> = full(folders).collect();
    if let Some(file) = wish.file {
        // What an empty folder is called must not decide how a file is read.
        let mut found = file.classes(&full, model, &labels)?.into_iter();
        let class = |folder: &ClassFolder| match folder.empty {
            true => None,
            false => found.next().flatten(),
        };
        let classes = folders.iter().map(class).collect();
        let matching = Matching {
            classes,
            rule: Rule::File,
        };
        let missing = matching.missing(folders);
        return match missing.is_empty() {
            true => Ok(matching),
            false => fail(format!(
                "expected a class for every folder in --classes, found none for {} of {}: {}",
                missing.len(),
                full.len(),
                quoted(&missing)
            )),
        };
    }
    let named = by_name(folders, &labels)?;
    let missing = named.missing(folders);
    if missing.is_empty() {
        return Ok(named);
    }
    let order = match wish.order {
        Some(FolderOrder::Number) => return by_number(folders, model),
        Some(FolderOrder::Sorted(order)) => Some(order),
        None => None,
    };
    // Names that repeat numbers are names where some folders have them.
    if model.nameless() && (order.is_some() || missing.len() == full.len()) {
        return match order {
            None => undirected(folders, model),
            order => by_order(folders, model, order),
        };
    }
    // Names that do not fit are wrong data, but for folders that are numbered and have no names.
    if missing.len() == full.len() {
        if order.is_some() {
            return by_order(folders, model, order);
        }
        if numbered(&full, model.count) {
            return match labels.imagenet {
                true => by_number(folders, model),
                false => by_order(folders, model, None),
            };
        }
    }
    fail(format!(
        "expected folders with the names of the model's classes, found {} of {} with others: {}; \
         --classes FILE says which class a folder is",
        missing.len(),
        full.len(),
        quoted(&missing)
    ))
}

impl Matching {
    /// The names of a model's `count` classes by `folders`, the names of the folders that were matched:
    /// numbers, if not every class has a folder.
    pub fn labels(&self, folders: &[String], count: usize) -> Vec<String> {
        let named = folders.iter().zip(&self.classes);
        let mut labels = vec![None; count];
        for (folder, class) in named {
            if let Some(label) = class.and_then(|class| labels.get_mut(class)) {
                *label = Some(folder.clone());
            }
        }
        let whole: Option<Vec<_>> = labels.into_iter().collect();
        whole.unwrap_or_else(|| (0..count).map(|class| class.to_string()).collect())
    }

    /// Folders with images but without a class.
    fn missing<'a>(&self, folders: &[ClassFolder<'a>]) -> Vec<&'a str> {
        let folders = folders.iter().zip(&self.classes);
        folders
            .filter(|(folder, class)| !folder.empty && class.is_none())
            .map(|(folder, _)| folder.name)
            .collect()
    }
}
