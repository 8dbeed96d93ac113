//! The CUDA kernels compiled without a card.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};
use clap::Args;
use xtask::shell;

/// The compiler whose PTX is built in: drivers from 535 on take it.
const NVRTC: &str = "nvidia-cuda-nvrtc-cu12==12.2.140";

/// Whether there is such a compiler for this system.
pub const AVAILABLE: bool = cfg!(target_os = "linux");

/// Options of `cargo xtask cuda-check`.
#[derive(Args)]
pub struct Options {
    /// Writes the PTX that is built in, shaders/src/ptx.deflate, instead of comparing it.
    #[arg(long)]
    write: bool,
}

/// Installs NVRTC under the target folder and compiles every kernel.
pub fn run(options: &Options) -> Result<()> {
    let mut test = shell::cargo(
        "test --locked --package intformer-tests --no-default-features \
         --features cuda,comparison --test cuda_compile -- --nocapture",
    );
    test.env("INTFORMER_NVRTC", nvrtc()?);
    if options.write {
        // What is built in before is of the sources of before.
        test.env("INTFORMER_WRITE_PTX", "1")
            .args(["--skip", "every_kernel_has_built_in_ptx"]);
    }
    Ok(shell::run(&mut test)?)
}

/// NVRTC's library, out of a wheel of the Python package index, installed if it is not yet.
pub fn nvrtc() -> Result<PathBuf> {
    if let Some(library) = installed() {
        return Ok(library);
    }
    let folder = environment();
    let mut venv = Command::new("python3");
    shell::run(venv.args(["-m", "venv"]).arg(&folder))?;
    let install = format!("-m pip install --quiet --no-deps {NVRTC}");
    shell::run(&mut shell::command(folder.join("bin/python"), &install))?;
    installed().with_context(|| format!("expected a library in {NVRTC}, found none"))
}

/// Whether it is installed.
pub fn has_nvrtc() -> bool {
    installed().is_some()
}

fn environment() -> PathBuf {
    shell::target().join("cuda-python")
}

fn installed() -> Option<PathBuf> {
    let versions = environment().join("lib").read_dir().ok()?;
    let libraries = versions.flatten().map(|version| {
        let package = version.path().join("site-packages/nvidia/cuda_nvrtc/lib");
        package.join("libnvrtc.so.12")
    });
    libraries.into_iter().find(|library| library.is_file())
}
