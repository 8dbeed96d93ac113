//! Python with a package of the index, in a folder of its own.

use std::{path::PathBuf, process::Command};

use anyhow::Result;
use xtask::shell;

/// The interpreter of the folder `name` under the target folder, in which `package` is installed unless `module` can be
/// imported there.
pub fn with(name: &str, package: &str, module: &str) -> Result<PathBuf> {
    let folder = shell::target().join(name);
    let python = folder.join("bin/python");
    if !python.is_file() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    if !shell::succeeds(Command::new(&python).args(["-c", &format!("import {module}")])) {
        let install = format!("-m pip install --quiet {package}");
        shell::run(&mut shell::command(&python, &install))?;
    }
    Ok(python)
}
