//! The texts that a model is trained on.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::{
    FloatModel,
    data::{Columns, Split, TextSet, TextTable, parts},
};

use crate::{
    cli::Globals,
    command::hold_out::HoldOutArguments,
    texts::{self, Column},
};

/// The names that a table to train on may begin with, and those of one to validate with: as folders of images, and the
/// one that sets of texts have beside.
fn part_names() -> [Vec<&'static str>; 2] {
    let validation = [
        parts::names(Split::Validation),
        &["dev"],
        parts::names(Split::Test),
    ];
    [parts::names(Split::Train).to_vec(), validation.concat()]
}

/// Texts to train on and to validate with.
#[derive(Args)]
#[command(next_help_heading = "Texts")]
pub struct TextDataArguments {
    /// A table of texts to validate with; without one, --hold-out of those of --data.
    #[arg(
        long,
        value_name = "TABLE",
        requires = "from",
        requires = "data",
        conflicts_with = "hold_out"
    )]
    validation: Option<PathBuf>,
    #[command(flatten)]
    column: Column,
    /// The column of a table that has the class: its name, also if that is a number.
    #[arg(long, default_value = "label")]
    label_column: String,
}

/// Tables to train on and to validate with, whose texts are no tokens yet.
pub struct Tables {
    train: TextTable,
    validation: TextTable,
    /// The classes that there are to train on.
    pub labels: Vec<String>,
}

impl TextDataArguments {
    /// Reads the tables at `data`: one, or a folder with one to train on and one to validate with.
    pub fn open(
        &self,
        data: &Path,
        held_out: &HoldOutArguments,
        globals: &Globals,
    ) -> Result<Tables> {
        let (train, validation) = match (data.is_dir(), &self.validation) {
            (true, None) => {
                let [train, validation] = tables_of(data)?;
                (train, Some(validation))
            }
            (true, Some(_)) => bail!(
                "expected a table beside --validation, found the folder {}",
                data.display()
            ),
            (false, validation) => (data.to_owned(), validation.clone()),
        };
        let columns = Columns {
            text: &self.column.column,
            class: Some(&self.label_column),
        };
        let open = |path: &Path| TextTable::open(path, columns);
        let (train, validation) = match validation {
            Some(path) => {
                held_out.refuse(data)?;
                globals.note(&format!(
                    "texts of {} to train on, of {} to validate with",
                    train.display(),
                    path.display()
                ));
                (open(&train)?, open(&path)?)
            }
            None => {
                let (share, seed) = (held_out.share(), held_out.seed());
                let [train, held] = open(&train)?.held_out(share, seed)?;
                globals.note(&format!(
                    "{} texts to train on, {} kept to validate with",
                    train.texts.len(),
                    held.texts.len()
                ));
                (train, held)
            }
        };
        let labels = train.names().into_iter().map(str::to_owned).collect();
        Ok(Tables {
            train,
            validation,
            labels,
        })
    }
}

impl Tables {
    /// A digest of the rows to train on.
    pub fn digest(&self) -> String {
        self.train.digest()
    }

    /// The tokens of the texts for `model`, and their places among its classes.
    pub fn encode(self, model: &FloatModel, globals: &Globals) -> Result<[TextSet; 2]> {
        let labels = &model.labels;
        let limits = model.config.text()?;
        let tokenizer = texts::tokenizer(limits, model.tokenization.as_ref())?;
        let set = |table: TextTable, what: &str| -> Result<TextSet> {
            let classes = table.places_of(labels).context(what.to_owned())?;
            let tokens = texts::tokens(&texts::encode(&tokenizer, table.texts, globals)?);
            Ok(TextSet::new(tokens, classes, labels.clone())?)
        };
        Ok([
            set(self.train, "texts to train on")?,
            set(self.validation, "texts to validate with")?,
        ])
    }
}

/// The tables in `folder` to train on and to validate with.
fn tables_of(folder: &Path) -> Result<[PathBuf; 2]> {
    let unreadable = || format!("{}: expected a folder that can be listed", folder.display());
    let mut tables = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let part = |what: Option<&std::ffi::OsStr>| {
            let what = what.and_then(|what| what.to_str());
            what.unwrap_or_default().to_ascii_lowercase()
        };
        let (stem, ending) = (part(path.file_stem()), part(path.extension()));
        if TextTable::ENDINGS.contains(&ending.as_str()) {
            tables.push((stem, path));
        }
    }
    tables.sort();
    let [train, validation] = part_names().map(|names| {
        let mut named = names.iter().flat_map(|&name| {
            let tables = tables.iter().filter(move |(stem, _)| is_part(stem, name));
            tables.map(move |(_, path)| (name, path))
        });
        let Some((name, first)) = named.next() else {
            bail!(
                "expected a table that is called {} (.{}) in {}, found none",
                names.join(" or "),
                TextTable::ENDINGS.join(", ."),
                folder.display()
            );
        };
        match named.next() {
            Some((other, second)) if other == name => bail!(
                "expected one table of the part {name} in {}, found {} and {}",
                folder.display(),
                first.display(),
                second.display()
            ),
            _ => Ok(first.clone()),
        }
    });
    Ok([train?, validation?])
}

/// Whether a file's name says that it is of the part `name`: `train`, `train-00000-of-00001`.
fn is_part(stem: &str, name: &str) -> bool {
    let rest = stem.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.']))
}
