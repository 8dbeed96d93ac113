//! The browser's part: wasm modules, npm package, page, and their tests in a real browser.

mod files;
mod modules;
mod package;
mod site;
mod sizes;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use xtask::{shell, system};

pub use modules::TARGET;

/// Options of `cargo xtask web`.
#[derive(Args)]
pub struct Options {
    /// Then runs the tests: of the package under Node, of the CPU executor in WebAssembly, of the
    /// package and the page in headless Chromium.
    #[arg(long)]
    test: bool,
}

/// Options of `cargo xtask serve`.
#[derive(Args)]
pub struct Serve {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

/// The sources of the browser's part.
fn sources() -> PathBuf {
    shell::root().join("web")
}

/// Where the package and the page are put.
pub fn folder() -> PathBuf {
    shell::root().join("target/web")
}

/// Builds all of it and checks the sizes.
pub fn run(options: &Options) -> Result<()> {
    build()?;
    if options.test { test() } else { Ok(()) }
}

/// Builds the page and serves it until interrupted.
pub fn serve(options: &Serve) -> Result<()> {
    build()?;
    let port = options.port.to_string();
    let mut server = shell::command("node", "web/tests/server.mjs --root target/web/site");
    Ok(shell::run(server.args(["--port", &port]))?)
}

/// Builds and runs every test of the browser's part.
pub fn check() -> Result<()> {
    build()?;
    test()
}

/// Builds the modules, the package and the page, and checks the sizes.
pub fn build() -> Result<()> {
    tools()?;
    let sizes = modules::build()?;
    package::build()?;
    site::build()?;
    sizes::check(&sizes)?;
    println!("the package is in target/web/package, the page in target/web/site");
    Ok(())
}

fn test() -> Result<()> {
    modules::check_cpu()?;
    node(&sources().join("package/tests"))?;
    node(&sources().join("tests"))
}

/// Builds, and runs the tests that take long: Firefox, and the package in projects of large tools.
pub fn check_long() -> Result<()> {
    build()?;
    node(&sources().join("tests/long"))
}

/// Runs the tests directly in `folder` under Node, one file after the other.
fn node(folder: &Path) -> Result<()> {
    let mut command = shell::command("node", "--test --test-concurrency=1 --test-reporter=spec");
    command
        .args(files::matching(folder, ".test.mjs")?)
        .env("INTFORMER", site::binary());
    Ok(shell::run(&mut command)?)
}

/// Installs the tools that `web/package-lock.json` names, unless that was done before.
fn tools() -> Result<()> {
    system::add_target(TARGET)?;
    let time = |file: &str| {
        let data = std::fs::metadata(sources().join(file))?;
        data.modified()
    };
    let installed = time("node_modules/.package-lock.json");
    if installed
        .is_ok_and(|installed| time("package-lock.json").is_ok_and(|lock| installed >= lock))
    {
        return Ok(());
    }
    shell::run(
        shell::command("npm", "ci --no-audit --no-fund --ignore-scripts").current_dir(sources()),
    )
    .context("the browser's part needs Node 20 or newer with npm")
}

/// Runs a script of `web/` with Node.
fn script(script: &str) -> Result<()> {
    Ok(shell::run(
        shell::command("node", script).current_dir(sources()),
    )?)
}
