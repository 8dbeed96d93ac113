//! Which files make up a checkpoint.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The files of a checkpoint.
pub(super) struct Files {
    /// The tensors.
    pub(super) weights: PathBuf,
    /// timm's or Hugging Face's description of the model.
    pub(super) config: Option<PathBuf>,
    /// Hugging Face's description of the preprocessing.
    pub(super) preprocessor: Option<PathBuf>,
}

/// Names of weight files, the preferred one first.
pub(super) const WEIGHTS: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];
/// The description of the model.
pub(super) const CONFIG: &str = "config.json";
/// The description of the preprocessing.
pub(super) const PREPROCESSOR: &str = "preprocessor_config.json";

/// The files behind `source`.
pub(super) fn find(source: &Path) -> Result<Files> {
    let missing = |error| match hub_id(source) {
        Some(id) => remote(id),
        None => Err(Error::io(source, error)),
    };
    match std::fs::metadata(source) {
        Ok(found) if found.is_dir() => folder(source),
        Ok(_) => Ok(Files {
            weights: source.to_path_buf(),
            config: None,
            preprocessor: None,
        }),
        Err(error) => missing(error),
    }
}

fn folder(folder: &Path) -> Result<Files> {
    let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let weights = WEIGHTS.iter().find_map(|name| file(name)).ok_or_else(|| {
        Error::Checkpoint(format!(
            "expected {} in the folder {}, found neither",
            WEIGHTS.join(" or "),
            folder.display()
        ))
    })?;
    Ok(Files {
        weights,
        config: file(CONFIG),
        preprocessor: file(PREPROCESSOR),
    })
}

/// `source` as `organisation/name`, if it can be that.
fn hub_id(source: &Path) -> Option<(&str, &str)> {
    let (organisation, name) = source.to_str()?.split_once('/')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    (plain(organisation) && plain(name)).then_some((organisation, name))
}

#[cfg(feature = "hub")]
use super::hub::remote;

#[cfg(not(feature = "hub"))]
fn remote((organisation, name): (&str, &str)) -> Result<Files> {
    Err(Error::Checkpoint(format!(
        "expected a file or folder, found neither at {organisation}/{name}, and this build reads no Hugging Face models (feature hub)"
    )))
}
