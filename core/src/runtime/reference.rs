//! The reference executor: the scalar twins, one after the other.

use std::sync::Arc;

use web_time::{Duration, Instant};

use super::Executor;
use crate::{Error, Result, plan::Program};

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
///     runtime::{Cpu, Executor, Reference},
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
/// let image = vec![128; program.image_bytes];
///
/// let expected = Reference::new(Arc::clone(&program)).trace(&image, 1)?;
/// let mut found = Cpu::new(Arc::clone(&program)).trace(&image, 1)?;
/// assert_eq!(found, expected);
///
/// // A mistake in the fifth step:
/// found[4][0] ^= 1;
/// let mut steps = program.steps.iter().zip(found.iter().zip(&expected));
/// let first = steps.find(|(_, (found, expected))| found != expected);
/// let (step, _) = first.expect("a difference");
/// assert_eq!(step.name, "layers.0.blocks.0.attn");
/// # Ok::<(), intformer::Error>(())
/// ```
pub struct Reference {
    program: Arc<Program>,
    arena: Vec<u32>,
}

impl Reference {
    /// An executor of `program`.
    pub fn new(program: Arc<Program>) -> Self {
        Self {
            program,
            arena: Vec::new(),
        }
    }

    /// The kernel of each step and the time that its twin took.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn times(&mut self, images: &[u8], batch: usize) -> Result<Vec<(&'static str, Duration)>> {
        let kernels = self.program.dispatches(batch);
        let mut times = Vec::with_capacity(kernels.len());
        let mut start = Instant::now();
        self.steps(images, batch, |at, _| {
            times.push((kernels[at].name(), start.elapsed()));
            start = Instant::now();
        })?;
        Ok(times)
    }

    fn steps(
        &mut self,
        images: &[u8],
        batch: usize,
        mut after: impl FnMut(usize, &[u32]),
    ) -> Result<()> {
        let words = self.program.arena_words.checked_mul(batch);
        let Some(words) = words.filter(|&words| words < 1 << 31) else {
            return Err(Error::OutOfMemory(format!(
                "expected an arena below 2^31 words, found {} for each of {batch} images",
                self.program.arena_words
            )));
        };
        if self.arena.len() != words {
            self.arena = vec![0; words];
        }
        self.program.place_images(images, batch, &mut self.arena)?;
        for (at, dispatch) in self.program.dispatches(batch).iter().enumerate() {
            dispatch.run_twin(&self.program.weights, &mut self.arena);
            after(at, &self.arena);
        }
        Ok(())
    }
}

impl Executor for Reference {
    fn name(&self) -> &str {
        "reference"
    }

    fn describe(&self) -> String {
        "scalar twins, one thread".to_owned()
    }

    fn run(&mut self, images: &[u8], batch: usize) -> Result<Vec<i32>> {
        self.steps(images, batch, |_, _| {})?;
        let output = self.program.output;
        let words = &self.arena[output.offset * batch..][..output.words * batch];
        Ok(self.program.unpack_logits(words))
    }

    fn trace(&mut self, images: &[u8], batch: usize) -> Result<Vec<Vec<u32>>> {
        let program = Arc::clone(&self.program);
        let mut trace = Vec::with_capacity(program.steps.len());
        self.steps(images, batch, |at, arena| {
            let region = program.steps[at].output;
            trace.push(arena[region.offset * batch..][..region.words * batch].to_vec());
        })?;
        Ok(trace)
    }
}
