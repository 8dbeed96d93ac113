//! The manifests of `docs/cluster`.

use anyhow::Result;
use xtask::shell;

use crate::python;

/// The package that has the schemas of Kubernetes.
const SCHEMAS: &str = "kubernetes-validate==1.37.0";

/// Installs the schemas under the target folder, builds the command, and runs the check.
pub fn run() -> Result<()> {
    let python = python::with("cluster-python", SCHEMAS)?;
    shell::run(&mut shell::cargo(
        "build --locked --workspace --bin intformer",
    ))?;
    let mut check = shell::command(python, "tests/cluster/check.py");
    check.arg(shell::target().join("debug/intformer"));
    Ok(shell::run(check.args(["tests/fixtures", "docs/cluster"]))?)
}
