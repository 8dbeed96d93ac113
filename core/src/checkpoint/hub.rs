//! Models of the Hugging Face hub.
//!
//! `HF_HOME` places the cache, `HF_ENDPOINT` the server, and `HF_HUB_OFFLINE` forbids to ask it.

use std::path::PathBuf;

use hf_hub::{
    Cache, CacheRepo, Repo, RepoType,
    api::sync::{ApiBuilder, ApiError, ApiRepo},
};

use super::source::{Files, HubId, Shelf, collect, sought};
use crate::{Error, Result};

/// The files of a model, from the cache or else from the server.
pub(super) fn remote(place: &HubId) -> Result<Files> {
    let HubId { id, revision } = place;
    let repository = match revision {
        Some(revision) => Repo::with_revision(id.clone(), RepoType::Model, revision.clone()),
        None => Repo::model(id.clone()),
    };
    if offline() {
        return collect(&Kept(Cache::from_env().repo(repository)))?.ok_or_else(|| {
            Error::Checkpoint(format!(
                "expected {id} as a local path or in the Hugging Face cache, as HF_HUB_OFFLINE is set, found neither"
            ))
        });
    }
    let api = ApiBuilder::from_env()
        .with_progress(false)
        .build()
        .map_err(|error| unreachable_hub(id, &error))?;
    let server = Server {
        repository: api.repo(repository),
        id,
    };
    tracing::info!("reading {id} from the Hugging Face hub");
    collect(&server)?.ok_or_else(|| {
        Error::Checkpoint(format!(
            "expected a public model with {} at {id} on the Hugging Face hub, found none",
            sought()
        ))
    })
}

/// Files that were fetched before.
struct Kept(CacheRepo);

impl Shelf for Kept {
    fn get(&self, name: &str) -> Result<Option<PathBuf>> {
        Ok(self.0.get(name))
    }
}

/// The server, whose files are fetched into the cache.
struct Server<'a> {
    repository: ApiRepo,
    id: &'a str,
}

impl Shelf for Server<'_> {
    fn get(&self, name: &str) -> Result<Option<PathBuf>> {
        match self.repository.get(name) {
            Ok(path) => Ok(Some(path)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(unreachable_hub(self.id, &error)),
        }
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

/// Whether the environment forbids to use the network, by the words that Hugging Face takes as yes.
fn offline() -> bool {
    let yes =
        |value: String| ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str());
    ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(yes))
}
