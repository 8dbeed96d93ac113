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

/// The model that its texts start with, and texts to show it.
const TEXT_MODEL: &str = "models/questions.safetensors";
const TEXTS: &str = "models/questions.txt";

/// The models of scenes: the whole one and the pruned one.
const SCENE_MODELS: [(&str, &str); 2] = [
    ("whole", "models/scenes.safetensors"),
    ("pruned", "models/scenes-pruned.safetensors"),
];

/// Builds the page.
pub fn build() -> Result<()> {
    let samples = shell::root().join("models/samples");
    fs::write(
        folder().join("native.json"),
        serde_json::to_string_pretty(&native(&samples)?)?,
    )?;
    fs::write(
        folder().join("texts.json"),
        serde_json::to_string_pretty(&native_texts()?)?,
    )?;
    fs::write(
        folder().join("scenes.json"),
        serde_json::to_string_pretty(&native_scenes(&shell::root().join("models/scenes"))?)?,
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
    Ok(json!({ "command": shown, "model": MODEL, "digest": digest(MODEL)?, "images": images }))
}

/// The same for the sample texts.
fn native_texts() -> Result<Value> {
    let classify = run(&mut shell::command(
        binary(),
        &format!("classify {TEXT_MODEL} --text-file {TEXTS} --executor reference --json"),
    ))?;
    let texts = classify["texts"].as_array().context("no texts")?.iter();
    let texts: Vec<_> = texts
        .map(|text| {
            json!({
                "text": text["text"],
                "label": text["top"][0]["label"],
                "digest": text["executors"][0]["digest"],
            })
        })
        .collect();
    ensure!(!texts.is_empty(), "no sample texts in {TEXTS}");
    Ok(json!({ "model": TEXT_MODEL, "digest": digest(TEXT_MODEL)?, "texts": texts }))
}

/// The same for the sample scenes, by both models.
fn native_scenes(samples: &Path) -> Result<Value> {
    let (mut models, mut answers) = (Vec::new(), Vec::new());
    for (name, model) in SCENE_MODELS {
        let segment = run(shell::command(
            binary(),
            &format!("segment {model} --executor reference --json"),
        )
        .args(files::matching(samples, ".png")?))?;
        let images = segment["images"].as_array().context("no images")?;
        answers.push(images.clone());
        models.push(json!({ "name": name, "model": model, "digest": digest(model)? }));
    }
    let images = answers[0].iter().enumerate().map(|(at, image)| {
        let file = PathBuf::from(image["file"].as_str().unwrap_or_default());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let digests = answers
            .iter()
            .map(|images| images[at]["executors"][0]["digest"].clone());
        json!({ "file": format!("scenes/{name}"), "digests": digests.collect::<Vec<_>>() })
    });
    let images: Vec<_> = images.collect();
    ensure!(!images.is_empty(), "no scenes in {}", samples.display());
    Ok(json!({ "models": models, "images": images }))
}

/// The digest that the file of a model states.
fn digest(model: &str) -> Result<Value> {
    let info = run(&mut shell::command(
        binary(),
        &format!("info {model} --json"),
    ))?;
    Ok(info["digest"].clone())
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
