//! Executors by name, and models on them.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail};
use clap::ValueEnum;
use intformer::{
    Error, Pixels,
    plan::IntModel,
    runtime::{
        Cpu, Executor, Reference,
        wgpu::{AdapterChoice, Options, Wgpu},
    },
};
use rayon::prelude::*;

use crate::{cli::Globals, images, model::Model};

/// An executor as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The fastest that runs the model here: wgpu on a graphics processor, else cpu.
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
}

/// The logits of some images, `[images, classes]`.
#[derive(Clone)]
pub enum Logits {
    /// Of a compressed model.
    Integer(Vec<i32>),
    /// Of a float model.
    #[cfg(feature = "float")]
    Float(Vec<f32>),
}

impl Logits {
    /// Lower-case hexadecimal SHA-256 of the elements, each little end first.
    pub fn digest(&self) -> String {
        match self {
            Self::Integer(logits) => intformer::digest(logits),
            #[cfg(feature = "float")]
            Self::Float(logits) => {
                let bits: Vec<i32> = logits.iter().map(|value| value.to_bits() as i32).collect();
                intformer::digest(&bits)
            }
        }
    }

    /// The elements as real numbers; `scale` is what one of an integer logit stands for.
    pub fn real(&self, scale: f64) -> Vec<f64> {
        match self {
            Self::Integer(logits) => logits
                .iter()
                .map(|&value| f64::from(value) * scale)
                .collect(),
            #[cfg(feature = "float")]
            Self::Float(logits) => logits.iter().map(|&value| f64::from(value)).collect(),
        }
    }
}

/// A model on an executor.
pub struct Runner {
    /// The executor's name.
    pub name: &'static str,
    /// Executors that share the images of a batch.
    pub threads: usize,
    kind: Kind,
    scale: f64,
}

enum Worker {
    Reference(Reference),
    Cpu(Box<Cpu>),
    Wgpu(Box<Wgpu>),
}

/// Images that the reference executor takes at once: more take memory and save no time.
const REFERENCE_BATCH: usize = 64;

/// The same for the CPU executor.
const CPU_BATCH: usize = 8;

impl Worker {
    fn executor(&mut self) -> &mut dyn Executor {
        match self {
            Self::Reference(reference) => reference,
            Self::Cpu(cpu) => &mut **cpu,
            Self::Wgpu(wgpu) => &mut **wgpu,
        }
    }

    /// The most images to run at once.
    fn most(&self) -> usize {
        match self {
            Self::Reference(_) => REFERENCE_BATCH,
            Self::Cpu(_) => CPU_BATCH,
            Self::Wgpu(wgpu) => wgpu.max_batch(),
        }
    }

    /// The most images to trace at once.
    fn most_traced(&self) -> usize {
        match self {
            Self::Reference(_) => REFERENCE_BATCH,
            Self::Cpu(_) => CPU_BATCH,
            Self::Wgpu(wgpu) => wgpu.max_traced(),
        }
    }

    fn times(&mut self, images: &[Pixels]) -> intformer::Result<Vec<(String, Duration)>> {
        let bytes = images::concat(images);
        let named = |times: Vec<(&str, Duration)>| {
            let times = times.into_iter();
            times
                .map(|(kernel, time)| (kernel.to_owned(), time))
                .collect()
        };
        match self {
            Self::Reference(reference) => Ok(named(reference.times(&bytes, images.len())?)),
            Self::Cpu(cpu) => Ok(named(cpu.times(&bytes, images.len())?)),
            Self::Wgpu(wgpu) => {
                let times = wgpu.times(&bytes, images.len())?.into_iter();
                Ok(times.map(|step| (step.shader.label(), step.time)).collect())
            }
        }
    }
}

/// `images` in parts of nearly equal size and at most `most` images. If not one image fits, that
/// is for the executor to say.
fn parts(images: &[Pixels], most: usize) -> impl Iterator<Item = &[Pixels]> {
    let count = images.len().div_ceil(most.max(1)).max(1);
    images.chunks(images.len().div_ceil(count).max(1))
}

enum Kind {
    Workers(Vec<Worker>),
    #[cfg(feature = "float")]
    Float(Box<intformer::float::FloatRunner>),
}

impl Runner {
    /// `model` on the executor `choice`, which is neither [`Choice::Auto`] nor [`Choice::All`].
    /// The executors on the CPU share the images of a batch among `threads`.
    ///
    /// # Errors
    /// If the executor does not run models of this kind, or not on this machine.
    fn open(model: &Model, choice: Choice, threads: usize, globals: &Globals) -> Result<Self> {
        match (model, choice) {
            (Model::Compressed(model), Choice::Reference) => {
                let program = Arc::new(model.program()?);
                let worker = |_| Worker::Reference(Reference::new(Arc::clone(&program)));
                Ok(Self::integer(
                    model,
                    "reference",
                    (0..threads).map(worker).collect(),
                ))
            }
            (Model::Compressed(model), Choice::Cpu) => {
                let program = Arc::new(model.program()?);
                let worker = |_| Worker::Cpu(Box::new(Cpu::new(Arc::clone(&program))));
                Ok(Self::integer(
                    model,
                    "cpu",
                    (0..threads).map(worker).collect(),
                ))
            }
            (Model::Compressed(model), Choice::Wgpu) => {
                Self::wgpu(model, adapter(&globals.adapter))
            }
            #[cfg(feature = "float")]
            (Model::Float(model), Choice::Float) => Ok(Self {
                name: "float",
                threads: rayon::current_num_threads(),
                kind: Kind::Float(Box::new(intformer::float::FloatRunner::new(model)?)),
                scale: 1.0,
            }),
            #[cfg(feature = "float")]
            (Model::Float(_), _) => bail!(
                "expected a compressed model for this executor, found a float model: \
                 `intformer quantize` makes one of the other"
            ),
            (Model::Compressed(_), _) if cfg!(feature = "float") => {
                bail!("expected a float model for the executor float, found a compressed model")
            }
            (Model::Compressed(_), _) => bail!(
                "expected a build with the feature `float` for the executor float, found one \
                 without"
            ),
        }
    }

    fn wgpu(model: &IntModel, adapter: AdapterChoice) -> Result<Self> {
        let options = Options {
            adapter,
            ..Options::default()
        };
        let wgpu = Wgpu::new_blocking(Arc::new(model.program()?), options)?;
        Ok(Self::integer(
            model,
            "wgpu",
            vec![Worker::Wgpu(Box::new(wgpu))],
        ))
    }

    fn integer(model: &IntModel, name: &'static str, workers: Vec<Worker>) -> Self {
        Self {
            name,
            threads: workers.len(),
            kind: Kind::Workers(workers),
            scale: model.logit_scale,
        }
    }

    /// The machine under it in words; after the first run also what was chosen for it.
    pub fn device(&self) -> String {
        match &self.kind {
            Kind::Workers(workers) => match &workers[0] {
                Worker::Reference(reference) => reference.describe(),
                Worker::Cpu(cpu) => cpu.describe(),
                Worker::Wgpu(wgpu) => wgpu.describe(),
            },
            #[cfg(feature = "float")]
            Kind::Float(_) => "burn on the CPU".to_owned(),
        }
    }

    /// The kernel or shader of each step with its time, if the executor can tell.
    ///
    /// # Errors
    /// If an image does not fit the model, or the device fails.
    pub fn times(&mut self, images: &[Pixels]) -> Result<Option<Vec<(String, Duration)>>> {
        match &mut self.kind {
            Kind::Workers(workers) => {
                let worker = &mut workers[0];
                let mut times = Vec::new();
                for part in parts(images, worker.most()) {
                    times.extend(worker.times(part)?);
                }
                Ok(Some(times))
            }
            #[cfg(feature = "float")]
            Kind::Float(_) => Ok(None),
        }
    }

    /// The logits of `images`, run in parts if they do not fit the device at once.
    ///
    /// # Errors
    /// If an image does not fit the model, or the device fails.
    pub fn logits(&mut self, images: &[Pixels]) -> Result<Logits> {
        match &mut self.kind {
            Kind::Workers(workers) => {
                let share = images.len().div_ceil(workers.len()).max(1);
                let run = |(worker, images): (&mut Worker, &[Pixels])| {
                    let mut logits = Vec::new();
                    for part in parts(images, worker.most()) {
                        let bytes = images::concat(part);
                        logits.extend(worker.executor().run(&bytes, part.len())?);
                    }
                    Ok(logits)
                };
                let work = workers.par_iter_mut().zip(images.par_chunks(share));
                let parts = work.map(run).collect::<intformer::Result<Vec<_>>>()?;
                Ok(Logits::Integer(parts.concat()))
            }
            #[cfg(feature = "float")]
            Kind::Float(runner) => Ok(Logits::Float(runner.logits(images)?.concat())),
        }
    }

    /// The words that each step of a compressed model's plan writes for `images`, one image after
    /// the other.
    ///
    /// # Errors
    /// If the model has no plan, an image does not fit it, or the device fails.
    pub fn trace(&mut self, images: &[Pixels]) -> Result<Vec<Vec<u32>>> {
        match &mut self.kind {
            Kind::Workers(workers) => {
                let worker = &mut workers[0];
                let mut steps: Vec<Vec<u32>> = Vec::new();
                for part in parts(images, worker.most_traced()) {
                    let traced = worker.executor().trace(&images::concat(part), part.len())?;
                    steps.resize(traced.len(), Vec::new());
                    for (step, words) in steps.iter_mut().zip(traced) {
                        step.extend(words);
                    }
                }
                Ok(steps)
            }
            #[cfg(feature = "float")]
            Kind::Float(_) => bail!("expected a compressed model, found a float model"),
        }
    }

    /// `logits` as real numbers.
    pub fn real(&self, logits: &Logits) -> Vec<f64> {
        logits.real(self.scale)
    }
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
            // A software driver is slower than the executor cpu: it is taken where it is named.
            let adapter = match adapter(&globals.adapter) {
                AdapterChoice::Any => AdapterChoice::Hardware,
                named => named,
            };
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
    match open(Choice::Wgpu) {
        Ok(runner) => runners.push(runner),
        Err(error) => match error.downcast_ref::<Error>() {
            Some(cause) if cause.is_device() => globals.note(&format!("without wgpu: {error:#}")),
            _ => return Err(error),
        },
    }
    Ok(runners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_small_enough_and_of_nearly_equal_size() {
        let images = vec![Pixels::new(1, 1, 1, vec![0]).unwrap(); 64];
        let sizes = |most| {
            parts(&images, most)
                .map(<[Pixels]>::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(64), [64]);
        assert_eq!(sizes(1000), [64]);
        assert_eq!(sizes(60), [32, 32]);
        assert_eq!(sizes(10), [10, 10, 10, 10, 10, 10, 4]);
        assert_eq!(sizes(0).len(), 64);
    }
}
