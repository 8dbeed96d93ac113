//! The float Swin of intformer on burn's CUDA backend, measured as `intformer bench` measures.

mod answer;
mod measure;
mod model;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use burn::tensor::{Device, FloatDType};
use clap::{Parser, ValueEnum};
use intformer::architecture::Config;

use crate::{
    answer::{Answer, Setting},
    measure::{Measured, Plan},
    model::Model,
};

/// What was asked for cannot run on this machine; as in the command `intformer`.
const NO_DEVICE: u8 = 3;
/// Something in the input is not as expected, or the device failed.
const FAILED: u8 = 2;

/// Measures the float Swin of intformer with random weights on burn: median and quartiles.
///
/// The images are on the device already, the logits stay there. Times are by the card's clock (burn's
/// profiler: CUDA events on its stream), each run waited for; beside them those of the host's clock.
#[derive(Parser)]
#[command(version, about)]
struct Options {
    /// The model: swin-t, swin-s, swin-b or swin-l.
    #[arg(default_value = "swin-t")]
    model: String,
    /// Images of a run; several counts are separated by commas.
    #[arg(long, short, value_delimiter = ',', default_values_t = [1, 8, 32, 64], value_parser = count())]
    batch: Vec<usize>,
    /// The type of weights and activations.
    #[arg(long, value_enum, default_value = "f16")]
    dtype: Type,
    /// Runs that are measured.
    #[arg(long, short = 'n', default_value_t = 50, value_parser = count())]
    runs: usize,
    /// Runs before those; in them burn compiles kernels and chooses among them.
    #[arg(long, default_value_t = 20, value_parser = count())]
    warm_up: usize,
    /// Where to run.
    #[arg(long, value_enum, default_value = "cuda")]
    device: Place,
    /// Two runs of one image: shows that all works, and measures nothing.
    #[arg(long)]
    quick: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Type {
    F32,
    F16,
    Bf16,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// The first NVIDIA card that the driver shows.
    Cuda,
    /// burn's CPU backend, to test this program.
    Cpu,
}

fn count() -> clap::builder::RangedU64ValueParser<usize> {
    clap::builder::RangedU64ValueParser::new().range(1..=65536)
}

fn config(name: &str) -> Result<Config> {
    let names: Vec<_> = Config::names().collect();
    Config::named(name).with_context(|| format!("expected {}, found {name}", names.join(", ")))
}

/// What is missing to run on a card, in a sentence.
fn missing() -> Option<&'static str> {
    #[allow(unsafe_code, reason = "burn panics where it finds no library")]
    // SAFETY: loads libraries whose initializers are NVIDIA's.
    let (driver, compiler) = unsafe {
        use cudarc::{driver, nvrtc};
        let driver = driver::sys::is_culib_present();
        (driver, driver && nvrtc::sys::is_culib_present())
    };
    if !driver {
        return Some("expected an NVIDIA driver (libcuda), found none");
    }
    if !matches!(cudarc::driver::CudaContext::device_count(), Ok(1..)) {
        return Some("expected an NVIDIA card, found a driver that shows none");
    }
    if !compiler {
        return Some("expected NVRTC (libnvrtc), found none");
    }
    match cubecl::cuda::install::cuda_path() {
        Some(path) if path.join("include").is_dir() => None,
        _ => Some("expected CUDA's headers (CUDA_PATH), found none"),
    }
}

impl Options {
    fn run(mut self) -> Result<Answer> {
        if self.quick {
            (self.batch, self.runs, self.warm_up) = (vec![1], 2, 1);
        }
        let config = config(&self.model)?;
        let mut device = match self.device {
            Place::Cuda => Device::cuda(0),
            Place::Cpu => Device::flex(),
        };
        let (dtype, name) = match self.dtype {
            Type::F32 => (FloatDType::F32, "fp32"),
            Type::F16 => (FloatDType::F16, "fp16"),
            Type::Bf16 => (FloatDType::BF16, "bf16"),
        };
        // Before the device is first used: then burn settles the type that tensors have.
        if let Err(error) = device.configure(dtype) {
            bail!("expected a device that computes in {name}: {error}");
        }
        let float = intformer::quant::float_model(&config, 0)?;
        let mut model = Model::new(&float, &device)?;
        // burn's CPU backend has one type at a time: there is nothing to compare it with.
        let error = match self.device {
            Place::Cuda => Some(model.error(&float)?),
            Place::Cpu => None,
        };
        let plan = Plan {
            runs: self.runs,
            warm_up: self.warm_up,
        };
        let executor = format!(
            "burn-{} {name}",
            match self.device {
                Place::Cuda => "cuda",
                Place::Cpu => "cpu",
            }
        );
        let results: Vec<Measured> = self
            .batch
            .iter()
            .map(|&batch| plan.measure(&mut model, &executor, batch, error))
            .collect::<Result<_>>()?;
        let setting = Setting {
            model: self.model,
            device: match device.identity() {
                Some(identity) => identity.name,
                None => "burn on the CPU".to_owned(),
            },
            burn: "0.22.1",
            quick: self.quick,
        };
        Ok(Answer { setting, results })
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let json = options.json;
    if options.device == Place::Cuda
        && let Some(sentence) = missing()
    {
        eprintln!("error: {sentence}");
        return ExitCode::from(NO_DEVICE);
    }
    match options.run().and_then(|answer| answer.print(json)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}
