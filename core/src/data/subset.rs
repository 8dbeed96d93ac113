//! Some examples of a data set, named by their places in it.

use std::{fmt::Write, path::Path};

use super::Dataset;
use crate::{Error, Pixels, Result, digest::ListHasher};

/// The first line of a file.
const TITLE: &str = "# intformer subset 1";

/// The most bytes of a file that are read: 256 MiB.
const MAX_BYTES: u64 = 256 << 20;

/// Which examples of a data set there are: a text file with a place a line, from 0 on and rising, which
/// `numpy.loadtxt` reads as well.
///
/// ```text
/// # intformer subset 1
/// # of 5452 examples
/// # data 1c0f…
/// # note right at every epoch in 1 to 5 of 6 runs
/// 0
/// 3
/// ```
///
/// # Examples
///
/// ```
/// use intformer::data::Subset;
///
/// let subset = Subset::new(vec![5, 1, 2], 10, Some("1c0f".into()), "the best ones")?;
/// assert_eq!(subset.indices(), [1, 2, 5]);
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("best.txt");
/// subset.save(&path)?;
/// assert_eq!(Subset::load(&path)?, subset);
///
/// // Of ten other examples.
/// let error = subset.check(10, "beef").unwrap_err().to_string();
/// assert!(error.contains("another data set"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset {
    indices: Vec<usize>,
    of: usize,
    data: Option<String>,
    note: String,
}

impl Subset {
    /// The examples at `indices`, in any order, of `of` whose digest is `data`, if it is known. `note` says which they are, in
    /// a line.
    ///
    /// # Errors
    /// [`Error::Data`] if there is none, one twice, or one that is not among so many.
    pub fn new(
        mut indices: Vec<usize>,
        of: usize,
        data: Option<String>,
        note: &str,
    ) -> Result<Self> {
        let fail = |sentence: String| Err(Error::Data(sentence));
        indices.sort_unstable();
        if let Some(pair) = indices.windows(2).find(|pair| pair[0] == pair[1]) {
            return fail(format!("expected each index once, found {} twice", pair[0]));
        }
        match indices.last() {
            None => fail(format!("expected some of {of} examples, found none")),
            Some(&last) if last >= of => fail(format!("expected indices below {of}, found {last}")),
            Some(_) => Ok(Self {
                indices,
                of,
                data,
                note: note.split_whitespace().collect::<Vec<_>>().join(" "),
            }),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] with the path and the line if it is not as expected.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let length = std::fs::metadata(path)
            .map_err(|e| Error::io(path, e))?
            .len();
        let named = |sentence: String| Error::Data(format!("{}: {sentence}", path.display()));
        if length > MAX_BYTES {
            return Err(named(format!(
                "expected at most {MAX_BYTES} bytes, found {length}"
            )));
        }
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| named("expected a file of lines, found other bytes".to_owned()))?;
        Self::parse(&text).map_err(|error| match error {
            Error::Data(sentence) => named(sentence),
            other => other,
        })
    }

    fn parse(text: &str) -> Result<Self> {
        let fail = |sentence: String| Err(Error::Data(sentence));
        if text.lines().next() != Some(TITLE) {
            return fail(format!("expected {TITLE:?} in the first line"));
        }
        let (mut of, mut data, mut note) = (None, None, "");
        let mut indices = Vec::new();
        for (at, line) in text.lines().enumerate().skip(1) {
            let fail = |expected: &str| {
                fail(format!(
                    "line {}: expected {expected}, found {line:?}",
                    at + 1
                ))
            };
            let Some(words) = line.strip_prefix('#') else {
                match line.trim().parse() {
                    Ok(index) => indices.push(index),
                    Err(_) => return fail("an index"),
                }
                continue;
            };
            let words = words.trim();
            if let Some(count) = words.strip_prefix("of ") {
                let count = count.strip_suffix(" examples").and_then(|n| n.parse().ok());
                match count {
                    Some(count) if of.is_none() => of = Some(count),
                    _ => return fail("a line \"of N examples\", once"),
                }
            } else if let Some(digest) = words.strip_prefix("data ") {
                if data.replace(digest.to_owned()).is_some() {
                    return fail("one digest");
                }
            } else if let Some(words) = words.strip_prefix("note ") {
                note = words;
            }
        }
        match of {
            Some(of) => Self::new(indices, of, data, note),
            None => fail("expected a line \"# of N examples\", found none".to_owned()),
        }
    }

    /// Writes a file: whole, or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut text = format!("{TITLE}\n# of {} examples\n", self.of);
        // Writing to a string cannot fail.
        if let Some(digest) = &self.data {
            let _ = writeln!(text, "# data {digest}");
        }
        let _ = writeln!(text, "# note {}", self.note);
        for index in &self.indices {
            let _ = writeln!(text, "{index}");
        }
        crate::file::replace(path.as_ref(), text.as_bytes())
    }

    /// The places, from 0 on, rising.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Examples of the whole data set.
    pub fn of(&self) -> usize {
        self.of
    }

    /// Digest of the whole data set, if it is known.
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// A digest of the places.
    pub fn digest(&self) -> String {
        let mut hasher = ListHasher::new("subset");
        hasher.number(self.of as u64);
        self.indices
            .iter()
            .for_each(|&index| hasher.number(index as u64));
        hasher.finish()
    }

    /// Which they are.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Checks that the subset is one of the data set of `of` examples whose digest is `data`; one whose digest is not known
    /// fits each of as many.
    ///
    /// # Errors
    /// [`Error::Data`] if it is not.
    pub fn check(&self, of: usize, data: &str) -> Result<()> {
        let fail = |sentence: String| Err(Error::Data(sentence));
        if self.of != of {
            return fail(format!(
                "expected a subset of {of} examples, found one of {}",
                self.of
            ));
        }
        match &self.data {
            Some(digest) if digest != data => fail(format!(
                "expected a subset of this data set (digest {data}), found one of another data set ({digest})"
            )),
            _ => Ok(()),
        }
    }
}

/// Some examples of a data set, in the order of a [`Subset`].
pub struct Selected<'a, T = Pixels> {
    data: &'a dyn Dataset<T>,
    indices: &'a [usize],
}

impl<'a, T> Selected<'a, T> {
    /// The examples of `data` at the places of `subset`.
    ///
    /// # Errors
    /// [`Error::Data`] if the subset is one of more or fewer examples.
    pub fn new(data: &'a dyn Dataset<T>, subset: &'a Subset) -> Result<Self> {
        if data.len() != subset.of {
            return Err(Error::Data(format!(
                "expected a subset of {} examples, found one of {}",
                data.len(),
                subset.of
            )));
        }
        Ok(Self {
            data,
            indices: &subset.indices,
        })
    }
}

impl<T> Dataset<T> for Selected<'_, T> {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn labels(&self) -> &[String] {
        self.data.labels()
    }

    fn get(&self, epoch: u64, index: usize) -> Result<(T, usize)> {
        match self.indices.get(index) {
            Some(&place) => self.data.get(epoch, place),
            None => Err(Error::Data(format!(
                "expected an index below {}, found {index}",
                self.indices.len()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_subset_comes_back_from_its_text(
            of in 1usize..50, seed: u64, known: bool, note in "[ -~]{0,20}|of 3 examples|data beef|# 7",
        ) {
            let indices: Vec<usize> = (0..of).filter(|at| at == &0 || seed >> (at % 64) & 1 == 1).collect();
            let data = known.then(|| "c0de".to_owned());
            let subset = Subset::new(indices, of, data, &note).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("some.txt");
            subset.save(&path).unwrap();
            prop_assert_eq!(Subset::load(&path).unwrap(), subset);
        }
    }

    #[test]
    fn lines_that_are_none_are_refused() {
        let refused = |rest: &str, expected: &str| {
            let error = Subset::parse(&format!("{TITLE}\n{rest}"))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        };
        refused("# of 3 examples\n# of 4 examples\n1\n", "once");
        refused("# of 3 examples\n# data a\n# data b\n1\n", "one digest");
        refused("# of 3 examples\n-1\n", "an index");
        refused("# of -3 examples\n1\n", "of N examples");
        refused("1\n", "of N examples");
        assert!(Subset::parse("1\n2\n").is_err());
    }
}
