//! Image files without classes.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    Findings,
    listing::{Entry, Walk},
};
use crate::{Error, Result};

/// Bytes that a list of files may have.
const MAX_LIST: u64 = 64 << 20;

/// Image files, wherever they lie: what calibration takes, which needs no classes.
#[derive(Clone, Debug)]
pub struct ImageFiles {
    /// The files; at least one.
    pub paths: Vec<PathBuf>,
    /// What was passed over.
    pub findings: Findings,
}

impl ImageFiles {
    /// The images that `sources` name, each a folder of images at any depth, an image file, or a list:
    /// a file that ends in `.txt`, or any with an @ in front, with a path a line, relative to the list.
    /// Lines that begin with # do not count.
    ///
    /// # Errors
    /// If a source is not there or cannot be read, or there is no image.
    pub fn open<S: AsRef<str>>(sources: &[S]) -> Result<Self> {
        let mut walk = Walk::default();
        for source in sources {
            let source = source.as_ref();
            let path = Path::new(source);
            let text = path
                .extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("txt"));
            match source.strip_prefix('@') {
                Some(list) if !path.exists() => listed(Path::new(list), &mut walk)?,
                _ if path.is_dir() => walk.folder(path)?,
                _ if text => listed(path, &mut walk)?,
                _ => {
                    path.metadata().map_err(|error| Error::io(path, error))?;
                    walk.images.push(path.to_owned());
                }
            }
        }
        let Walk {
            images, findings, ..
        } = walk;
        if images.is_empty() {
            let lines = findings.lines();
            let also = lines.iter().map(|line| format!("; {line}"));
            let sources: Vec<&str> = sources.iter().map(AsRef::as_ref).collect();
            return Err(Error::Data(format!(
                "expected images in {}, found none{}",
                sources.join(", "),
                also.collect::<String>()
            )));
        }
        Ok(Self {
            paths: images,
            findings,
        })
    }
}

/// Takes up the files of a list. What is not there is counted: lists are old, files move.
fn listed(list: &Path, walk: &mut Walk) -> Result<()> {
    let io = |error| Error::io(list, error);
    let mut bytes = Vec::new();
    let file = File::open(list).map_err(io)?;
    file.take(MAX_LIST + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    let fail = |sentence: &str| {
        let sentence = format!("{}: {sentence}", list.display());
        Err(Error::Data(sentence))
    };
    if bytes.len() as u64 > MAX_LIST {
        return fail(&format!(
            "expected a list of at most {MAX_LIST} bytes, found more"
        ));
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return fail("expected a list of files in UTF-8, found other bytes");
    };
    let folder = list.parent().unwrap_or(Path::new(""));
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let path = folder.join(line);
        match Entry::of(&path) {
            Entry::Folder => walk.inner(&path)?,
            // A file that is named is one to read, whatever its ending.
            Entry::Nothing | Entry::Other(_) => walk.images.push(path),
            entry => walk.file(path, entry),
        }
    }
    Ok(())
}
