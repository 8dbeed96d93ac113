//! The CPU executor: the integer kernels on 128-bit vectors, natively and in WebAssembly.

use std::sync::Arc;

pub use intformer_cpu::Kernels;
use intformer_shaders::Dispatch;

use super::{Batch, Executor, Outputs, StepTime, capacity, held::Held, room, timed};
use crate::{
    Error, Result,
    plan::{Counts, Program, Room},
};

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
///     plan::{Counts, IntModel},
///     runtime::{Batch, Cpu, Executor},
/// };
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// let mut cpu = Cpu::new(Arc::new(model.program()?));
/// // Memory is taken now and not in the first run, which could fail.
/// cpu.prepare(Counts::of_items(2))?;
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
    /// What the arena is for.
    room: Room,
    /// Of which plan, and for how many.
    dispatches: Vec<Dispatch>,
    live: (usize, Counts),
    held: Held,
    kernels: Kernels,
}

impl Cpu {
    /// An executor of `program`.
    pub fn new(program: Arc<Program>) -> Self {
        Self {
            room: program.room(Counts::default()),
            program,
            arena: Vec::new(),
            dispatches: Vec::new(),
            live: (0, Counts::default()),
            held: Held::default(),
            kernels: Kernels::default(),
        }
    }

    /// Bytes held for weights, the arena and the rows at work; those of the last grow in the first
    /// run.
    pub fn memory(&self) -> usize {
        4 * (self.program.weights.len() + self.arena.capacity()) + self.kernels.memory()
    }

    /// An arena for `counts` in place of a smaller one.
    fn grow(&mut self, counts: Counts) -> Result<Room> {
        let capacity = capacity(
            &self.program,
            counts,
            [&self.room.capacity],
            Counts::UNBOUNDED,
        );
        let room = room(&self.program, capacity)?;
        let words = room.words();
        self.dispatches = Vec::new();
        self.arena = Vec::new();
        if let Err(error) = self.arena.try_reserve_exact(words) {
            return Err(Error::OutOfMemory(format!(
                "expected memory for an arena of {words} words, found: {error}; a smaller batch \
                 takes less"
            )));
        }
        self.arena.resize(words, 0);
        self.room = room;
        Ok(room)
    }

    /// Makes ready a run of a plan with so many.
    fn ready(&mut self, entry: usize, counts: Counts) -> Result<()> {
        self.held.check(counts)?;
        if (entry, counts) == self.live && !self.dispatches.is_empty() {
            return Ok(());
        }
        let before = self.room.capacity;
        let room = match counts.fits(before) && !self.arena.is_empty() {
            true => self.room,
            false => self.grow(counts)?,
        };
        self.dispatches = self.program.entries[entry].dispatches(room, counts);
        self.live = (entry, counts);
        Ok(())
    }

    fn steps(
        &mut self,
        batch: &Batch,
        mut after: impl FnMut(usize, &Dispatch, &[u32]),
    ) -> Result<()> {
        let program = Arc::clone(&self.program);
        let entry = program.check(batch)?;
        let counts = batch.counts();
        self.ready(batch.entry(), counts)?;
        self.held.begin(entry);
        program.place(batch, self.room, &mut self.arena)?;
        for (at, dispatch) in self.dispatches.iter().enumerate() {
            self.kernels
                .run(dispatch, &program.weights, &mut self.arena);
            after(at, dispatch, &self.arena);
        }
        self.held.end(entry, counts);
        Ok(())
    }
}

impl Executor for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn describe(&self) -> String {
        format!("{}, one thread", intformer_cpu::INSTRUCTIONS)
    }

    fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// More take memory and save no time.
    fn max_batch(&self) -> Counts {
        Counts {
            items: if self.program.has_tokens() { 64 } else { 8 },
            tokens: 1024,
        }
    }

    fn prepare(&mut self, counts: Counts) -> Result<()> {
        self.ready(0, counts)
    }

    fn run(&mut self, batch: &Batch) -> Result<Outputs> {
        self.steps(batch, |_, _, _| {})?;
        let entry = self.program.entry_of(batch)?;
        Ok(entry.outputs_in(&self.arena, self.room, batch.counts()))
    }

    fn forget(&mut self) -> Result<()> {
        if self.program.has_state() {
            self.arena.fill(0);
        }
        self.held = Held::Nothing;
        Ok(())
    }

    fn trace(&mut self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        let program = Arc::clone(&self.program);
        let entry = program.check(batch)?;
        let counts = batch.counts();
        self.prepare(counts)?;
        let room = self.room;
        let mut trace = Vec::with_capacity(entry.steps.len());
        self.steps(batch, |at, _, arena| {
            trace.push(arena[room.range(entry.steps[at].output, counts)].to_vec());
        })?;
        Ok(trace)
    }

    fn times(&mut self, batch: &Batch) -> Result<Vec<StepTime>> {
        let program = Arc::clone(&self.program);
        let entry = program.check(batch)?;
        self.prepare(batch.counts())?;
        let times = timed(entry, |after| {
            self.steps(batch, |at, dispatch, _| after(at, dispatch))
        });
        self.forget()?;
        times
    }
}
