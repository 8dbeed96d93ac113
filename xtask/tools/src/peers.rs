//! Side by side with other runtimes: the same model, on the same machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use xtask::shell;

use crate::{assets, parity, web};

/// With whom to compare.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    peer: Peer,
}

#[derive(Subcommand)]
enum Peer {
    /// onnxruntime-web and transformers.js in headless Chromium, WebGPU and WASM. Writes web.md and
    /// web.json beside the models in target/peers.
    Web(Web),
    /// A sentence encoder on this machine: torch, ONNX Runtime, OpenVINO, rten. Writes accuracy.md and
    /// speed.md into target/peers/texts.
    Texts {
        /// Rounds of the timing; in each all contenders run in turn.
        #[arg(long, default_value_t = 6)]
        rounds: u32,
    },
    /// How long a page waits for the shipped model when it is in the browser's cache.
    Start {
        /// Loads on each executor.
        #[arg(long, default_value_t = 11)]
        rounds: u32,
    },
}

/// Which model runs in the browsers.
#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    /// Swin-T 224 with random weights of timm.
    Images,
    /// all-MiniLM-L6-v2: one text of 16, 64 and 256 tokens, and 32 sentences.
    Texts,
}

#[derive(Args)]
struct Web {
    /// The model.
    #[arg(long, value_enum, default_value_t = Suite::Images)]
    suite: Suite,
    /// Only contenders with one of these texts, separated by commas, in their keys:
    /// ort-wasm, intformer, webgpu, ...
    #[arg(long, default_value = "")]
    only: String,
    /// Rounds; in each all contenders run in turn.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Runs of a contender in a round.
    #[arg(long, default_value_t = 3)]
    runs: u32,
}

/// Compares.
pub fn run(options: &Options) -> Result<()> {
    match &options.peer {
        Peer::Web(options) => run_web(options),
        Peer::Texts { rounds } => run_texts(*rounds),
        Peer::Start { rounds } => {
            web::build()?;
            let script = format!("web/peers/start.mjs {rounds}");
            Ok(shell::run(&mut shell::command("node", &script))?)
        }
    }
}

fn run_web(options: &Web) -> Result<()> {
    let (models, suite) = match options.suite {
        Suite::Images => (images()?, "images"),
        Suite::Texts => (texts()?.1, "texts"),
    };
    web::build()?;
    let here = shell::root().join("web/peers");
    let install = "ci --no-audit --no-fund --ignore-scripts";
    shell::run(shell::command("npm", install).current_dir(&here))?;
    let (rounds, runs) = (options.rounds.to_string(), options.runs.to_string());
    shell::run(
        shell::command("node", "web/peers/run.mjs --suite")
            .args([suite, "--models"])
            .arg(&models)
            .arg("--package")
            .arg(web::folder().join("package"))
            .args(["--only", &options.only])
            .args(["--rounds", &rounds])
            .args(["--runs", &runs]),
    )?;
    Ok(())
}

/// Swin-T for both sides, unless it was made before.
fn images() -> Result<PathBuf> {
    let folder = shell::target().join("peers");
    let own = folder.join("swin-t.safetensors");
    if own.is_file() {
        return Ok(folder);
    }
    let python = parity::environment("onnx onnxruntime onnxscript")?;
    fs::create_dir_all(&folder)?;
    shell::run(shell::command(python, "web/peers/export.py").arg(&folder))?;
    quantize(&folder.join("timm"), &folder.join("calibration"), &own)?;
    Ok(folder)
}

/// The Python that peers run in, and MiniLM for all sides, unless it was made before.
fn texts() -> Result<(PathBuf, PathBuf)> {
    let python = parity::environment("onnx onnxruntime onnxscript openvino nncf")?;
    let folder = shell::target().join("peers/texts");
    let own = folder.join("minilm.safetensors");
    if own.is_file() {
        return Ok((python, folder));
    }
    let assets = assets::fetch(&["minilm".to_owned(), "rotten-tomatoes".to_owned()])?;
    fs::create_dir_all(&folder)?;
    let mut export = shell::command(&python, "benches/texts/export.py");
    shell::run(export.args([&assets, &folder]))?;
    quantize(&folder.join("encoder"), &folder.join("calib.txt"), &own)?;
    Ok((python, folder))
}

fn quantize(checkpoint: &Path, calibration: &Path, out: &Path) -> Result<()> {
    let mut quantize = shell::command(command()?, "quantize");
    quantize.arg(checkpoint).arg("--calib").arg(calibration);
    Ok(shell::run(quantize.arg("--out").arg(out))?)
}

/// The command, built for release.
fn command() -> Result<PathBuf> {
    // The whole workspace: another choice of features builds burn again.
    let build = "build --release --locked --workspace --bin intformer";
    shell::run(&mut shell::cargo(build))?;
    Ok(shell::target().join("release/intformer"))
}

fn run_texts(rounds: u32) -> Result<()> {
    let (python, folder) = texts()?;
    let target = shell::target();
    let own = folder.join("minilm.safetensors");
    let mut rten = shell::cargo("build --release --locked --manifest-path benches/rten/Cargo.toml");
    shell::run(rten.arg("--target-dir").arg(target.join("rten")))?;
    let command = command()?;
    for script in ["benches/texts/accuracy.py", "benches/texts/speed.py"] {
        let mut measure = shell::command(&python, script);
        measure.args([&folder, &command, &own]);
        if script.ends_with("speed.py") {
            measure
                .arg("--rten")
                .arg(target.join("rten/release/rten-encoder"));
            measure.args(["--rounds", &rounds.to_string()]);
        }
        shell::run(&mut measure)?;
    }
    Ok(())
}
