//! The folder of a study. What is in it is not made again, so a run that was cut off goes on.

use std::{
    fmt::Debug,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Serialize, de::DeserializeOwned};

/// A folder in which files are there whole or not at all. Names are paths within it.
pub struct Folder(PathBuf);

impl Folder {
    /// Opens the folder, which is new or holds a study of the same settings.
    ///
    /// # Errors
    /// If the settings differ, or the folder cannot be made, read or written.
    pub fn open<S>(path: &Path, settings: &S) -> Result<Self>
    where
        S: Debug + PartialEq + Serialize + DeserializeOwned,
    {
        let folder = Self::plain(path)?;
        match folder.read::<S>("settings.json")? {
            Some(earlier) if earlier != *settings => bail!(
                "expected no study in {} or one of the same settings, found {earlier:?}",
                path.display()
            ),
            _ => folder.write_json("settings.json", settings)?,
        }
        Ok(folder)
    }

    /// A folder of several studies, which has no settings of its own.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn plain(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| path.display().to_string())?;
        Ok(Self(path.to_path_buf()))
    }

    /// Where `name` is.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// The JSON file `name`, if it is there.
    pub fn read<T: DeserializeOwned>(&self, name: impl AsRef<Path>) -> Result<Option<T>> {
        let path = self.path(name);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        Ok(Some(value))
    }

    /// Writes the JSON file `name`.
    pub fn write_json(&self, name: impl AsRef<Path>, value: &impl Serialize) -> Result<()> {
        self.write(name, &serde_json::to_string_pretty(value)?)
    }

    /// Writes the file `name`.
    pub fn write(&self, name: impl AsRef<Path>, text: &str) -> Result<()> {
        let path = self.path(name);
        let write = || -> io::Result<()> {
            #[cfg_attr(not(unix), expect(unused_mut, reason = "permissions are for Unix"))]
            let mut builder = tempfile::Builder::new();
            // Temporary files are private by default; a report is to be shown.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            let mut file = builder.tempfile_in(path.parent().unwrap_or(&self.0))?;
            file.write_all(text.as_bytes())?;
            file.persist(&path)?;
            Ok(())
        };
        write().with_context(|| path.display().to_string())
    }

    /// Makes the folder `name`, if it is not there, and gives its path.
    pub fn make(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(path)
    }

    /// Removes the folder `name`, if it is there.
    pub fn remove(&self, name: impl AsRef<Path>) -> Result<()> {
        let path = self.path(name);
        match path.exists() {
            true => fs::remove_dir_all(&path).with_context(|| path.display().to_string()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_unless_the_settings_differ() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new/study");
        let folder = Folder::open(&path, &1).unwrap();
        folder.make("run/state").unwrap();
        assert_eq!(folder.read::<u8>("run/result.json").unwrap(), None);
        folder.write_json("run/result.json", &7).unwrap();
        folder.remove("run/state").unwrap();
        folder.remove("run/state").unwrap();
        assert!(!folder.path("run/state").exists());

        let again = Folder::open(&path, &1).unwrap();
        assert_eq!(again.read("run/result.json").unwrap(), Some(7));
        let refusal = Folder::open(&path, &2).err().unwrap().to_string();
        assert!(refusal.ends_with("found 1"), "{refusal}");
    }
}
