//! Listing files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The files directly in `folder` whose name ends with `end`, in the order of their names.
pub fn matching(folder: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let mut found = list(folder)?;
    found.retain(|path| path.is_file() && path.to_string_lossy().ends_with(end));
    Ok(found)
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
