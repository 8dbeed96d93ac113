//! Python with a package of the index, in a folder of its own.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;
use xtask::shell;

/// The interpreter of the folder `name` under the target folder, in which `package` is installed. What is there of another
/// version, or by half, is made anew.
pub fn with(name: &str, package: &str) -> Result<PathBuf> {
    let folder = shell::target().join(name);
    let python = folder.join("bin/python");
    let whole = folder.join("installed");
    if fs::read_to_string(&whole).is_ok_and(|installed| installed == package) {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let install = format!("-m pip install --quiet {package}");
    shell::run(&mut shell::command(&python, &install))?;
    fs::write(whole, package)?;
    Ok(python)
}
