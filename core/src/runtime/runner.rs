//! Batches of any size on one executor or several.

use std::{ops::Range, sync::Arc};

use rayon::prelude::*;

use super::{Batch, Cpu, Executor, Outputs, Reference, StepTime, TransferTimes};
use crate::{Result, plan::Program};

/// Runs batches of any size: in parts that an executor takes at once, shared among threads where there are
/// several executors. Which part an item falls into changes none of its bytes. A batch of a plan that keeps state is
/// run as it is, by one executor.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use intformer::{
///     plan::IntModel,
///     runtime::{Batch, Cpu, Executor, Runner},
/// };
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// let program = Arc::new(model.program()?);
/// let pixels: Vec<u8> = (0..50 * 32 * 32).map(|at| (at % 251) as u8).collect();
///
/// // Two threads, each with an executor; weights are there once.
/// let mut runner = Runner::cpu(&program, 2);
/// let logits = runner.run(&Batch::images(&pixels, 50))?;
///
/// let mut alone = Cpu::new(program);
/// let third = &pixels[2 * 32 * 32..3 * 32 * 32];
/// let expected = alone.run(&Batch::images(third, 1))?.into_first();
/// let classes = model.labels.len();
/// assert_eq!(logits.first()[2 * classes..3 * classes], expected);
/// # Ok::<(), intformer::Error>(())
/// ```
pub struct Runner {
    /// One a thread, or the one of a device; at least one.
    executors: Vec<Box<dyn Executor + Send>>,
}

impl Runner {
    /// Batches on `executor`.
    pub fn new(executor: impl Executor + Send + 'static) -> Self {
        Self {
            executors: vec![Box::new(executor)],
        }
    }

    /// The executor `cpu` on `threads` threads, at least one.
    pub fn cpu(program: &Arc<Program>, threads: usize) -> Self {
        Self::sharing(threads, || Cpu::new(Arc::clone(program)))
    }

    /// The executor `reference` on `threads` threads, at least one.
    pub fn reference(program: &Arc<Program>, threads: usize) -> Self {
        Self::sharing(threads, || Reference::new(Arc::clone(program)))
    }

    fn sharing<E: Executor + Send + 'static>(threads: usize, executor: impl Fn() -> E) -> Self {
        let executors = (0..threads.max(1)).map(|_| Box::new(executor()) as Box<_>);
        Self {
            executors: executors.collect(),
        }
    }

    /// One of its executors, all of which are alike.
    fn executor(&mut self) -> &mut (dyn Executor + Send) {
        &mut *self.executors[0]
    }

    /// Whether a batch may be cut, which it is only if it is what the program takes: not where state is kept,
    /// all of which one executor has.
    fn cuts(&self, batch: &Batch) -> Result<bool> {
        let entry = self.executors[0].program().check(batch)?;
        Ok(!entry.has_state())
    }

    /// Sets state back to zeros: the next run is the first, and may be of any items and tokens.
    ///
    /// # Errors
    /// As [`Executor::forget`].
    pub fn forget(&mut self) -> Result<()> {
        let mut executors = self.executors.iter_mut();
        executors.try_for_each(|executor| executor.forget())
    }

    /// The name of its executors.
    pub fn name(&self) -> &'static str {
        self.executors[0].name()
    }

    /// What it runs on, in a line; after the first run also what was chosen for it.
    pub fn describe(&self) -> String {
        self.executors[0].describe()
    }

    /// Threads that share a batch; those of rayon's pool work at once.
    pub fn threads(&self) -> usize {
        self.executors.len()
    }

    /// The outputs of a batch.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn run(&mut self, batch: &Batch) -> Result<Outputs> {
        if !self.cuts(batch)? {
            return self.executor().run(batch);
        }
        let shares = batch.shares(self.executors.len());
        let run = |(executor, share): (&mut Box<dyn Executor + Send>, Range<usize>)| {
            let mut outputs = Outputs::default();
            for part in batch.parts(share, executor.max_batch()) {
                outputs.extend(executor.run(&batch.part(part))?);
            }
            Ok(outputs)
        };
        let work = self.executors.par_iter_mut().zip(shares);
        let all = work.map(run).collect::<Result<Vec<_>>>()?;
        let mut outputs = Outputs::default();
        all.into_iter().for_each(|part| outputs.extend(part));
        Ok(outputs)
    }

    /// The words that each step writes, one item, or token, after the other.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn trace(&mut self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        let cuts = self.cuts(batch)?;
        let executor = self.executor();
        if !cuts {
            return executor.trace(batch);
        }
        let mut steps: Vec<Vec<u32>> = Vec::new();
        for part in batch.parts(0..batch.counts().items, executor.max_traced()) {
            let traced = executor.trace(&batch.part(part))?;
            steps.resize(traced.len(), Vec::new());
            for (step, words) in steps.iter_mut().zip(traced) {
                step.extend(words);
            }
        }
        Ok(steps)
    }

    /// How long each step takes on one executor: for each part of the batch, all steps in order.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn times(&mut self, batch: &Batch) -> Result<Vec<StepTime>> {
        let cuts = self.cuts(batch)?;
        let executor = self.executor();
        if !cuts {
            return executor.times(batch);
        }
        let mut steps = Vec::new();
        for part in batch.parts(0..batch.counts().items, executor.max_batch()) {
            steps.extend(executor.times(&batch.part(part))?);
        }
        Ok(steps)
    }

    /// How long the parts of a run take by the device's own clock, if it has one; of a batch in several
    /// parts, the sums.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn transfer_times(&mut self, batch: &Batch) -> Result<Option<TransferTimes>> {
        let cuts = self.cuts(batch)?;
        let executor = self.executor();
        if !cuts {
            return executor.transfer_times(batch);
        }
        let mut sum = TransferTimes::default();
        for part in batch.parts(0..batch.counts().items, executor.max_batch()) {
            match executor.transfer_times(&batch.part(part))? {
                Some(times) => sum += times,
                None => return Ok(None),
            }
        }
        Ok(Some(sum))
    }
}
