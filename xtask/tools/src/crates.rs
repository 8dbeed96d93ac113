//! The crates of the workspace, as cargo knows them.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::shell;

/// A crate of the workspace.
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Names of its features, `default` among them.
    pub features: Vec<String>,
    /// Its manifest with everything that it inherits.
    pub manifest: Value,
}

impl Crate {
    /// Whether it goes to a registry.
    pub fn is_published(&self) -> bool {
        self.manifest["publish"].is_null()
    }

    /// Whether it is a module for browsers.
    pub fn is_for_browsers(&self) -> bool {
        let dependencies = self.manifest["dependencies"].as_array();
        dependencies.is_some_and(|all| all.iter().any(|one| one["name"] == "wasm-bindgen"))
    }
}

/// All of them.
pub fn members() -> Result<Vec<Crate>> {
    let output = shell::cargo("metadata --locked --no-deps --format-version 1").output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata failed: {errors}");
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array();
    let packages = packages.context("expected packages of cargo metadata, found none")?;
    packages.iter().map(member).collect()
}

fn member(manifest: &Value) -> Result<Crate> {
    let name = manifest["name"].as_str();
    let features = manifest["features"].as_object();
    Ok(Crate {
        name: name.context("expected a crate's name")?.to_owned(),
        features: features
            .context("expected a crate's features")?
            .keys()
            .cloned()
            .collect(),
        manifest: manifest.clone(),
    })
}
