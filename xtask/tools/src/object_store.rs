//! `prune-data` with its runs in an object store.

use anyhow::Result;
use xtask::shell;

use crate::python;

/// The package that speaks S3.
const SERVER: &str = "moto[server]==5.2.5";

/// Installs the server under the target folder, builds the command, and runs the check.
pub fn run() -> Result<()> {
    let python = python::with("object-store-python", SERVER)?;
    shell::run(&mut shell::cargo(
        "build --locked --workspace --bin intformer",
    ))?;
    let mut check = shell::command(python, "tests/object-store/check.py");
    check.arg(shell::target().join("debug/intformer"));
    Ok(shell::run(check.arg("tests/fixtures"))?)
}
