//! The CPU executor: the integer kernels on 128-bit vectors, natively and in WebAssembly.

mod attention;
#[cfg(feature = "comparison")]
mod float_gelu;
mod kernels;
mod linear;
mod memory;
mod norm;
mod product;
mod scale;
mod simple;

use std::{sync::Arc, time::Duration};

use intformer_shaders::Dispatch;
pub use kernels::Kernels;
use web_time::Instant;

use super::Executor;
use crate::{Error, Result, plan::Program};

/// Runs a program with vector instructions of the CPU.
///
/// Weights are used where the program has them: there is no second copy.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use intformer::{
///     plan::IntModel,
///     runtime::{Cpu, Executor},
/// };
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// let mut cpu = Cpu::new(Arc::new(model.program()?));
/// // Memory is taken now and not in the first run, which could fail.
/// cpu.prepare(2)?;
///
/// // A black image and a white one in one batch; an answer does not depend on its neighbours.
/// let (black, white) = (vec![0; 32 * 32], vec![255; 32 * 32]);
/// let logits = cpu.run(&[black, white.clone()].concat(), 2)?;
/// let (_, of_white) = logits.split_at(model.labels.len());
/// assert_eq!(of_white, cpu.run(&white, 1)?);
///
/// // What takes the time?
/// let times = cpu.times(&white, 1)?;
/// let slowest = times.iter().max_by_key(|(_, time)| *time);
/// assert_eq!(times.len(), model.plan.steps.len());
/// # assert!(slowest.is_some());
/// # Ok::<(), intformer::Error>(())
/// ```
pub struct Cpu {
    program: Arc<Program>,
    arena: Vec<u32>,
    dispatches: Vec<Dispatch>,
    batch: usize,
    kernels: Kernels,
}

impl Cpu {
    /// An executor of `program`.
    pub fn new(program: Arc<Program>) -> Self {
        Self {
            program,
            arena: Vec::new(),
            dispatches: Vec::new(),
            batch: 0,
            kernels: Kernels::default(),
        }
    }

    /// Makes room for runs of `batch` images, which [`Executor::run`] does as well.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the arena would be too large or there is no memory for it.
    pub fn prepare(&mut self, batch: usize) -> Result<()> {
        if batch == self.batch && batch > 0 {
            return Ok(());
        }
        let per_image = self.program.arena_words;
        let words = per_image
            .checked_mul(batch)
            .filter(|&words| words < 1 << 31);
        let Some(words) = words else {
            return Err(Error::OutOfMemory(format!(
                "expected an arena below 2^31 words, found {per_image} for each of {batch} images"
            )));
        };
        self.batch = 0;
        self.arena = Vec::new();
        if let Err(error) = self.arena.try_reserve_exact(words) {
            return Err(Error::OutOfMemory(format!(
                "expected memory for an arena of {words} words, found: {error}; a smaller batch \
                 takes less"
            )));
        }
        self.arena.resize(words, 0);
        self.dispatches = self.program.dispatches(batch);
        self.batch = batch;
        Ok(())
    }

    /// Bytes held for weights, the arena and the rows at work; those of the last grow in the first
    /// run.
    pub fn memory(&self) -> usize {
        4 * (self.program.weights.len() + self.arena.capacity()) + self.kernels.memory()
    }

    /// The kernel of each step and the time that it took.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn times(&mut self, images: &[u8], batch: usize) -> Result<Vec<(&'static str, Duration)>> {
        let mut times = Vec::with_capacity(self.program.steps.len());
        let mut start = Instant::now();
        self.steps(images, batch, |_, dispatch, _| {
            times.push((dispatch.name(), start.elapsed()));
            start = Instant::now();
        })?;
        Ok(times)
    }

    fn steps(
        &mut self,
        images: &[u8],
        batch: usize,
        mut after: impl FnMut(usize, &Dispatch, &[u32]),
    ) -> Result<()> {
        self.prepare(batch)?;
        self.program.place_images(images, batch, &mut self.arena)?;
        for (at, dispatch) in self.dispatches.iter().enumerate() {
            self.kernels
                .run(dispatch, &self.program.weights, &mut self.arena);
            after(at, dispatch, &self.arena);
        }
        Ok(())
    }
}

impl Executor for Cpu {
    fn name(&self) -> &str {
        "cpu"
    }

    fn describe(&self) -> String {
        format!("{}, one thread", kernels::INSTRUCTIONS)
    }

    fn run(&mut self, images: &[u8], batch: usize) -> Result<Vec<i32>> {
        self.steps(images, batch, |_, _, _| {})?;
        let output = self.program.output;
        let words = &self.arena[output.offset * batch..][..output.words * batch];
        Ok(self.program.unpack_logits(words))
    }

    fn trace(&mut self, images: &[u8], batch: usize) -> Result<Vec<Vec<u32>>> {
        let program = Arc::clone(&self.program);
        let mut trace = Vec::with_capacity(program.steps.len());
        self.steps(images, batch, |at, _, arena| {
            let region = program.steps[at].output;
            trace.push(arena[region.offset * batch..][..region.words * batch].to_vec());
        })?;
        Ok(trace)
    }
}
