//! Executors by name, and models on them.

mod runner;
pub mod threads;

use anyhow::{Result, bail};
use clap::ValueEnum;
use intformer::{Error, runtime::wgpu::AdapterChoice};
pub use runner::{Logits, Runner};

use crate::{cli::Globals, model::Model};

/// An executor as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The fastest that runs the model here: cuda, wgpu on a graphics processor, else cpu.
    Auto,
    /// Every executor that runs the model here.
    All,
    /// Float models on the CPU.
    Float,
    /// Plain scalar code: slow, and what the others are compared with.
    Reference,
    /// Vector instructions of the CPU.
    Cpu,
    /// WGSL on the graphics processor, or on a software driver.
    Wgpu,
    /// Tensor cores of an NVIDIA card; CUDA_VISIBLE_DEVICES says which.
    #[cfg(feature = "cuda")]
    Cuda,
}

/// The adapter that the command line names.
fn adapter(name: &str) -> AdapterChoice {
    match name {
        "any" => AdapterChoice::Any,
        "hardware" => AdapterChoice::Hardware,
        "software" => AdapterChoice::Software,
        name => AdapterChoice::Named(name.to_owned()),
    }
}

/// The one executor that `choice` stands for.
///
/// # Errors
/// If it cannot run the model here, or `choice` is [`Choice::All`].
pub fn one(model: &Model, choice: Choice, threads: usize, globals: &Globals) -> Result<Runner> {
    match (choice, model) {
        (Choice::All, _) => bail!("expected one executor, found all"),
        #[cfg(feature = "float")]
        (Choice::Auto, Model::Float(_)) => Runner::open(model, Choice::Float, threads, globals),
        (Choice::Auto, Model::Compressed(compressed)) => {
            let adapter = match adapter(&globals.adapter) {
                // A software driver is slower than the executor cpu: it is taken where it is named.
                AdapterChoice::Any => AdapterChoice::Hardware,
                named => named,
            };
            #[cfg(feature = "cuda")]
            if adapter == AdapterChoice::Hardware {
                match Runner::open(model, Choice::Cuda, threads, globals) {
                    Ok(runner) => return Ok(runner),
                    Err(error) => match error.downcast_ref::<Error>() {
                        // Most machines have no card: no word about that.
                        Some(Error::NoAdapter(_)) => {}
                        Some(cause) if cause.is_device() => {
                            globals.note(&format!("not on the executor cuda: {error:#}"));
                        }
                        _ => return Err(error),
                    },
                }
            }
            Runner::wgpu(compressed, adapter).or_else(|error| {
                globals.note(&format!("running on the executor cpu: {error:#}"));
                Runner::open(model, Choice::Cpu, threads, globals)
            })
        }
        _ => Runner::open(model, choice, threads, globals),
    }
}

/// The executors that `choices` stand for, in their order and each once; with [`Choice::All`],
/// those that this machine lacks are left out with a note.
///
/// # Errors
/// If one that is named cannot run the model here.
pub fn several(
    model: &Model,
    choices: &[Choice],
    threads: usize,
    globals: &Globals,
) -> Result<Vec<Runner>> {
    let mut runners: Vec<Runner> = Vec::new();
    for &choice in choices {
        let found = match (choice, model) {
            #[cfg(feature = "float")]
            (Choice::All, Model::Float(_)) => {
                vec![Runner::open(model, Choice::Float, threads, globals)?]
            }
            (Choice::All, Model::Compressed(_)) => present(model, threads, globals)?,
            _ => vec![one(model, choice, threads, globals)?],
        };
        for runner in found {
            if runners.iter().all(|known| known.name != runner.name) {
                runners.push(runner);
            }
        }
    }
    Ok(runners)
}

/// Every executor of this machine that runs compressed models.
fn present(model: &Model, threads: usize, globals: &Globals) -> Result<Vec<Runner>> {
    let open = |choice| Runner::open(model, choice, threads, globals);
    let mut runners = vec![open(Choice::Reference)?, open(Choice::Cpu)?];
    let devices = [
        ("wgpu", Choice::Wgpu),
        #[cfg(feature = "cuda")]
        ("cuda", Choice::Cuda),
    ];
    for (name, choice) in devices {
        match open(choice) {
            Ok(runner) => runners.push(runner),
            Err(error) => match error.downcast_ref::<Error>() {
                Some(cause) if cause.is_device() => {
                    globals.note(&format!("without {name}: {error:#}"));
                }
                _ => return Err(error),
            },
        }
    }
    Ok(runners)
}
