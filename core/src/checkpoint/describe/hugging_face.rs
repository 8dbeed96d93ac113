//! Hugging Face's `config.json`.

use std::path::Path;

use serde_json::{Map, Value};

use super::{described, labels, plain};
use crate::{
    Error, Result,
    architecture::names::{self, Description, Keys, Library, Size},
};

/// What the `config` at `path` says. How many classes there are is left to the tensors: transformers
/// takes `num_labels` where `id2label` has more or fewer names.
pub(super) fn describe(path: &Path, config: Value) -> Result<Description> {
    let mut map: Map<String, Value> = plain(path, config)?;
    let found: String = plain(path, map.remove("model_type").unwrap_or_default())?;
    let Some(names) = described(|names| names.model_types.contains(&found.as_str())) else {
        let known = names::ALL.into_iter().flat_map(|names| names.model_types);
        let known: Vec<_> = known.copied().collect();
        return Err(Error::Checkpoint(format!(
            "expected a model_type of {}, found {found}",
            known.join(" or ")
        )));
    };
    // Families of one architecture are told apart by it.
    map.insert("model_type".to_owned(), found.into());
    let mut keys = Keys {
        library: Library::HuggingFace,
        names,
        path: path.to_owned(),
        map,
    };
    Ok(Description {
        image_size: keys.take("image_size")?.and_then(Size::both),
        in_channels: keys.take("num_channels")?,
        labels: labels(keys.take("id2label")?)?,
        keys: Some(keys),
        ..Description::default()
    })
}
