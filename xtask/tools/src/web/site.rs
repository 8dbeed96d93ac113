//! The page: a folder of plain files that any web server can serve.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use xtask::shell;

use super::{files, folder, package, sources, tool};

/// The model that the page starts with.
const MODEL: &str = "models/glyphs.safetensors";

/// Builds the page.
pub fn build() -> Result<()> {
    let demo = sources().join("demo");
    let site = folder().join("site");
    files::fresh(&site)?;
    files::copy(&package::place().join("dist"), &site.join("intformer"))?;
    tool(
        "typescript/bin/tsc",
        "-p demo/tsconfig.json --outDir ../target/web/site",
    )?;
    for file in files::all(&demo.join("public"))? {
        let name = file.strip_prefix(demo.join("public"))?;
        files::copy(&file, &site.join(name))?;
    }
    files::copy(&shell::root().join(MODEL), &site.join(MODEL))?;
    let samples = shell::root().join("models/samples");
    for sample in files::matching(&samples, ".png")? {
        let name = sample.file_name().unwrap_or_default();
        files::copy(&sample, &site.join("samples").join(name))?;
    }
    fs::write(
        site.join("native.json"),
        serde_json::to_string_pretty(&native(&samples)?)?,
    )?;
    tool(
        "typedoc/bin/typedoc",
        "--options package/typedoc.json --out ../target/web/site/api",
    )?;
    fs::write(
        site.join("files.json"),
        serde_json::to_string_pretty(&precached(&site)?)?,
    )?;
    Ok(())
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

/// The files that the page keeps for working offline, and a version that changes with them.
/// Models are kept by the package, the pages of the API are not kept.
fn precached(site: &Path) -> Result<Value> {
    let mut version = Sha256::new();
    let mut list = vec![json!("./")];
    for file in files::all(site)? {
        let name = file
            .strip_prefix(site)?
            .to_string_lossy()
            .replace('\\', "/");
        let kept = !name.starts_with("api/")
            && !name.starts_with("models/")
            && !name.ends_with(".d.ts")
            && name != "sw.js";
        version.update(name.as_bytes());
        version.update(Sha256::digest(fs::read(&file)?));
        if kept {
            list.push(json!(format!("./{name}")));
        }
    }
    let version: String = version
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(json!({ "version": version, "files": list }))
}
