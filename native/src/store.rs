//! Where runs are kept: a folder, or an object store.
//!
//! A file is there whole or not at all, if who writes it to a folder sees to that, and two who write the same file at once do
//! no harm.

#[cfg(feature = "cloud")]
mod objects;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// A place of files, by their names.
pub enum Store {
    /// A folder, which may not be there yet.
    Folder(PathBuf),
    /// What a URL names.
    #[cfg(feature = "cloud")]
    Objects(objects::Objects),
}

/// Whether `place` is a URL.
fn is_url(place: &str) -> bool {
    place.contains("://")
}

impl Store {
    /// The folder or the URL `place`: `file://`, `s3://`, `gs://`, `az://`. Keys and endpoints of a cloud come from the
    /// variables of the environment that its own tools take.
    ///
    /// # Errors
    /// If the URL is of no known kind, or what it needs is not set.
    pub fn open(place: &str) -> Result<Self> {
        if !is_url(place) {
            return Ok(Self::Folder(place.into()));
        }
        #[cfg(feature = "cloud")]
        return Ok(Self::Objects(objects::Objects::open(place)?));
        #[cfg(not(feature = "cloud"))]
        anyhow::bail!(
            "expected a folder, as this command was built without the feature cloud, found {place}"
        );
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            #[cfg(feature = "cloud")]
            Self::Objects(_) => None,
        }
    }

    /// What the file `name` is called for people.
    pub fn shown(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(name).display().to_string(),
            #[cfg(feature = "cloud")]
            Self::Objects(objects) => objects.shown(name),
        }
    }

    /// Names of the files, sorted; none of a folder that is not there.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn names(&self) -> Result<Vec<String>> {
        let folder = match self {
            Self::Folder(folder) => folder,
            #[cfg(feature = "cloud")]
            Self::Objects(objects) => return objects.names(),
        };
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    /// Where the file `name` can be read, if it is there.
    ///
    /// # Errors
    /// If that cannot be found out, or it cannot be fetched whole.
    pub fn fetch(&self, name: &str) -> Result<Option<PathBuf>> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                Ok(path.exists().then_some(path))
            }
            #[cfg(feature = "cloud")]
            Self::Objects(objects) => objects.fetch(name),
        }
    }

    /// Keeps the file `name`, which `write` writes to the path that it is given, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written or sent.
    pub fn keep(&self, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        match self {
            Self::Folder(folder) => {
                fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
                write(&folder.join(name))
            }
            #[cfg(feature = "cloud")]
            Self::Objects(objects) => objects.keep(name, write),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(store: &Store, name: &str, text: &str) -> Result<()> {
        store.keep(name, |path| Ok(fs::write(path, text)?))
    }

    /// A folder, and the same as a URL.
    #[test]
    fn what_is_kept_is_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new/runs");
        let mut places = vec![place.display().to_string()];
        if cfg!(feature = "cloud") {
            places.push(format!("file://{}", folder.path().join("other").display()));
        }
        for place in places {
            let store = Store::open(&place).unwrap();
            assert_eq!(store.names().unwrap(), [""; 0]);
            assert_eq!(store.fetch("b").unwrap(), None);
            kept(&store, "b", "one").unwrap();
            kept(&store, "a", "two").unwrap();
            kept(&store, "b", "three").unwrap();
            assert_eq!(store.names().unwrap(), ["a", "b"]);
            let path = store.fetch("b").unwrap().unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), "three");
            let failed = store.keep("c", |_| anyhow::bail!("no"));
            assert!(failed.is_err() && store.fetch("c").unwrap().is_none());
            assert!(store.shown("b").ends_with('b'));
        }
    }

    #[test]
    fn a_url_of_no_known_kind_is_refused() {
        let error = Store::open("ftp://host/runs").err().unwrap();
        let error = format!("{error:#}");
        assert!(error.contains("ftp://host/runs"), "{error}");
    }
}
