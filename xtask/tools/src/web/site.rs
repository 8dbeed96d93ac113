//! The page: a folder of plain files that any web server can serve.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::shell;

use super::{files, folder, script};

/// The model that the page starts with.
const MODEL: &str = "models/glyphs.safetensors";

/// Builds the page.
pub fn build() -> Result<()> {
    let samples = shell::root().join("models/samples");
    fs::write(
        folder().join("native.json"),
        serde_json::to_string_pretty(&native(&samples)?)?,
    )?;
    script("build/site.mjs")
}

/// What the native command prints for the samples: the digests that the page compares with.
fn native(samples: &Path) -> Result<Value> {
    shell::run(&mut shell::cargo(
        "build --locked --package intformer-native --no-default-features",
    ))?;
    let shown =
        format!("intformer classify {MODEL} models/samples/*.png --executor reference --json");
    let classify = run(shell::command(
        binary(),
        &format!("classify {MODEL} --executor reference --json"),
    )
    .args(files::matching(samples, ".png")?))?;
    let info = run(&mut shell::command(
        binary(),
        &format!("info {MODEL} --json"),
    ))?;
    let images = classify["images"].as_array().context("no images")?.iter();
    let images: Vec<_> = images
        .map(|image| {
            let file = PathBuf::from(image["file"].as_str().unwrap_or_default());
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            json!({
                "file": format!("samples/{name}"),
                "label": image["top"][0]["label"],
                "digest": image["executors"][0]["digest"],
            })
        })
        .collect();
    ensure!(
        !images.is_empty(),
        "no sample images in {}",
        samples.display()
    );
    Ok(json!({ "command": shown, "model": MODEL, "digest": info["digest"], "images": images }))
}

/// The native command that was built.
pub fn binary() -> PathBuf {
    shell::target().join(format!("debug/intformer{}", std::env::consts::EXE_SUFFIX))
}

/// The JSON that a command prints.
fn run(command: &mut std::process::Command) -> Result<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(
        output.status.success(),
        "{command:?} ended with {}",
        output.status
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
