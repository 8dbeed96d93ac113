//! Hugging Face's `config.json`.

use std::path::Path;

use serde_json::Value;

use super::{any, architecture, labels, members, same};
use crate::{
    Result,
    architecture::names::{Description, Keys, Library, Size},
};

/// What the `config` at `path` says. How many classes there are is left to the tensors: transformers
/// takes `num_labels` where `id2label` has more or fewer names.
pub(super) fn describe(path: &Path, config: Value) -> Result<Description> {
    let map = members(path, config)?;
    let found = match map.get("model_type") {
        Some(Value::String(name)) => name.clone(),
        other => format!("{other:?}"),
    };
    let Some(names) = architecture(|names| names.model_type == found) else {
        return Err(same("a model_type", &any(|names| names.model_type), &found).unwrap_err());
    };
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
