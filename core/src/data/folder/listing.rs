//! Image files below a folder, and what was passed over.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer};

use crate::{Error, Result, picture::ENDINGS};

/// Endings of image files of other kinds.
const OTHERS: [&str; 44] = [
    "ai", "apng", "arw", "avif", "cr2", "cr3", "cur", "dcm", "dds", "dng", "emf", "eps", "exr",
    "hdr", "heic", "heif", "hif", "icns", "ico", "j2c", "j2k", "jls", "jp2", "jpf", "jpx", "jxl",
    "jxr", "mpo", "nef", "nrw", "orf", "pcx", "pef", "pfm", "psd", "qoi", "raf", "raw", "rw2",
    "sgi", "svg", "tga", "wmf", "xcf",
];

/// Files and folders that systems and tools leave behind, in lower case; so do names with a dot in
/// front.
const LITTER: [&str; 7] = [
    "__macosx",
    "thumbs.db",
    "desktop.ini",
    "@eadir",
    "$recycle.bin",
    "lost+found",
    "system volume information",
];

/// How deep folders may lie in each other.
const DEEPEST: usize = 16;

/// What was passed over in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Image files of kinds that are not read, by their ending in lower case.
    pub left_out: BTreeMap<String, usize>,
    /// Files and folders that cannot be read.
    pub skipped: Vec<Skipped>,
    /// Folders of classes without an image that can be read.
    pub empty: Vec<String>,
    /// Image files that lie beside the folders of the classes and so have none.
    pub without_class: usize,
}

/// A file or folder that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skipped {
    /// Where it is.
    #[serde(serialize_with = "displayed")]
    pub path: PathBuf,
    /// Why, without the path.
    pub reason: String,
}

/// A path as text, also where it is no UTF-8.
fn displayed<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

impl Skipped {
    /// The file `path`, of which reading gave `error`.
    pub fn new(path: impl Into<PathBuf>, error: &Error) -> Self {
        let path = path.into();
        let mut reason = match error {
            Error::Io { source, .. } => source.to_string(),
            Error::Image(sentence) => sentence.clone(),
            other => other.to_string(),
        };
        let front = format!("{}: ", path.display());
        if let Some(rest) = reason.strip_prefix(&front) {
            reason = rest.to_owned();
        }
        Self { path, reason }
    }
}

impl Findings {
    /// What was passed over, in whole lines: the first few files by name, all by number.
    pub fn lines(&self) -> Vec<String> {
        const SHOWN: usize = 3;
        let mut lines = Vec::new();
        let first = |names: Vec<String>| match names.len().saturating_sub(SHOWN) {
            0 => names.join(", "),
            more => format!("{} and {more} more", names[..SHOWN].join(", ")),
        };
        if !self.skipped.is_empty() {
            let skipped = self.skipped.iter();
            let named = skipped.map(|one| format!("{} ({})", one.path.display(), one.reason));
            let count = counted(self.skipped.len(), "file");
            lines.push(format!(
                "{count} could not be read: {}",
                first(named.collect())
            ));
        }
        if !self.left_out.is_empty() {
            let kinds = self.left_out.iter();
            let kinds: Vec<_> = kinds.map(|(ending, n)| format!("{n} .{ending}")).collect();
            let count = counted(self.left_out.values().sum(), "file");
            lines.push(format!("{count} left out: {}", kinds.join(", ")));
        }
        if self.without_class > 0 {
            let count = counted(self.without_class, "image");
            lines.push(format!(
                "{count} beside the folders of the classes left out"
            ));
        }
        if !self.empty.is_empty() {
            let named = self.empty.iter().map(|name| format!("{name:?}"));
            let count = counted(self.empty.len(), "folder");
            lines.push(format!(
                "{count} without an image: {}",
                first(named.collect())
            ));
        }
        lines
    }

    /// Adds what was found elsewhere.
    pub fn extend(&mut self, other: Self) {
        for (ending, count) in other.left_out {
            *self.left_out.entry(ending).or_default() += count;
        }
        self.skipped.extend(other.skipped);
        self.empty.extend(other.empty);
        self.without_class += other.without_class;
    }

    fn skip(&mut self, path: &Path, reason: &str) {
        self.skipped.push(Skipped {
            path: path.to_owned(),
            reason: reason.to_owned(),
        });
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// What an entry of a folder is.
pub enum Entry {
    Folder,
    Image,
    /// An image file of a kind that is not read, by its ending.
    Other(String),
    /// What cannot be read, and why.
    Broken(&'static str),
    Nothing,
}

impl Entry {
    /// Links count as what they lead to.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let ending = ending.map(str::to_ascii_lowercase).unwrap_or_default();
        let image = ENDINGS.contains(&ending.as_str());
        let other = OTHERS.contains(&ending.as_str());
        match fs::metadata(path) {
            Ok(data) if data.is_dir() => Self::Folder,
            Ok(data) if data.is_file() && image => Self::Image,
            Ok(data) if data.is_file() && other => Self::Other(ending),
            Ok(data) if !data.is_file() && image => Self::Broken("neither a file nor a folder"),
            Ok(_) => Self::Nothing,
            // It may have led to a folder if it has no ending.
            Err(_) if image || other || ending.is_empty() => match path.is_symlink() {
                true => Self::Broken("a link that leads nowhere"),
                false => Self::Broken("no permission, or gone"),
            },
            Err(_) => Self::Nothing,
        }
    }
}

/// The entries of `dir` that are not hidden, sorted by name.
pub fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(dir)
        .and_then(|list| {
            list.map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(|error| Error::io(dir, error))?;
    paths.retain(|path| {
        path.file_name()
            .is_some_and(|name| !is_litter(name.as_encoded_bytes()))
    });
    paths.sort();
    Ok(paths)
}

fn is_litter(name: &[u8]) -> bool {
    let known = |litter: &str| litter.as_bytes().eq_ignore_ascii_case(name);
    name.starts_with(b".") || LITTER.into_iter().any(known)
}

/// Lists the images below folders.
#[derive(Default)]
pub struct Walk {
    /// The images found, by folder and name.
    pub images: Vec<PathBuf>,
    /// What was passed over.
    pub findings: Findings,
    /// The folders that the walk is in, without links.
    trail: Vec<PathBuf>,
}

impl Walk {
    /// A walk in folders of `dir`.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn within(dir: &Path) -> Result<Self> {
        let place = fs::canonicalize(dir).map_err(|error| Error::io(dir, error))?;
        Ok(Self {
            trail: vec![place],
            ..Self::default()
        })
    }

    /// Takes up the images below `dir`, at any depth.
    ///
    /// # Errors
    /// If it cannot be listed, or folders lie too deep in each other.
    pub fn folder(&mut self, dir: &Path) -> Result<()> {
        let list = entries(dir)?;
        let place = fs::canonicalize(dir).map_err(|error| Error::io(dir, error))?;
        if self.trail.contains(&place) {
            self.findings.skip(dir, "a link to a folder that it is in");
            return Ok(());
        }
        if self.trail.len() >= DEEPEST {
            return Err(Error::Data(format!(
                "expected folders at most {DEEPEST} deep, found {}",
                dir.display()
            )));
        }
        self.trail.push(place);
        for path in list {
            match Entry::of(&path) {
                Entry::Folder => self.inner(&path)?,
                entry => self.file(path, entry),
            }
        }
        self.trail.pop();
        Ok(())
    }

    /// Takes up a folder inside another, which need not be readable.
    pub fn inner(&mut self, dir: &Path) -> Result<()> {
        match self.folder(dir) {
            Err(error @ Error::Io { .. }) => {
                self.findings.skipped.push(Skipped::new(dir, &error));
                Ok(())
            }
            other => other,
        }
    }

    /// Takes up what is no folder.
    pub fn file(&mut self, path: PathBuf, entry: Entry) {
        match entry {
            Entry::Image => self.images.push(path),
            Entry::Other(ending) => *self.findings.left_out.entry(ending).or_default() += 1,
            Entry::Broken(reason) => self.findings.skip(&path, reason),
            Entry::Folder | Entry::Nothing => {}
        }
    }
}
