//! A model on an executor.

#[cfg(feature = "cuda")]
use std::sync::{Mutex, PoisonError, Weak};
use std::{ops::Range, sync::Arc};

use anyhow::{Result, bail};
#[cfg(feature = "cuda")]
use intformer::runtime::cuda::{self, Cuda, TransferTimes};
use intformer::{
    plan::{IntModel, Program},
    runtime::{
        Cpu, Executor, Reference,
        wgpu::{AdapterChoice, Options, Wgpu},
    },
};
use rayon::prelude::*;

use super::{
    Choice, adapter,
    worker::{StepTime, Worker, parts, shares},
};
use crate::{cli::Globals, images::Batch, model::Model};

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
    /// Threads that work at once: on the CPU those that share the images of a batch, for a device
    /// the one that drives it.
    pub threads: usize,
    kind: Kind,
    scale: f64,
}

enum Kind {
    Workers {
        /// One a thread, or the one of a device.
        workers: Vec<Worker>,
        program: Arc<Program>,
    },
    #[cfg(feature = "float")]
    Float(Box<intformer::float::FloatRunner>),
}

/// The card. Models that are open at once share it, with the kernels chosen for their shapes.
#[cfg(feature = "cuda")]
fn cuda_device() -> intformer::Result<Arc<cuda::Device>> {
    static OPEN: Mutex<Weak<cuda::Device>> = Mutex::new(Weak::new());
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(device) = open.upgrade() {
        return Ok(device);
    }
    let device = Arc::new(cuda::Device::open(&cuda::Options::default())?);
    *open = Arc::downgrade(&device);
    Ok(device)
}

impl Runner {
    /// `model` on the executor `choice`, which is neither [`Choice::Auto`] nor [`Choice::All`].
    /// The executors on the CPU share the images of a batch among `threads`.
    ///
    /// # Errors
    /// If the executor does not run models of this kind, or not on this machine.
    pub fn open(model: &Model, choice: Choice, threads: usize, globals: &Globals) -> Result<Self> {
        match (model, choice) {
            (Model::Compressed(model), Choice::Reference) => {
                let program = Arc::new(model.program()?);
                let worker = |_| Worker::Reference(Reference::new(Arc::clone(&program)));
                let workers = (0..threads).map(worker).collect();
                Ok(Self::integer(model, "reference", program, workers))
            }
            (Model::Compressed(model), Choice::Cpu) => {
                let program = Arc::new(model.program()?);
                let worker = |_| Worker::Cpu(Box::new(Cpu::new(Arc::clone(&program))));
                let workers = (0..threads).map(worker).collect();
                Ok(Self::integer(model, "cpu", program, workers))
            }
            (Model::Compressed(model), Choice::Wgpu) => {
                Self::wgpu(model, adapter(&globals.adapter))
            }
            #[cfg(feature = "cuda")]
            (Model::Compressed(model), Choice::Cuda) => {
                let program = Arc::new(model.program()?);
                let cuda = Cuda::on(cuda_device()?, Arc::clone(&program))?;
                let workers = vec![Worker::Cuda(Box::new(cuda))];
                Ok(Self::integer(model, "cuda", program, workers))
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

    pub fn wgpu(model: &IntModel, adapter: AdapterChoice) -> Result<Self> {
        let options = Options {
            adapter,
            ..Options::default()
        };
        let program = Arc::new(model.program()?);
        let wgpu = Wgpu::new_blocking(Arc::clone(&program), options)?;
        let workers = vec![Worker::Wgpu(Box::new(wgpu))];
        Ok(Self::integer(model, "wgpu", program, workers))
    }

    fn integer(
        model: &IntModel,
        name: &'static str,
        program: Arc<Program>,
        workers: Vec<Worker>,
    ) -> Self {
        Self {
            name,
            threads: workers.len(),
            kind: Kind::Workers { workers, program },
            scale: model.logit_scale,
        }
    }

    /// Whether its threads share the images of a batch, so that one image keeps only one busy.
    pub fn shares_images(&self) -> bool {
        match &self.kind {
            Kind::Workers { workers, .. } => {
                matches!(workers[0], Worker::Reference(_) | Worker::Cpu(_))
            }
            #[cfg(feature = "float")]
            Kind::Float(_) => false,
        }
    }

    /// The machine under it in words; after the first run also what was chosen for it.
    pub fn device(&self) -> String {
        match &self.kind {
            Kind::Workers { workers, .. } => match &workers[0] {
                Worker::Reference(reference) => reference.describe(),
                Worker::Cpu(cpu) => cpu.describe(),
                Worker::Wgpu(wgpu) => wgpu.describe(),
                #[cfg(feature = "cuda")]
                Worker::Cuda(cuda) => cuda.describe(),
            },
            #[cfg(feature = "float")]
            Kind::Float(_) => "burn on the CPU".to_owned(),
        }
    }

    /// Each step with its time, if the executor can tell.
    ///
    /// # Errors
    /// If an image does not fit the model, or the device fails.
    pub fn times(&mut self, images: &Batch) -> Result<Option<Vec<StepTime>>> {
        match &mut self.kind {
            Kind::Workers { workers, program } => {
                let worker = &mut workers[0];
                let mut steps = Vec::new();
                for part in parts(0..images.len(), worker.most()) {
                    let times = worker.times(images.bytes(part.clone()), part.len())?;
                    let dispatches = program.dispatches(part.len());
                    let pairs = times.into_iter().zip(&dispatches);
                    steps.extend(pairs.map(|((op, time), dispatch)| StepTime {
                        op,
                        time,
                        cost: dispatch.cost(),
                    }));
                }
                Ok(Some(steps))
            }
            #[cfg(feature = "float")]
            Kind::Float(_) => Ok(None),
        }
    }

    /// The time of a run of `images` without what surrounds it, if the executor has a clock of its own
    /// that can tell: how long images took to the device, kernels, and logits back.
    ///
    /// # Errors
    /// If an image does not fit the model, or the device fails.
    #[cfg(feature = "cuda")]
    pub fn transfer_times(&mut self, images: &Batch) -> Result<Option<TransferTimes>> {
        let workers = match &mut self.kind {
            Kind::Workers { workers, .. } => workers,
            #[cfg(feature = "float")]
            Kind::Float(_) => return Ok(None),
        };
        let Worker::Cuda(cuda) = &mut workers[0] else {
            return Ok(None);
        };
        let mut sum: Option<TransferTimes> = None;
        for part in parts(0..images.len(), cuda.max_batch()) {
            let times = cuda.transfer_times(images.bytes(part.clone()), part.len())?;
            sum = Some(sum.map_or(times, |sum| sum + times));
        }
        Ok(sum)
    }

    /// The CUDA device under it.
    #[cfg(feature = "cuda")]
    pub fn cuda(&self) -> Option<&cuda::Device> {
        match &self.kind {
            Kind::Workers { workers, .. } => match &workers[0] {
                Worker::Cuda(cuda) => Some(cuda.device()),
                _ => None,
            },
            #[cfg(feature = "float")]
            Kind::Float(_) => None,
        }
    }

    /// The logits of `images`, run in parts if they do not fit the device at once.
    ///
    /// # Errors
    /// If an image does not fit the model, or the device fails.
    pub fn logits(&mut self, images: &Batch) -> Result<Logits> {
        match &mut self.kind {
            Kind::Workers { workers, .. } => {
                let shares = shares(images.len(), workers.len());
                let run = |(worker, share): (&mut Worker, Range<usize>)| {
                    let mut logits = Vec::new();
                    for part in parts(share, worker.most()) {
                        let bytes = images.bytes(part.clone());
                        logits.extend(worker.executor().run(bytes, part.len())?);
                    }
                    Ok(logits)
                };
                let work = workers.par_iter_mut().zip(shares);
                let parts = work.map(run).collect::<intformer::Result<Vec<_>>>()?;
                Ok(Logits::Integer(parts.concat()))
            }
            #[cfg(feature = "float")]
            Kind::Float(runner) => Ok(Logits::Float(runner.logits(images.pixels())?.concat())),
        }
    }

    /// The words that each step of a compressed model's plan writes for `images`, one image after
    /// the other.
    ///
    /// # Errors
    /// If the model has no plan, an image does not fit it, or the device fails.
    pub fn trace(&mut self, images: &Batch) -> Result<Vec<Vec<u32>>> {
        match &mut self.kind {
            Kind::Workers { workers, .. } => {
                let worker = &mut workers[0];
                let mut steps: Vec<Vec<u32>> = Vec::new();
                for part in parts(0..images.len(), worker.most_traced()) {
                    let bytes = images.bytes(part.clone());
                    let traced = worker.executor().trace(bytes, part.len())?;
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
