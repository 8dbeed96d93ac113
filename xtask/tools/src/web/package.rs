//! The npm package: compiled, and put together as npm publishes it.

use std::{fs, path::PathBuf};

use anyhow::Result;

use super::{folder, script};

/// Where the package is put.
fn place() -> PathBuf {
    folder().join("package")
}

/// Builds the package and its tarball.
pub fn build() -> Result<()> {
    script("build/package.mjs")
}

/// The tarball that npm would publish.
pub fn tarball() -> Result<PathBuf> {
    let manifest = fs::read_to_string(place().join("package.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    let version = manifest["version"].as_str().unwrap_or_default();
    Ok(folder().join(format!("intformer-{version}.tgz")))
}
