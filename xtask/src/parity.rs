//! The float models against the libraries that published them.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::shell;

/// What the comparison installs.
const PACKAGES: &[&str] = &[
    "torch",
    "timm",
    "transformers",
    "safetensors",
    "pillow",
    "numpy",
];

/// Installs the newest timm and transformers under the target folder and runs the comparison.
pub fn run() -> Result<()> {
    let python = environment()?;
    shell::run(
        shell::command(python, "tests/parity/full_size.py")
            .env("CARGO_TARGET_DIR", shell::target()),
    )
}

/// The interpreter of a virtual environment with [`PACKAGES`].
fn environment() -> Result<PathBuf> {
    let folder = shell::target().join("parity");
    if !folder.join("bin/python").is_file() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let python = folder.join("bin/python");
    shell::run(shell::command(&python, "-m pip install --quiet --upgrade").args(PACKAGES))?;
    Ok(python)
}
