//! Folders that hold the parts of a data set: train and val.

use std::path::{Path, PathBuf};

use super::listing::entries;
use crate::{Error, Result, data::Split};

/// A part of a data set, or all of one that has no parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The folder of its classes.
    pub path: PathBuf,
    /// The name of the part, if there are parts.
    pub name: Option<String>,
}

/// Names of the folder of a split, in lower case; the first one that there is counts.
pub fn names(split: Split) -> &'static [&'static str] {
    match split {
        Split::Train => &["train", "training"],
        Split::Validation => &["val", "validation", "valid"],
        Split::Test => &["test", "testing"],
    }
}

/// The parts in a folder.
struct Parts {
    /// Their names in lower case.
    parts: Vec<(String, PathBuf)>,
    /// The first folder that is no part.
    other: Option<PathBuf>,
}

impl Parts {
    fn of(dir: &Path) -> Result<Self> {
        let (mut parts, mut other) = (Vec::new(), None);
        for path in entries(dir)?.into_iter().filter(|path| path.is_dir()) {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.map(str::to_ascii_lowercase).unwrap_or_default();
            let mut known = Split::ALL.into_iter().flat_map(names);
            match known.any(|known| *known == name) {
                true => parts.push((name, path)),
                false => other = other.or(Some(path)),
            }
        }
        Ok(Self { parts, other })
    }

    /// The first of `splits` that is here.
    fn first(&self, splits: &[Split]) -> Option<Part> {
        let names = splits.iter().copied().flat_map(names);
        let part = |name: &&str| self.parts.iter().find(|(known, _)| known == name).cloned();
        let (name, path) = names.into_iter().find_map(part)?;
        Some(Part {
            path,
            name: Some(name),
        })
    }
}

/// The first of `splits` in `dir`, or `dir` itself if it holds classes.
///
/// The folder holds parts if all its folders have names of parts, whatever the case, and one of them
/// has folders itself: classes may be called so, too.
///
/// # Errors
/// If a folder cannot be listed, there are parts but none of `splits`, or there are several parts
/// beside other folders.
///
/// # Examples
///
/// ```
/// use std::fs::create_dir_all;
///
/// use intformer::data::{Split, parts};
///
/// let dir = tempfile::tempdir()?;
/// for class in ["train/cat", "train/dog", "Val/cat", "Val/dog"] {
///     create_dir_all(dir.path().join(class))?;
/// }
/// // Without a test, the images that validate.
/// let part = parts::find(dir.path(), &[Split::Test, Split::Validation])?;
/// assert_eq!(part.name.as_deref(), Some("val"));
/// assert_eq!(part.path, dir.path().join("Val"));
///
/// // A folder of classes is a whole.
/// let part = parts::find(dir.path().join("train"), &[Split::Test])?;
/// assert_eq!(part.name, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn find(dir: impl AsRef<Path>, splits: &[Split]) -> Result<Part> {
    let dir = dir.as_ref();
    let all = Parts::of(dir)?;
    if let (Some(other), [(first, _), (second, _), ..]) = (&all.other, &all.parts[..]) {
        return Err(Error::Data(format!(
            "expected either parts or classes in {}, found {first} and {second} beside {}: name the \
             folder of the classes",
            dir.display(),
            other.display()
        )));
    }
    let mut holds_classes = false;
    for (_, part) in &all.parts {
        holds_classes |= entries(part)?.iter().any(|path| path.is_dir());
    }
    if all.other.is_some() || !holds_classes {
        return Ok(Part {
            path: dir.to_owned(),
            name: None,
        });
    }
    all.first(splits).ok_or_else(|| absent(dir, splits, &all))
}

/// What is to train on in `dir`, and what to validate with, if there is a part for that: val, validation or valid, or else
/// test. A folder of classes is all to train on.
///
/// Other folders may lie beside two parts; beside one it is not known what they are.
///
/// # Errors
/// If the folder cannot be listed, there is a part to validate with but none to train on, or one to train on but none to
/// validate with beside other folders.
pub fn find_training(dir: impl AsRef<Path>) -> Result<(Part, Option<Part>)> {
    let dir = dir.as_ref();
    let all = Parts::of(dir)?;
    let validation: &[_] = &[Split::Validation, Split::Test];
    match (all.first(&[Split::Train]), all.first(validation)) {
        (Some(train), Some(validation)) => Ok((train, Some(validation))),
        (Some(train), None) if all.other.is_none() => Ok((train, None)),
        (Some(_), None) => Err(absent(dir, validation, &all)),
        (None, Some(_)) => Err(absent(dir, &[Split::Train], &all)),
        (None, None) => {
            let whole = Part {
                path: dir.to_owned(),
                name: None,
            };
            // Of what lies a level higher, data sets would be taken for classes.
            for class in entries(dir)?.into_iter().filter(|path| path.is_dir()) {
                if let Some((name, _)) = Parts::of(&class)?.parts.first() {
                    return Err(Error::Data(format!(
                        "expected classes or parts in {}, found a folder {name} in {}",
                        dir.display(),
                        class.display()
                    )));
                }
            }
            Ok((whole, None))
        }
    }
}

fn absent(dir: &Path, splits: &[Split], all: &Parts) -> Error {
    let wanted: Vec<_> = splits.iter().copied().flat_map(names).copied().collect();
    let found: Vec<_> = all.parts.iter().map(|(name, _)| name.as_str()).collect();
    let found = match found.is_empty() {
        true => "none of them".to_owned(),
        false => found.join(", "),
    };
    Error::Data(format!(
        "expected a folder {} in {}, found {found}",
        wanted.join(" or "),
        dir.display()
    ))
}
