//! Texts in files: a text a line, or a column of a table.

pub(crate) mod parquet;
mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{Error, Result, digest::ListHasher};

/// The most bytes of a file, and of the texts in it, that are held at once: 256 MiB.
const MAX_BYTES: u64 = 256 << 20;

/// Which columns of a table are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns<'a> {
    /// The one that has the texts.
    pub text: &'a str,
    /// The one that has their classes: names or numbers.
    pub class: Option<&'a str>,
}

/// The texts of a file, with their classes if it was asked for them.
///
/// # Examples
///
/// ```
/// use intformer::data::{Columns, TextTable};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("questions.csv");
/// std::fs::write(&path, "kind,question\nHUM,\"Who, then, wrote it?\"\nLOC,Where is it?\n")?;
///
/// let columns = Columns { text: "question", class: Some("kind") };
/// let table = TextTable::open(&path, columns)?;
/// assert_eq!(table.texts[0], "Who, then, wrote it?");
/// assert_eq!(table.classes, ["HUM", "LOC"]);
/// assert_eq!(table.names(), ["HUM", "LOC"]);
///
/// let other = Columns { text: "answer", ..columns };
/// let error = TextTable::open(&path, other).unwrap_err().to_string();
/// assert!(error.ends_with("expected a column \"answer\", found kind, question"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextTable {
    /// The texts, in the order of the file.
    pub texts: Vec<String>,
    /// Where each of them stands, from 1 on: its line in a file of lines, else its row.
    pub places: Vec<usize>,
    /// The class of each as the file has it; none if no column was named.
    pub classes: Vec<String>,
}

impl TextTable {
    /// The endings of files that have columns.
    pub const ENDINGS: [&str; 4] = ["csv", "tsv", "jsonl", "parquet"];

    /// Reads the file `path` by its ending: `.csv` and `.tsv` with a line of names, `.jsonl`, `.parquet`; any other
    /// has a text a line, where empty lines are none.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] with the path and the place if something is not as expected, there is no such
    /// column, no text, or more than 256 MiB.
    pub fn open(path: impl AsRef<Path>, columns: Columns) -> Result<Self> {
        let path = path.as_ref();
        let table = match ending(path).as_str() {
            "parquet" => parquet::read(path, columns),
            ending => read(path).and_then(|text| match ending {
                "csv" => rows::separated(&text, b',', columns),
                "tsv" => rows::separated(&text, b'\t', columns),
                "jsonl" => rows::objects(&text, columns),
                _ => rows::lines(&text, columns),
            }),
        };
        let named = |sentence: String| Error::Data(format!("{}: {sentence}", path.display()));
        let table = table.map_err(|error| match error {
            Error::Data(sentence) => named(sentence),
            other => other,
        })?;
        match table.texts.is_empty() {
            true => Err(named("expected at least one text, found none".to_owned())),
            false => Ok(table),
        }
    }

    /// The names of the classes that there are, sorted: by number if all are numbers.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let numbers = names.iter().map(|name| name.parse::<u64>().ok());
        if let Some(numbers) = numbers.collect::<Option<Vec<_>>>() {
            let mut pairs: Vec<_> = numbers.into_iter().zip(names).collect();
            pairs.sort_unstable();
            return pairs.into_iter().map(|(_, name)| name).collect();
        }
        names
    }

    /// A digest of the rows: of each its text and its class.
    pub fn digest(&self) -> String {
        let mut hasher = ListHasher::new("texts");
        for (at, text) in self.texts.iter().enumerate() {
            hasher.text(text);
            hasher.text(self.classes.get(at).map_or("", String::as_str));
        }
        hasher.finish()
    }

    /// Of which of `labels` each text is.
    ///
    /// # Errors
    /// [`Error::Data`] with the place of the first text of another class.
    pub fn places_of(&self, labels: &[String]) -> Result<Vec<usize>> {
        let places: BTreeMap<&str, usize> = labels.iter().map(String::as_str).zip(0..).collect();
        let pairs = self.places.iter().zip(&self.classes);
        let find = |(place, class): (&usize, &String)| {
            let found = places.get(class.as_str()).copied();
            found.ok_or_else(|| {
                Error::Data(format!(
                    "row {place}: expected a class that there is to train on, found {class:?}"
                ))
            })
        };
        pairs.map(find).collect()
    }

    /// All rows but a share of each class, and those, drawn by `seed`; both in their order. Equal texts stay together, and
    /// some of each class are left in the first.
    ///
    /// # Errors
    /// [`Error::Data`] if `share` is not between 0 and 1, or nothing would be held out.
    pub fn held_out(self, share: f64, seed: u64) -> Result<[Self; 2]> {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, text) in self.texts.iter().enumerate() {
            first.entry(text).or_insert(at);
        }
        let mut of_class: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut order: Vec<usize> = first.values().copied().collect();
        order.sort_unstable();
        for at in order {
            let class = self.classes.get(at).map_or("", String::as_str);
            of_class.entry(class).or_default().push(at);
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut held = BTreeSet::new();
        for mut rows in of_class.into_values() {
            rows.shuffle(&mut random);
            let count = (rows.len() as f64 * share).round() as usize;
            rows.truncate(count.min(rows.len() - 1));
            held.extend(rows);
        }
        if !(0.0..1.0).contains(&share) || held.is_empty() {
            return Err(Error::Data(format!(
                "expected a share of {} texts that leaves some for either part, found {share}",
                self.texts.len()
            )));
        }
        let is_held = |at: usize| held.contains(&first[self.texts[at].as_str()]);
        let part = |wanted: bool| {
            let kept = || (0..self.texts.len()).filter(|&at| is_held(at) == wanted);
            Self {
                texts: kept().map(|at| self.texts[at].clone()).collect(),
                places: kept().map(|at| self.places[at]).collect(),
                classes: kept()
                    .filter_map(|at| self.classes.get(at).cloned())
                    .collect(),
            }
        };
        Ok([part(false), part(true)])
    }

    /// Adds a row, whose `class` there is if it was asked for.
    fn push(&mut self, place: usize, text: String, class: Option<String>) {
        self.texts.push(text);
        self.places.push(place);
        self.classes.extend(class);
    }
}

fn ending(path: &Path) -> String {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.unwrap_or_default().to_ascii_lowercase()
}

/// The text of a file.
fn read(path: &Path) -> Result<String> {
    let io = |error| Error::io(PathBuf::from(path), error);
    let mut text = String::new();
    let file = File::open(path).map_err(io)?;
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(io)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(too_long());
    }
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

fn too_long() -> Error {
    Error::Data(format!(
        "expected at most {MAX_BYTES} bytes of texts, found more"
    ))
}

/// The error for a column that is not there.
fn no_column<'a>(wanted: &str, found: impl Iterator<Item = &'a str>) -> Error {
    let found: Vec<_> = found.collect();
    Error::Data(format!(
        "expected a column {wanted:?}, found {}",
        found.join(", ")
    ))
}
