//! The crates as a registry gets them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use serde_json::Value;
use xtask::shell;

use crate::crates::{self, Crate};

/// What a registry asks for, or shows.
const FIELDS: [&str; 6] = [
    "description",
    "license",
    "repository",
    "readme",
    "keywords",
    "categories",
];

/// What everyone expects in a package; what it needs to build is found out by building it.
const FILES: [&str; 3] = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// A registry takes no more bytes.
const LIMIT: u64 = 10 << 20;

/// Packs every crate that is published and builds each from its package, with the others' packages.
pub fn run() -> Result<()> {
    let mut published = crates::members()?;
    published.retain(Crate::is_published);
    for member in &published {
        check_fields(member)?;
    }
    // A target folder of its own: cargo would put another command `intformer` in the place of the one that tests run.
    let target = shell::target().join("published");
    forget(&target, &published)?;
    // The kernels of all kinds, without burn.
    let mut package = shell::cargo(
        "package --locked --allow-dirty --no-default-features --features comparison,cuda",
    );
    package.env("CARGO_TARGET_DIR", &target);
    package.env("CARGO_PROFILE_DEV_DEBUG", "0");
    package.args(
        published
            .iter()
            .map(|member| format!("--package={}", member.name)),
    );
    shell::run(&mut package)?;

    for member in &published {
        let version = member.manifest["version"].as_str().unwrap_or_default();
        let name = format!("{}-{version}", member.name);
        let folder = target.join("package");
        for file in FILES {
            ensure!(
                folder.join(&name).join(file).is_file(),
                "expected {file} in the package {name}, found none"
            );
        }
        let bytes = fs::metadata(folder.join(format!("{name}.crate")))?.len();
        println!("{name:<24} {bytes:>9} bytes of at most {LIMIT}");
        ensure!(bytes <= LIMIT, "{name}: above the limit");
    }
    Ok(())
}

/// Cargo takes what it once unpacked and built of a package for fresh while its version is the same,
/// whatever is in it.
fn forget(target: &Path, published: &[Crate]) -> Result<()> {
    let fingerprints = target.join("debug/.fingerprint");
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = home.map(|home| home.join("registry/src"));
    // Those of a registry in a folder have a name without a host.
    let local = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('-')
    };
    let local = folders(&sources.unwrap_or_default())?
        .into_iter()
        .filter(local);
    for folder in local.chain([fingerprints]) {
        for path in folders(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if published
                .iter()
                .any(|member| name.starts_with(&format!("{}-", member.name)))
            {
                fs::remove_dir_all(&path)?;
            }
        }
    }
    Ok(())
}

/// The folders in `folder`, if there is one.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let paths = paths.collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

fn check_fields(member: &Crate) -> Result<()> {
    for field in FIELDS {
        let value = &member.manifest[field];
        ensure!(
            !value.is_null() && *value != Value::Array(Vec::new()),
            "expected the field {field} in the manifest of {}, found none",
            member.name
        );
    }
    Ok(())
}
