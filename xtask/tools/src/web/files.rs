//! Listing and copying files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The files directly in `folder` whose name ends with `end`, in the order of their names.
pub fn matching(folder: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let mut found = list(folder)?;
    found.retain(|path| path.is_file() && path.to_string_lossy().ends_with(end));
    Ok(found)
}

/// All files below `folder`, in the order of their paths.
pub fn all(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in list(folder)? {
        if path.is_dir() {
            found.extend(all(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// Copies a file, or a folder with all that is in it, over what is there.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let about = || format!("copying {} to {}", from.display(), to.display());
    if from.is_dir() {
        for path in list(from)? {
            let name = path.file_name().unwrap_or_default();
            copy(&path, &to.join(name))?;
        }
        return Ok(());
    }
    let parent = to.parent().unwrap_or(to);
    fs::create_dir_all(parent).with_context(about)?;
    fs::copy(from, to).with_context(about)?;
    Ok(())
}

/// An empty folder at `path`.
pub fn fresh(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("emptying {}", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder
        .read_dir()
        .with_context(|| format!("listing {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
