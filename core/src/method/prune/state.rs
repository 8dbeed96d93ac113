//! What a pruning has found out so far, by which one that was cut off goes on.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{Items, PruneOptions, without::Losses};
use crate::{
    Error, FloatModel, Result,
    digest::ListHasher,
    file,
    float::{Samples, train::Origin},
};

/// Version of the file.
const VERSION: u32 = 1;

/// Scores that are known, and where they are kept.
pub(super) struct State {
    path: Option<PathBuf>,
    known: Known,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    version: u32,
    /// What was asked for.
    options: PruneOptions,
    /// Digest of the model.
    model: String,
    /// Digest of the items and their classes.
    items: String,
    /// By round and group what each unit's absence comes to.
    losses: Vec<Vec<Losses>>,
    /// What runs took that were cut off.
    #[serde(default)]
    spent: Spent,
}

/// What scoring takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spent {
    /// Passes of a batch.
    pub passes: u64,
    pub seconds: f64,
}

impl State {
    /// That of an earlier run of the same options, model and items, or a new one.
    ///
    /// # Errors
    /// If there is one of others, or it cannot be read.
    pub fn open(options: &PruneOptions, model: &FloatModel, items: Items) -> Result<Self> {
        let path = options
            .state
            .as_ref()
            .map(|folder| folder.join("scores.json"));
        let new = Known {
            version: VERSION,
            options: options.key(),
            model: model_digest(model),
            items: items_digest(items),
            losses: Vec::new(),
            spent: Spent::default(),
        };
        let Some(file) = path.as_ref().filter(|file| file.exists()) else {
            if let Some(folder) = &options.state {
                fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
            }
            return Ok(Self { path, known: new });
        };
        let fail = |sentence: String| Error::Prune(format!("{}: {sentence}", file.display()));
        let text = fs::read_to_string(file).map_err(|e| Error::io(file, e))?;
        let known: Known = serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
        let differs = [
            ("version", known.version != new.version),
            ("options", known.options != new.options),
            ("model", known.model != new.model),
            ("items", known.items != new.items),
        ];
        match differs.iter().find(|(_, differs)| *differs) {
            None => Ok(Self { path, known }),
            Some((what, _)) => Err(fail(format!(
                "expected scores of the same options, model and items, found those of other {what}"
            ))),
        }
    }

    /// What is known of a group of `count` units in a round.
    ///
    /// # Errors
    /// If that is of another number of units.
    pub fn get(&self, round: usize, group: usize, count: usize) -> Result<Option<&Losses>> {
        let known = self.known.losses.get(round);
        match known.and_then(|groups| groups.get(group)) {
            Some(losses) if losses.len() != count => Err(Error::Prune(format!(
                "expected {count} scores of group {group} in round {round}, found {}",
                losses.len()
            ))),
            found => Ok(found),
        }
    }

    /// What runs took that did not come to their end.
    pub fn spent(&self) -> Spent {
        self.known.spent
    }

    /// Keeps what was found out of the next group of a round, and what it all took so far.
    pub fn push(&mut self, round: usize, losses: Losses, spent: Spent) -> Result<()> {
        if self.known.losses.len() <= round {
            self.known.losses.resize(round + 1, Vec::new());
        }
        self.known.losses[round].push(losses);
        self.known.spent = spent;
        self.write()
    }

    /// That a run has come to its end: what it took is told.
    pub fn end(&mut self) -> Result<()> {
        match self.known.spent == Spent::default() {
            true => Ok(()),
            false => {
                self.known.spent = Spent::default();
                self.write()
            }
        }
    }

    fn write(&self) -> Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let text = serde_json::to_vec(&self.known)
            .map_err(|e| Error::Prune(format!("{}: {e}", path.display())))?;
        file::replace(path, &text)
    }
}

fn model_digest(model: &FloatModel) -> String {
    let origin = Origin {
        params: Some(&model.params),
        tokenization: model.tokenization.as_ref(),
        ..Origin::default()
    };
    let mut hasher = ListHasher::new("model");
    hasher.text(&format!("{:?} {:?}", model.config, model.preprocessing));
    hasher.text(&origin.digest());
    hasher.finish()
}

fn items_digest(items: Items) -> String {
    let mut hasher = ListHasher::new("items");
    match items.samples() {
        Samples::Images(images) => images.iter().for_each(|image| hasher.bytes(&image.data)),
        Samples::Texts(texts) => {
            for text in texts {
                hasher.number(text.len() as u64);
                for token in text {
                    hasher.number(u64::from(token.id));
                    hasher.number(u64::from(token.segment));
                }
            }
        }
    }
    for &class in items.classes() {
        hasher.number(class as u64);
    }
    hasher.finish()
}
