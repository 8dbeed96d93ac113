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
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde::{Serialize, Serializer};

pub use file::ClassFile;

use self::{
    names::{Found, Names},
    order::places,
};
use crate::{ClassOrder, Error, Result};

/// Models with more classes than this were trained on lists of WordNet ids that differ.
const MANY: usize = 10_000;

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
/// [`Error::Data`] if a folder has no class or may have several, or nothing decides; the sentence
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

fn fail<T>(sentence: String) -> Result<T> {
    Err(Error::Data(sentence))
}

fn full<'a>(folders: &[ClassFolder<'a>]) -> impl Iterator<Item = &'a str> {
    let full = folders.iter().filter(|folder| !folder.empty);
    full.map(|folder| folder.name)
}

/// The first few of `names`, and how many more there are.
fn quoted(names: &[&str]) -> String {
    list(names, |name| format!("{name:?}"))
}

/// The first few of `all`, and how many more there are.
fn list<T: Copy>(all: &[T], text: impl Fn(T) -> String) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = all.iter().take(SHOWN).map(|&one| text(one)).collect();
    match all.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether the folders are the numbers from 0 to the last class, each once.
fn numbered(folders: &[&str], classes: usize) -> bool {
    let mut seen = vec![false; classes];
    folders.len() == classes
        && folders.iter().all(|folder| {
            let slot = number(folder).and_then(|number| seen.get_mut(number));
            slot.is_some_and(|seen| !std::mem::replace(seen, true))
        })
}

fn number(folder: &str) -> Option<usize> {
    let digits = folder.bytes().all(|byte| byte.is_ascii_digit());
    folder.parse().ok().filter(|_| digits)
}

fn by_name(folders: &[ClassFolder], labels: &Names) -> Result<Matching> {
    let mut classes = Vec::with_capacity(folders.len());
    let mut rule = Rule::Names;
    let mut taken = HashMap::new();
    for folder in folders {
        let class = match labels.find(folder.name) {
            Found::Class(class) => Some(class),
            Found::Several(found) if !folder.empty => {
                let class = |class| match labels.imagenet.then(|| imagenet::class(class)).flatten()
                {
                    Some((id, names)) => format!("class {class} ({id} {names})"),
                    None => format!("class {class}"),
                };
                return fail(format!(
                    "expected a folder that is one class of the model, found {:?}, which may be {}; \
                     --classes FILE says which class a folder is",
                    folder.name,
                    list(&found, class)
                ));
            }
            _ => None,
        };
        let very = class.is_none_or(|class| labels.is(class, folder.name));
        if !very {
            rule = Rule::Alike;
        }
        if let (Some(class), false) = (class, folder.empty)
            && let Some((other, _)) = taken
                .insert(class, (folder.name, very))
                .filter(|(_, other_very)| !(very && *other_very))
        {
            return fail(format!(
                "expected one folder for class {class}, found {other:?} and {:?}; --classes FILE says which \
                 class a folder is",
                folder.name
            ));
        }
        classes.push(class);
    }
    Ok(Matching { classes, rule })
}

fn by_number(folders: &[ClassFolder], model: &ModelClasses) -> Result<Matching> {
    let count = model.count;
    let class = |folder: &ClassFolder| match number(folder.name).filter(|&class| class < count) {
        None if !folder.empty => fail(format!(
            "expected folders that are numbers of classes below {count}, found {:?}",
            folder.name
        )),
        class => Ok(class),
    };
    Ok(Matching {
        classes: folders.iter().map(class).collect::<Result<_>>()?,
        rule: Rule::Numbers,
    })
}

/// Folders of a model without names, of which nothing was said.
fn undirected(folders: &[ClassFolder], model: &ModelClasses) -> Result<Matching> {
    let full: Vec<&str> = full(folders).collect();
    let thousand = model.count == imagenet::CLASSES;
    if full.iter().all(|name| imagenet::wordnet_id(name).is_some()) {
        if thousand {
            return by_wordnet_id(folders);
        }
        if model.count > MANY || folders.len() < model.count {
            return fail(format!(
                "expected something that tells which of the model's {} classes the WordNet ids of {} \
                 folders are, found no names of classes: --classes FILE says it",
                model.count,
                full.len()
            ));
        }
    }
    if thousand {
        let meant = |name: &&&str| imagenet::meaning(name).is_some();
        if 2 * full.iter().filter(meant).count() >= full.len() {
            return fail(
                "expected WordNet ids as folders for a model of 1000 classes without names, found names \
                 of ImageNet's classes, which sort otherwise: --classes FILE says which class a folder is"
                    .to_owned(),
            );
        }
        // Trained on folders of WordNet ids, it would be asked for the number, whatever its trainer.
        let numbers = full.iter().all(|name| number(name).is_some());
        if numbers && model.order != Some(ClassOrder::Natural) {
            let blind = ModelClasses {
                order: None,
                ..*model
            };
            return by_order(folders, &blind, None);
        }
    }
    by_order(folders, model, None)
}

fn by_wordnet_id(folders: &[ClassFolder]) -> Result<Matching> {
    let class = |folder: &ClassFolder| Some(imagenet::meaning(folder.name)?.classes[0]);
    let matching = Matching {
        classes: folders.iter().map(class).collect(),
        rule: Rule::WordNet,
    };
    let missing = matching.missing(folders);
    match missing.is_empty() {
        true => Ok(matching),
        false => fail(format!(
            "expected WordNet ids of ImageNet's 1000 classes, found {} of {} others: {}; --classes FILE \
             says which class a folder is",
            missing.len(),
            full(folders).count(),
            quoted(&missing)
        )),
    }
}

/// Folders in `wish`'s order, the model's, or that in which all agree.
///
/// Empty folders count only if the order is the user's wish and with them there are as many folders as
/// classes: trainers number none or refuse them.
fn by_order(
    folders: &[ClassFolder],
    model: &ModelClasses,
    wish: Option<ClassOrder>,
) -> Result<Matching> {
    let count = model.count;
    let all = folders.len() == count && wish.is_some();
    let used = |folder: &&ClassFolder| all || !folder.empty;
    let names: Vec<&str> = folders
        .iter()
        .filter(used)
        .map(|folder| folder.name)
        .collect();
    if names.len() != count {
        let empty = folders.len() - full(folders).count();
        let empty = match empty {
            0 => String::new(),
            empty => format!(", {empty} of them empty"),
        };
        return fail(format!(
            "expected as many folders as the model's {count} classes, which have no names, found {}{empty}; \
             --classes FILE says which class a folder is",
            folders.len()
        ));
    }
    let [string, natural] = [ClassOrder::String, ClassOrder::Natural].map(|o| places(&names, o));
    let (order, reason, places) = match (wish, model.order) {
        _ if string == natural => (ClassOrder::String, Reason::Agreed, string),
        (Some(order), _) => (order, Reason::Wish, places(&names, order)),
        (None, Some(order)) => (order, Reason::Model, places(&names, order)),
        (None, None) => {
            return fail(
                "expected folders that sort alike as strings (0, 1, 10, 2) and by number (0, 1, 2, 10), or \
                 a model that tells its order, found neither: --class-order string is torchvision's, \
                 natural is timm's, and number takes the folder's name for its class"
                    .to_owned(),
            );
        }
    };
    let Some(places) = places else {
        return fail(
            "expected folders in a natural order, found two of the same number and letters: --classes \
             FILE says which class a folder is"
                .to_owned(),
        );
    };
    let mut places = places.into_iter();
    let class = |folder: &ClassFolder| match all || !folder.empty {
        true => places.next(),
        false => None,
    };
    Ok(Matching {
        classes: folders.iter().map(class).collect(),
        rule: Rule::Order(order, reason),
    })
}
