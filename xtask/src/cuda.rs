//! The CUDA kernels compiled without a card.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};
use clap::Args;

use crate::shell;

/// The compiler whose PTX is built in: drivers from 535 on take it.
const NVRTC: &str = "nvidia-cuda-nvrtc-cu12==12.2.140";

/// Options of `cargo xtask cuda-check`.
#[derive(Args)]
pub struct Options {
    /// Writes the PTX that is built in, shaders/cuda/ptx.deflate, instead of comparing it.
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
        test.env("INTFORMER_WRITE_PTX", "1");
    }
    shell::run(&mut test)
}

/// NVRTC's library, out of a wheel of the Python package index.
pub fn nvrtc() -> Result<PathBuf> {
    let folder = shell::target().join("cuda-python");
    let find = || -> Option<PathBuf> {
        let versions = folder.join("lib").read_dir().ok()?;
        let libraries = versions.flatten().map(|version| {
            let package = version.path().join("site-packages/nvidia/cuda_nvrtc/lib");
            package.join("libnvrtc.so.12")
        });
        libraries.into_iter().find(|library| library.is_file())
    };
    if let Some(library) = find() {
        return Ok(library);
    }
    let mut venv = Command::new("python3");
    shell::run(venv.args(["-m", "venv"]).arg(&folder))?;
    let python = folder.join("bin/python");
    let install = format!("-m pip install --quiet --no-deps {NVRTC}");
    shell::run(&mut shell::command(python, &install))?;
    find().with_context(|| format!("expected a library in {NVRTC}, found none"))
}
