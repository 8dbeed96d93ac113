//! The npm package: compiled, and put together as npm publishes it.

use std::{fs, path::PathBuf};

use anyhow::Result;
use xtask::shell;

use super::{files, folder, sources, tool};

/// Where the package is put.
pub fn place() -> PathBuf {
    folder().join("package")
}

/// Builds the package and its tarball.
pub fn build() -> Result<()> {
    let package = sources().join("package");
    files::fresh(&package.join("dist"))?;
    tool("typescript/bin/tsc", "-p package/tsconfig.json")?;
    for file in files::all(&package.join("src/wasm"))? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // The compiler wrote what belongs to size.ts; types of raw exports are of use to nobody.
        if !name.starts_with("size.") && !name.ends_with(".wasm.d.ts") {
            files::copy(&file, &package.join("dist/wasm").join(&*name))?;
        }
    }
    files::fresh(&place())?;
    for name in ["dist", "package.json", "README.md"] {
        files::copy(&package.join(name), &place().join(name))?;
    }
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        files::copy(&shell::root().join(name), &place().join(name))?;
    }
    let mut pack = shell::command("npm", "pack --silent --pack-destination ..");
    Ok(shell::run(pack.current_dir(place()))?)
}

/// The tarball that npm would publish.
pub fn tarball() -> Result<PathBuf> {
    let manifest = fs::read_to_string(place().join("package.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    let version = manifest["version"].as_str().unwrap_or_default();
    Ok(folder().join(format!("intformer-{version}.tgz")))
}
