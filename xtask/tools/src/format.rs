//! Formatting, of what rustfmt does not find by itself, too.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use xtask::shell;

/// Folders with modules that a macro declares from the list of operations: rustfmt sees no such module.
const DECLARED: [&str; 2] = ["shaders/src/op", "core/src/plan/operation"];

/// Options of `cargo xtask format`.
#[derive(Args)]
pub struct Options {
    /// Shows what would change, and fails if something would.
    #[arg(long)]
    pub check: bool,
}

/// Formats all Rust files.
pub fn run(options: &Options) -> Result<()> {
    let check = if options.check { " --check" } else { "" };
    shell::run(&mut shell::cargo(&format!("fmt --all{check}")))?;
    let mut files = Vec::new();
    for folder in DECLARED {
        add(&shell::root().join(folder), &mut files).with_context(|| folder.to_owned())?;
    }
    let mut rustfmt = shell::command("rustfmt", &format!("--edition 2024{check}"));
    Ok(shell::run(rustfmt.args(files))?)
}

/// Adds the Rust files of `folder` to `files`.
fn add(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            add(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
