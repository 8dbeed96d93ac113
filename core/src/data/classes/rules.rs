//! The rules by which folders find their classes.

use std::collections::HashMap;

use super::{
    ClassFolder, Matching, ModelClasses, Reason, Rule, imagenet,
    names::{Found, Names},
    order::places,
};
use crate::{ClassOrder, Error, Result};

/// Models with more classes than this were trained on lists of WordNet ids that differ.
const MANY: usize = 10_000;

pub(super) fn fail<T>(sentence: String) -> Result<T> {
    Err(Error::Data(sentence))
}

pub(super) fn full<'a>(folders: &[ClassFolder<'a>]) -> impl Iterator<Item = &'a str> {
    let full = folders.iter().filter(|folder| !folder.empty);
    full.map(|folder| folder.name)
}

/// The first few of `names`, and how many more there are.
pub(super) fn quoted(names: &[&str]) -> String {
    list(names, |name| format!("{name:?}"))
}

/// The first few of `all`, and how many more there are.
pub(super) fn list<T: Copy>(all: &[T], text: impl Fn(T) -> String) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = all.iter().take(SHOWN).map(|&one| text(one)).collect();
    match all.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether the folders are the numbers from 0 to the last class, each once.
pub(super) fn numbered(folders: &[&str], classes: usize) -> bool {
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

pub(super) fn by_name(folders: &[ClassFolder], labels: &Names) -> Result<Matching> {
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

pub(super) fn by_number(folders: &[ClassFolder], model: &ModelClasses) -> Result<Matching> {
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
pub(super) fn undirected(folders: &[ClassFolder], model: &ModelClasses) -> Result<Matching> {
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
pub(super) fn by_order(
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
