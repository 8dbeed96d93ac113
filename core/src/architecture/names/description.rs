//! What files beside the tensors say of a model.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Library, Names};
use crate::{Error, Params, Preprocessing, Result, architecture::TextHead};

/// What files beside the tensors say of a model; shapes must agree.
#[derive(Default)]
pub(crate) struct Description {
    /// The size that the model was made for.
    pub image_size: Option<[usize; 2]>,
    /// The size that the preprocessing makes.
    pub fed_size: Option<[usize; 2]>,
    pub in_channels: Option<usize>,
    pub classes: Option<usize>,
    pub preprocessing: Option<Preprocessing>,
    /// Names of classes by their number.
    pub labels: BTreeMap<usize, String>,
    /// How a text becomes one vector, as sentence-transformers says.
    pub sentence: Option<TextHead>,
    /// What makes tokens of a text; how many may be left to the model to say.
    pub tokenizer: Option<Tokenizer>,
    /// What else there is, for the architecture that it names.
    pub keys: Option<Keys>,
}

/// What makes tokens of a text.
#[derive(Clone)]
pub(crate) struct Tokenizer {
    /// Its `tokenizer.json`.
    pub json: Vec<u8>,
    /// Tokens that a text may have.
    pub limit: Option<usize>,
}

/// What a description says to an architecture alone.
#[derive(Clone)]
pub(crate) struct Keys {
    /// Whose words these are: timm's or Hugging Face's.
    pub library: Library,
    /// The architecture that is described.
    pub names: &'static Names,
    /// Where it stands.
    pub path: PathBuf,
    /// The description.
    pub map: Map<String, Value>,
}

impl Keys {
    /// Takes the value of `key` out.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => typed(&self.path, self.names.called, value).map(Some),
        }
    }
}

/// `value`, found in the file at `path` that describes a model that is `called` so.
pub(crate) fn typed<T: DeserializeOwned>(path: &Path, called: &str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| malformed(path, called, &error))
}

/// The error for the file at `path` that should describe a model that is `called` so.
pub(crate) fn malformed(path: &Path, called: &str, error: &serde_json::Error) -> Error {
    let path = path.display();
    Error::Checkpoint(format!(
        "expected the JSON of {called} in {path}, found: {error}"
    ))
}

impl Description {
    /// A name for each of `classes` classes, or none at all.
    pub(crate) fn class_names(&self, classes: usize, notes: &mut Vec<String>) -> Vec<String> {
        if self.labels.is_empty() || classes == 0 {
            return Vec::new();
        }
        let named = self.labels.range(..classes).count();
        if named != classes || self.labels.len() != classes {
            notes.push(format!(
                "{named} of {classes} classes have a name in config.json, which names {}; the others \
                 are called LABEL_ and their number",
                self.labels.len()
            ));
        }
        let name = |class| self.labels.get(&class).cloned();
        (0..classes)
            .map(|class| name(class).unwrap_or_else(|| format!("LABEL_{class}")))
            .collect()
    }
}

/// A number for both sides, or height and width.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Size {
    Side(usize),
    Pair([usize; 2]),
    Named { height: usize, width: usize },
    Shortest { shortest_edge: usize },
}

impl Size {
    pub(crate) fn both(self) -> Option<[usize; 2]> {
        match self {
            Self::Side(side) => Some([side; 2]),
            Self::Pair(pair) => Some(pair),
            Self::Named { height, width } => Some([height, width]),
            Self::Shortest { .. } => None,
        }
    }
}

/// The side of a square `what`.
pub(crate) fn side(size: Option<Size>, what: &str) -> Result<Option<usize>> {
    match size.map(|size| (size, size.both())) {
        None => Ok(None),
        Some((_, Some([height, width]))) if height == width => Ok(Some(height)),
        Some((size, _)) => Err(expected(&format!("a square {what}"), &size)),
    }
}

/// The error for `found` in place of `what`.
pub(crate) fn expected(what: &str, found: &dyn Debug) -> Error {
    Error::Checkpoint(format!("expected {what}, found {found:?}"))
}

/// Checks that what is described is what was found in the tensors.
pub(crate) fn agree<T: PartialEq + Debug>(
    what: &str,
    described: &Option<T>,
    found: &T,
) -> Result<()> {
    match described {
        Some(described) if described != found => Err(Error::Checkpoint(format!(
            "expected {what} of {described:?} as config.json says, found {found:?} in the tensors"
        ))),
        _ => Ok(()),
    }
}

/// The extents of the tensor `name`, which has `N` of them.
pub(crate) fn extents<const N: usize>(params: &Params, name: &str) -> Result<[usize; N]> {
    let shape = &params.get(name)?.shape;
    <[usize; N]>::try_from(shape.as_slice()).map_err(|_| {
        Error::Checkpoint(format!(
            "the tensor {name} should have {N} dimensions, found shape {shape:?}"
        ))
    })
}
