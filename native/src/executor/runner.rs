//! A model on an executor.

use std::sync::Arc;
#[cfg(feature = "cuda")]
use std::sync::{Mutex, PoisonError, Weak};

use anyhow::{Result, bail};
use intformer::runtime::{
    self, StepTime,
    wgpu::{AdapterChoice, Options, Wgpu},
};
#[cfg(feature = "cuda")]
use intformer::runtime::{
    TransferTimes,
    cuda::{self, Cuda},
};

use super::{Choice, adapter};
use crate::{
    cli::Globals,
    inputs::Items,
    model::{Compressed, Model},
};

/// What a model put out for some items, one after the other: logits or features.
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
}

enum Kind {
    /// A compressed model, and the real value of one of the integers of a logit.
    Integer(runtime::Runner, f64),
    #[cfg(feature = "float")]
    Float(Box<intformer::float::FloatRunner>),
}

/// The card. Models that are open at once share it, with the kernels chosen for their shapes.
#[cfg(feature = "cuda")]
static CARD: Mutex<Weak<cuda::Device>> = Mutex::new(Weak::new());

#[cfg(feature = "cuda")]
fn card() -> intformer::Result<Arc<cuda::Device>> {
    let mut open = CARD.lock().unwrap_or_else(PoisonError::into_inner);
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
                let runner = runtime::Runner::reference(&model.program, threads);
                Ok(Self::integer(runner, model))
            }
            (Model::Compressed(model), Choice::Cpu) => {
                let runner = runtime::Runner::cpu(&model.program, threads);
                Ok(Self::integer(runner, model))
            }
            (Model::Compressed(model), Choice::Wgpu) => {
                Self::wgpu(model, adapter(&globals.adapter))
            }
            #[cfg(feature = "cuda")]
            (Model::Compressed(model), Choice::Cuda) => {
                let cuda = Cuda::on(card()?, Arc::clone(&model.program))?;
                Ok(Self::integer(runtime::Runner::new(cuda), model))
            }
            #[cfg(feature = "float")]
            (Model::Float(model), Choice::Float) => Ok(Self {
                name: "float",
                threads: rayon::current_num_threads(),
                kind: Kind::Float(Box::new(intformer::float::FloatRunner::new(model)?)),
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

    pub fn wgpu(model: &Compressed, adapter: AdapterChoice) -> Result<Self> {
        let options = Options {
            adapter,
            ..Options::default()
        };
        let wgpu = Wgpu::new_blocking(Arc::clone(&model.program), options)?;
        Ok(Self::integer(runtime::Runner::new(wgpu), model))
    }

    fn integer(runner: runtime::Runner, model: &Compressed) -> Self {
        Self {
            name: runner.name(),
            threads: runner.threads(),
            kind: Kind::Integer(runner, model.model.logit_scale),
        }
    }

    /// Whether its threads share the images of a batch, so that one image keeps only one busy.
    pub fn shares_images(&self) -> bool {
        ["reference", "cpu"].contains(&self.name)
    }

    /// The machine under it in words; after the first run also what was chosen for it.
    pub fn device(&self) -> String {
        match &self.kind {
            Kind::Integer(runner, _) => runner.describe(),
            #[cfg(feature = "float")]
            Kind::Float(_) => "burn on the CPU".to_owned(),
        }
    }

    /// Each step with its time, if the executor can tell.
    ///
    /// # Errors
    /// If an image does not fit the model, or the device fails.
    pub fn times(&mut self, items: &Items) -> Result<Option<Vec<StepTime>>> {
        match &mut self.kind {
            Kind::Integer(runner, _) => Ok(Some(runner.times(&items.batch())?)),
            #[cfg(feature = "float")]
            Kind::Float(_) => Ok(None),
        }
    }

    /// The time of a run of `items` without what surrounds it, if the executor has a clock of its own
    /// that can tell: how long images took to the device, kernels, and logits back.
    ///
    /// # Errors
    /// If an image does not fit the model, or the device fails.
    #[cfg(feature = "cuda")]
    pub fn transfer_times(&mut self, items: &Items) -> Result<Option<TransferTimes>> {
        match &mut self.kind {
            Kind::Integer(runner, _) => Ok(runner.transfer_times(&items.batch())?),
            #[cfg(feature = "float")]
            Kind::Float(_) => Ok(None),
        }
    }

    /// The CUDA device under it.
    #[cfg(feature = "cuda")]
    pub fn cuda(&self) -> Option<Arc<cuda::Device>> {
        let open = CARD.lock().unwrap_or_else(PoisonError::into_inner);
        open.upgrade().filter(|_| self.name == "cuda")
    }

    /// What the model puts out for `items`, run in parts if they do not fit the device at once.
    ///
    /// # Errors
    /// If an item does not fit the model, or the device fails.
    pub fn logits(&mut self, items: &Items) -> Result<Logits> {
        match &mut self.kind {
            Kind::Integer(runner, _) => {
                let outputs = runner.run(&items.batch())?;
                Ok(Logits::Integer(outputs.into_first()))
            }
            #[cfg(feature = "float")]
            Kind::Float(runner) => Ok(Logits::Float(runner.logits(items.samples())?.concat())),
        }
    }

    /// The words that each step of a compressed model's plan writes for `items`, one after the other.
    ///
    /// # Errors
    /// If the model has no plan, an image does not fit it, or the device fails.
    pub fn trace(&mut self, items: &Items) -> Result<Vec<Vec<u32>>> {
        match &mut self.kind {
            Kind::Integer(runner, _) => Ok(runner.trace(&items.batch())?),
            #[cfg(feature = "float")]
            Kind::Float(_) => bail!("expected a compressed model, found a float model"),
        }
    }

    /// `logits` as real numbers.
    pub fn real(&self, logits: &Logits) -> Vec<f64> {
        logits.real(match &self.kind {
            Kind::Integer(_, scale) => *scale,
            #[cfg(feature = "float")]
            Kind::Float(_) => 1.0,
        })
    }
}
