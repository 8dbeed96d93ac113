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

use std::sync::Arc;

use intformer_shaders::Dispatch;
pub use kernels::Kernels;

use super::{Batch, Executor, Outputs, StepTime, arena_words, timed};
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
///     runtime::{Batch, Cpu, Executor},
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
/// let both = [black, white.clone()].concat();
/// let logits = cpu.run(&Batch::images(&both, 2))?.into_first();
/// let (_, of_white) = logits.split_at(model.labels.len());
/// let white = Batch::images(&white, 1);
/// assert_eq!(of_white, cpu.run(&white)?.first());
///
/// // What takes the time?
/// let times = cpu.times(&white)?;
/// let slowest = times.iter().max_by_key(|step| step.time);
/// assert_eq!(times.len(), model.plan.steps.len());
/// # assert!(slowest.is_some());
/// # Ok::<(), intformer::Error>(())
/// ```
pub struct Cpu {
    program: Arc<Program>,
    arena: Vec<u32>,
    dispatches: Vec<Dispatch>,
    items: usize,
    kernels: Kernels,
}

impl Cpu {
    /// An executor of `program`.
    pub fn new(program: Arc<Program>) -> Self {
        Self {
            program,
            arena: Vec::new(),
            dispatches: Vec::new(),
            items: 0,
            kernels: Kernels::default(),
        }
    }

    /// Bytes held for weights, the arena and the rows at work; those of the last grow in the first
    /// run.
    pub fn memory(&self) -> usize {
        4 * (self.program.weights.len() + self.arena.capacity()) + self.kernels.memory()
    }

    fn steps(
        &mut self,
        batch: &Batch,
        mut after: impl FnMut(usize, &Dispatch, &[u32]),
    ) -> Result<()> {
        self.program.check(batch)?;
        self.prepare(batch.items())?;
        self.program.place(batch, &mut self.arena)?;
        for (at, dispatch) in self.dispatches.iter().enumerate() {
            self.kernels
                .run(dispatch, &self.program.weights, &mut self.arena);
            after(at, dispatch, &self.arena);
        }
        Ok(())
    }
}

impl Executor for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn describe(&self) -> String {
        format!("{}, one thread", kernels::INSTRUCTIONS)
    }

    fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// More take memory and save no time.
    fn max_batch(&self) -> usize {
        8
    }

    fn prepare(&mut self, items: usize) -> Result<()> {
        if items == self.items && items > 0 {
            return Ok(());
        }
        let words = arena_words(&self.program, items)?;
        self.items = 0;
        self.arena = Vec::new();
        if let Err(error) = self.arena.try_reserve_exact(words) {
            return Err(Error::OutOfMemory(format!(
                "expected memory for an arena of {words} words, found: {error}; a smaller batch \
                 takes less"
            )));
        }
        self.arena.resize(words, 0);
        self.dispatches = self.program.dispatches(items);
        self.items = items;
        Ok(())
    }

    fn run(&mut self, batch: &Batch) -> Result<Outputs> {
        self.steps(batch, |_, _, _| {})?;
        Ok(self.program.outputs_in(&self.arena, batch.items()))
    }

    fn trace(&mut self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        let program = Arc::clone(&self.program);
        let mut trace = Vec::with_capacity(program.steps.len());
        self.steps(batch, |at, _, arena| {
            trace.push(program.steps[at].output.of(arena, batch.items()).to_vec());
        })?;
        Ok(trace)
    }

    fn times(&mut self, batch: &Batch) -> Result<Vec<StepTime>> {
        self.prepare(batch.items())?;
        let program = Arc::clone(&self.program);
        timed(&program, |after| {
            self.steps(batch, |at, dispatch, _| after(at, dispatch))
        })
    }
}
