//! `prune-data` with its runs in an object store.

use std::process::Command;

use anyhow::Result;
use xtask::shell;

/// The package that speaks S3.
const SERVER: &str = "moto[server]==5.2.5";

/// Installs the server under the target folder, builds the command, and runs the check.
pub fn run() -> Result<()> {
    let python = shell::target().join("object-store-python");
    if !python.join("bin/moto_server").is_file() {
        let mut venv = Command::new("python3");
        shell::run(venv.args(["-m", "venv"]).arg(&python))?;
        let install = format!("-m pip install --quiet {SERVER}");
        shell::run(&mut shell::command(python.join("bin/python"), &install))?;
    }
    shell::run(&mut shell::cargo(
        "build --locked --workspace --bin intformer",
    ))?;
    let mut check = shell::command(python.join("bin/python"), "tests/object-store/check.py");
    shell::run(
        check
            .arg(shell::target().join("debug/intformer"))
            .arg("tests/fixtures"),
    )?;
    Ok(())
}
