//! The shipped model on the sample images, on every executor of this machine.

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};

use crate::{shell, system};

/// Builds, sees to a Vulkan driver, classifies.
pub fn run() -> Result<()> {
    let start = Instant::now();
    shell::run(&mut shell::cargo(
        "build --locked --release --package intformer-native --no-default-features",
    ))?;
    eprintln!("built in {:.0} s", start.elapsed().as_secs_f64());

    if !system::has_vulkan() {
        eprintln!("no Vulkan driver found; installing one that runs on the CPU");
        if let Err(reason) = system::install(system::VULKAN) {
            eprintln!("going on without Vulkan: {reason:#}");
        }
    }

    let binary = shell::target().join("release/intformer");
    shell::run(
        shell::command(binary, "classify models/glyphs.safetensors")
            .args(samples()?)
            .args(["--executor", "all"]),
    )
}

/// The sample images, relative to the root, in the order of their names.
fn samples() -> Result<Vec<PathBuf>> {
    let root = shell::root();
    let folder = root.join("models/samples");
    let entries = folder
        .read_dir()
        .with_context(|| format!("{}", folder.display()))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path().strip_prefix(&root)?.to_path_buf()))
        .collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|kind| kind == "png"));
    files.sort();
    Ok(files)
}
