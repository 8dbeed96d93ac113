//! The float models against the libraries that published them, at full size.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;
use xtask::shell;

use crate::assets;

/// Installs the newest timm, transformers and torchvision under the target folder, lets them write checkpoints
/// with logits, and compares.
pub fn run() -> Result<()> {
    let python = environment("")?;
    let folder = shell::target().join("parity");
    let assets = assets::fetch(&["minilm".to_owned(), "reactions".to_owned()])?;
    let mut write = shell::command(python, "tests/parity/full_size.py");
    shell::run(write.args([&folder, &assets]))?;
    // The whole workspace, as in `cargo xtask test`: another choice of features builds burn again.
    let test = "test --locked --workspace --test parity -- --include-ignored --nocapture";
    shell::run(shell::cargo(test).env("INTFORMER_PARITY", &folder))?;
    // It holds 3.5 GB.
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The interpreter of a virtual environment with both libraries and the packages `more`, separated
/// by spaces; a torch that the system has is used, for it is large.
pub fn environment(more: &str) -> Result<PathBuf> {
    let folder = shell::target().join("parity-python");
    let python = folder.join("bin/python");
    if !python.is_file() {
        let mut venv = Command::new("python3");
        shell::run(
            venv.args(["-m", "venv", "--system-site-packages"])
                .arg(&folder),
        )?;
    }
    for packages in [
        &format!("torch torchvision safetensors pillow numpy {more}"),
        "--upgrade timm transformers",
    ] {
        let install = format!("-m pip install --quiet {packages}");
        shell::run(&mut shell::command(&python, &install))?;
    }
    Ok(python)
}
