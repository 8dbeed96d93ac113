//! The reference executor: the scalar twins, one after the other.

use std::sync::Arc;

use intformer_shaders::Dispatch;

use super::{Batch, Executor, Outputs, StepTime, held::Held, room, timed};
use crate::{
    Result,
    plan::{Counts, Program},
};

/// Runs the twin of every step; slow on purpose.
///
/// # Examples
///
/// Where does another executor go wrong first? The traces of both tell the step.
///
/// ```
/// use std::sync::Arc;
///
/// use intformer::{
///     architecture::SwinConfig,
///     quant::{QuantizeOptions, invented},
///     runtime::{Batch, Cpu, Executor, Reference},
/// };
///
/// # let config = SwinConfig {
/// #     image_size: [8, 8],
/// #     embed_dim: 8,
/// #     depths: vec![1],
/// #     heads: vec![1],
/// #     window_size: 2,
/// #     classes: 3,
/// #     ..SwinConfig::tiny()
/// # };
/// let model = invented(&config, 0, &QuantizeOptions::default())?;
/// let program = Arc::new(model.program()?);
/// let image = vec![128; 8 * 8 * 3];
/// let batch = Batch::images(&image, 1);
///
/// let expected = Reference::new(Arc::clone(&program)).trace(&batch)?;
/// let mut found = Cpu::new(Arc::clone(&program)).trace(&batch)?;
/// assert_eq!(found, expected);
///
/// // A mistake in the fifth step:
/// found[4][0] ^= 1;
/// let mut steps = program.main().steps().iter().zip(found.iter().zip(&expected));
/// let first = steps.find(|(_, (found, expected))| found != expected);
/// let (step, _) = first.expect("a difference");
/// assert_eq!(step.name, "layers.0.blocks.0.attn");
/// # Ok::<(), intformer::Error>(())
/// ```
pub struct Reference {
    program: Arc<Program>,
    arena: Vec<u32>,
    held: Held,
}

impl Reference {
    /// An executor of `program`.
    pub fn new(program: Arc<Program>) -> Self {
        Self {
            program,
            arena: Vec::new(),
            held: Held::default(),
        }
    }

    fn steps(
        &mut self,
        batch: &Batch,
        mut after: impl FnMut(usize, &Dispatch, &[u32]),
    ) -> Result<()> {
        let program = Arc::clone(&self.program);
        let entry = program.check(batch)?;
        let counts = batch.counts();
        self.prepare(counts)?;
        self.held.begin(entry);
        let room = program.room(counts);
        program.place(batch, room, &mut self.arena)?;
        for (at, dispatch) in entry.dispatches(room, counts).iter().enumerate() {
            dispatch.run_twin(&program.weights, &mut self.arena);
            after(at, dispatch, &self.arena);
        }
        self.held.end(entry, counts);
        Ok(())
    }
}

impl Executor for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn describe(&self) -> String {
        "scalar twins, one thread".to_owned()
    }

    fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// More take memory and save no time.
    fn max_batch(&self) -> Counts {
        Counts {
            items: 64,
            tokens: 4096,
        }
    }

    fn prepare(&mut self, counts: Counts) -> Result<()> {
        self.held.check(counts)?;
        let words = room(&self.program, counts)?.words();
        if self.arena.len() != words {
            self.arena = vec![0; words];
        }
        Ok(())
    }

    fn run(&mut self, batch: &Batch) -> Result<Outputs> {
        self.steps(batch, |_, _, _| {})?;
        let counts = batch.counts();
        let entry = self.program.entry_of(batch)?;
        Ok(entry.outputs_in(&self.arena, self.program.room(counts), counts))
    }

    fn forget(&mut self) -> Result<()> {
        self.arena.fill(0);
        self.held = Held::Nothing;
        Ok(())
    }

    fn trace(&mut self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        let program = Arc::clone(&self.program);
        let entry = program.check(batch)?;
        let counts = batch.counts();
        let room = program.room(counts);
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
