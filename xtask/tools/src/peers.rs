//! Side by side with other runtimes: the same model, on the same machine.

use std::{fs, path::Path};

use anyhow::Result;
use clap::{Args, Subcommand};
use xtask::shell;

use crate::{parity, web};

/// With whom to compare.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    peer: Peer,
}

#[derive(Subcommand)]
enum Peer {
    /// onnxruntime-web in headless Chromium: Swin-T 224 with random weights of timm, WebGPU and
    /// WASM. Writes web.md and web.json into target/peers.
    Web(Web),
    /// How long a page waits for the shipped model when it is in the browser's cache.
    Start {
        /// Loads on each executor.
        #[arg(long, default_value_t = 11)]
        rounds: u32,
    },
}

#[derive(Args)]
struct Web {
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
        Peer::Start { rounds } => {
            web::build()?;
            let script = format!("web/peers/start.mjs {rounds}");
            Ok(shell::run(&mut shell::command("node", &script))?)
        }
    }
}

fn run_web(options: &Web) -> Result<()> {
    let models = shell::target().join("peers");
    models_for_web(&models)?;
    web::build()?;
    let here = shell::root().join("web/peers");
    let install = "ci --no-audit --no-fund --ignore-scripts";
    shell::run(shell::command("npm", install).current_dir(&here))?;
    let (rounds, runs) = (options.rounds.to_string(), options.runs.to_string());
    shell::run(
        shell::command("node", "web/peers/run.mjs --models")
            .arg(&models)
            .arg("--package")
            .arg(web::folder().join("package"))
            .args(["--only", &options.only])
            .args(["--rounds", &rounds])
            .args(["--runs", &runs]),
    )?;
    Ok(())
}

/// The model for both sides, unless it was made before.
fn models_for_web(folder: &Path) -> Result<()> {
    let own = folder.join("swin-t.safetensors");
    if own.is_file() {
        return Ok(());
    }
    let python = parity::environment("onnx onnxruntime onnxscript")?;
    fs::create_dir_all(folder)?;
    shell::run(shell::command(python, "web/peers/export.py").arg(folder))?;
    shell::run(
        shell::cargo("run --locked -p intformer-native -- quantize")
            .arg(folder.join("timm"))
            .arg("--calib")
            .arg(folder.join("calibration"))
            .arg("--out")
            .arg(&own),
    )?;
    Ok(())
}
