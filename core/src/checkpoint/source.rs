//! Which files make up a checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::file::{Format, format_of};
use crate::{Error, Result};

/// The files of a checkpoint.
pub(super) struct Files {
    /// The tensors, in one file or more.
    pub(super) weights: Vec<PathBuf>,
    /// The tensors that the index of several files lists; none without an index.
    pub(super) listed: BTreeSet<String>,
    /// timm's or Hugging Face's description of the model.
    pub(super) config: Option<PathBuf>,
    /// Hugging Face's description of the preprocessing.
    pub(super) preprocessor: Option<PathBuf>,
    /// What is beside a model of texts, by its name.
    pub(super) text: BTreeMap<&'static str, PathBuf>,
}

/// The tokenizer, as `tokenizers` writes it.
pub(super) const TOKENIZER: &str = "tokenizer.json";
/// What transformers writes of its own beside it.
pub(super) const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// The words of a tokenizer of BERT, one a line.
pub(super) const VOCABULARY: &str = "vocab.txt";
/// The modules of sentence-transformers, what it says of the first of them, and the usual place of the pooling.
pub(super) const MODULES: &str = "modules.json";
pub(super) const SENTENCE: [&str; 5] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_xlm-roberta_config.json",
];
pub(super) const PROMPTS: &str = "config_sentence_transformers.json";
pub(super) const POOLING: &str = "1_Pooling/config.json";
const TEXT: [&str; 6] = [
    TOKENIZER,
    TOKENIZER_CONFIG,
    VOCABULARY,
    MODULES,
    PROMPTS,
    POOLING,
];

/// Names of weight files and of indices of several, the preferred one first.
const WEIGHTS: [&str; 8] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.pth",
    "model.pt",
    "open_clip_model.safetensors",
    "pytorch_model.pth",
];
/// Endings of a folder's only weight file.
const ENDINGS: [&str; 6] = ["safetensors", "pth", "pt", "bin", "ckpt", "tar"];
/// The description of the model.
const CONFIG: &str = "config.json";
/// The descriptions of the preprocessing, the preferred one first.
const PREPROCESSORS: [&str; 2] = ["preprocessor_config.json", "processor_config.json"];
/// The largest index read.
const MAX_INDEX: u64 = 16 << 20;
/// The most files of one checkpoint.
const MAX_SHARDS: usize = 1024;

/// Where the files of a model lie by their names: a folder, the hub or its cache.
pub(super) trait Shelf {
    /// The file `name`, if there is one.
    fn get(&self, name: &str) -> Result<Option<PathBuf>>;
}

/// A folder.
struct Folder<'a>(&'a Path);

impl Shelf for Folder<'_> {
    fn get(&self, name: &str) -> Result<Option<PathBuf>> {
        Ok(Some(self.0.join(name)).filter(|path| path.is_file()))
    }
}

/// The files behind `source`.
pub(super) fn find(source: &Path) -> Result<Files> {
    match std::fs::metadata(source) {
        Ok(found) if found.is_dir() => folder(source),
        Ok(_) => one(source),
        Err(error) => match hub_id(source) {
            Some(id) if error.kind() == std::io::ErrorKind::NotFound => remote(&id),
            _ => Err(Error::io(source, error)),
        },
    }
}

/// A file by itself, or the index of several beside it.
fn one(path: &Path) -> Result<Files> {
    if format_of(path)? == Format::Index {
        let folder = Folder(path.parent().unwrap_or(Path::new("")));
        let (weights, listed) = shards(path, &folder)?;
        return described(&folder, weights, listed);
    }
    Ok(Files {
        weights: vec![path.to_path_buf()],
        listed: BTreeSet::new(),
        config: None,
        preprocessor: None,
        text: BTreeMap::new(),
    })
}

fn folder(path: &Path) -> Result<Files> {
    if let Some(files) = collect(&Folder(path))? {
        return Ok(files);
    }
    let entries = std::fs::read_dir(path).map_err(|error| Error::io(path, error))?;
    let mut found = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| Error::io(path, error))?.path();
        let ending = file.extension().and_then(|ending| ending.to_str());
        let known = ending.is_some_and(|ending| {
            let ending = ending.to_ascii_lowercase();
            ENDINGS.contains(&ending.as_str())
        });
        if known && file.is_file() {
            found.push(file);
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok(weights) => described(&Folder(path), weights.into(), BTreeSet::new()),
        Err(found) => Err(Error::Checkpoint(format!(
            "expected {} or one file of weights in the folder {}, found {}",
            sought(),
            path.display(),
            match found.len() {
                0 => "none".to_owned(),
                count => format!("{count} of other names: name one of them"),
            }
        ))),
    }
}

/// The files of a model on `shelf`, or none if it has no weights.
pub(super) fn collect(shelf: &dyn Shelf) -> Result<Option<Files>> {
    for name in WEIGHTS {
        if let Some(path) = shelf.get(name)? {
            let (weights, listed) = match name.ends_with(".json") {
                true => shards(&path, shelf)?,
                false => (vec![path], BTreeSet::new()),
            };
            return described(shelf, weights, listed).map(Some);
        }
    }
    Ok(None)
}

/// A description beside the file `source` that is not read, as the file and not its folder was named.
pub(super) fn unread(source: &Path, files: &Files) -> Option<PathBuf> {
    let folder = source.parent()?;
    let named = files.config.is_none() && source.is_file();
    let mut names = [CONFIG].into_iter().chain(PREPROCESSORS);
    let found = names.find(|name| named && folder.join(name).is_file())?;
    Some(folder.join(found))
}

/// What [`collect`] looked for, in words.
pub(super) fn sought() -> String {
    WEIGHTS[..3].join(", ")
}

fn described(shelf: &dyn Shelf, weights: Vec<PathBuf>, listed: BTreeSet<String>) -> Result<Files> {
    let config = shelf.get(CONFIG)?;
    let mut preprocessor = None;
    for name in PREPROCESSORS {
        if preprocessor.is_none() {
            preprocessor = shelf.get(name)?;
        }
    }
    let mut text = BTreeMap::new();
    // Models of images have the one, those of texts the others.
    let names = TEXT.into_iter().chain(SENTENCE);
    for name in names.filter(|_| preprocessor.is_none()) {
        if let Some(path) = shelf.get(name)? {
            text.insert(name, path);
        }
    }
    Ok(Files {
        weights,
        listed,
        config,
        preprocessor,
        text,
    })
}

/// The index of a checkpoint in several files.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files that the index at `path` names, all on `shelf`, and the tensors in them.
fn shards(path: &Path, shelf: &dyn Shelf) -> Result<(Vec<PathBuf>, BTreeSet<String>)> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let mut text = Vec::new();
    let read = file.take(MAX_INDEX + 1).read_to_end(&mut text);
    read.map_err(|error| Error::io(path, error))?;
    let odd = |found: &str| {
        Error::Checkpoint(format!(
            "expected the index of a checkpoint in several files in {}, found {found}",
            path.display()
        ))
    };
    if text.len() as u64 > MAX_INDEX {
        return Err(odd(&format!("more than {MAX_INDEX} bytes")));
    }
    let index: Index = serde_json::from_slice(&text).map_err(|error| odd(&error.to_string()))?;
    let names: BTreeSet<&String> = index.weight_map.values().collect();
    if names.is_empty() || names.len() > MAX_SHARDS {
        return Err(odd(&format!("{} files", names.len())));
    }
    let mut paths = Vec::new();
    for name in names {
        // A name that leads out of the folder would read what nobody offered.
        let plain =
            !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0']);
        if !plain {
            return Err(odd(&format!("the file name {name:?}")));
        }
        let path = shelf.get(name)?;
        paths.push(path.ok_or_else(|| odd(&format!("no file {name} beside it")))?);
    }
    Ok((paths, index.weight_map.into_keys().collect()))
}

/// A model's place on the hub.
pub(super) struct HubId {
    /// `organisation/name`.
    pub(super) id: String,
    /// A branch, a tag or a commit.
    pub(super) revision: Option<String>,
}

/// `source` as `organisation/name`, perhaps with timm's `hf-hub:` before and `@revision` behind.
fn hub_id(source: &Path) -> Option<HubId> {
    let text = source.to_str()?;
    let prefixes = ["hf-hub:", "hf_hub:"];
    let text = prefixes
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let (id, revision) = match text.split_once('@') {
        Some((id, revision)) => (id, Some(revision)),
        None => (text, None),
    };
    let (organisation, name) = id.split_once('/')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let plain = plain(organisation) && plain(name) && revision.is_none_or(plain);
    plain.then(|| HubId {
        id: id.to_owned(),
        revision: revision.map(str::to_owned),
    })
}

#[cfg(feature = "hub")]
use super::hub::remote;

#[cfg(not(feature = "hub"))]
fn remote(id: &HubId) -> Result<Files> {
    let at = match &id.revision {
        Some(revision) => format!("{}@{revision}", id.id),
        None => id.id.clone(),
    };
    Err(Error::Checkpoint(format!(
        "expected a file or folder, found neither at {at}, and this build reads no Hugging Face models (feature hub)"
    )))
}
