//! Models of the Hugging Face hub.
//!
//! `HF_HOME` places the cache, `HF_ENDPOINT` the server, and `HF_HUB_OFFLINE` forbids to ask it.

use std::path::PathBuf;

use hf_hub::{
    Cache,
    api::sync::{ApiBuilder, ApiError, ApiRepo},
};

use super::source::{CONFIG, Files, PREPROCESSOR, WEIGHTS};
use crate::{Error, Result};

/// The files of the model `organisation/name`, from the cache or else from the server.
pub(super) fn remote((organisation, name): (&str, &str)) -> Result<Files> {
    let id = format!("{organisation}/{name}");
    if offline() {
        return cached(&id);
    }
    let api = ApiBuilder::from_env()
        .with_progress(false)
        .build()
        .map_err(|error| unreachable_hub(&id, &error))?;
    let repository = api.model(id.clone());
    tracing::info!("reading {id} from the Hugging Face hub");
    let mut weights = None;
    for file in WEIGHTS {
        weights = fetch(&repository, &id, file)?;
        if weights.is_some() {
            break;
        }
    }
    Ok(Files {
        weights: weights.ok_or_else(|| {
            Error::Checkpoint(format!(
                "expected a public model with {} at {id} on the Hugging Face hub, found neither",
                WEIGHTS.join(" or ")
            ))
        })?,
        config: fetch(&repository, &id, CONFIG)?,
        preprocessor: fetch(&repository, &id, PREPROCESSOR)?,
    })
}

/// One file of a model, or none if the server knows no such file.
fn fetch(repository: &ApiRepo, id: &str, file: &str) -> Result<Option<PathBuf>> {
    match repository.get(file) {
        Ok(path) => Ok(Some(path)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(unreachable_hub(id, &error)),
    }
}

/// The hub answers 401 for a model that does not exist.
fn is_missing(error: &ApiError) -> bool {
    matches!(error, ApiError::RequestError(inner)
        if matches!(**inner, ureq::Error::StatusCode(401 | 404)))
}

fn unreachable_hub(id: &str, error: &dyn std::error::Error) -> Error {
    Error::Checkpoint(format!(
        "expected {id} as a local path or on the Hugging Face hub, found no such path and: {error}"
    ))
}

fn cached(id: &str) -> Result<Files> {
    let cache = Cache::from_env().model(id.to_owned());
    let weights = WEIGHTS.iter().find_map(|file| cache.get(file));
    Ok(Files {
        weights: weights.ok_or_else(|| {
            Error::Checkpoint(format!(
                "expected {id} as a local path or in the Hugging Face cache, as HF_HUB_OFFLINE is set, found neither"
            ))
        })?,
        config: cache.get(CONFIG),
        preprocessor: cache.get(PREPROCESSOR),
    })
}

/// Whether the environment forbids to use the network, by the words that Hugging Face takes as yes.
fn offline() -> bool {
    let yes =
        |value: String| ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str());
    ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(yes))
}
