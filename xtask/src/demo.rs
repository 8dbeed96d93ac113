//! The shipped model on the sample images, on every executor of this machine.

use std::{
    io::{Error, Result},
    path::PathBuf,
    time::Instant,
};

use xtask::{shell, system};

/// Builds, sees to a Vulkan driver, classifies.
pub fn run() -> Result<()> {
    let start = Instant::now();
    eprintln!(
        "building the command without burn, several minutes on two cores the first time; \
         then it names the sample images on every executor of this machine"
    );
    shell::run(&mut shell::cargo(
        "build --locked --release --package intformer-native --no-default-features",
    ))?;
    eprintln!("built in {:.0} s", start.elapsed().as_secs_f64());

    if !system::has_vulkan() {
        eprintln!("no Vulkan driver found; installing one that runs on the CPU");
        if let Err(reason) = system::install(system::VULKAN) {
            eprintln!("going on without Vulkan: {reason}");
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
    let samples = PathBuf::from("models/samples");
    let entries = shell::root()
        .join(&samples)
        .read_dir()
        .map_err(|error| Error::new(error.kind(), format!("{}: {error}", samples.display())))?;
    let names = entries.map(|entry| Ok(samples.join(entry?.file_name())));
    let mut files = names.collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|kind| kind == "png"));
    files.sort();
    Ok(files)
}
