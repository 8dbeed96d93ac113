//! Executors: they run a [`Program`] and all give the same bytes.
//!
//! One program serves any number of them. Whatever runs it, a batch of images becomes the same logits:
//!
//! ```
//! use std::sync::Arc;
//!
//! use intformer::{
//!     architecture::SwinConfig,
//!     digest,
//!     quant::{QuantizeOptions, invented},
//!     runtime::{Batch, Cpu, Executor, Reference},
//! };
//!
//! # let config = SwinConfig {
//! #     image_size: [8, 8],
//! #     embed_dim: 8,
//! #     depths: vec![2],
//! #     heads: vec![1],
//! #     window_size: 2,
//! #     classes: 3,
//! #     ..SwinConfig::tiny()
//! # };
//! let model = invented(&config, 0, &QuantizeOptions::default())?;
//! let program = Arc::new(model.program()?);
//! let mut executors: [Box<dyn Executor>; 2] = [
//!     Box::new(Reference::new(Arc::clone(&program))),
//!     Box::new(Cpu::new(Arc::clone(&program))),
//! ];
//!
//! // Two images, one after the other.
//! let images: Vec<u8> = (0..2 * 8 * 8 * 3).map(|at| at as u8).collect();
//! let mut digests = Vec::new();
//! for executor in &mut executors {
//!     let logits = executor.run(&Batch::images(&images, 2))?.into_first();
//!     assert_eq!(logits.len(), 2 * 3);
//!     println!("{:10} {}", executor.name(), executor.describe());
//!     digests.push(digest(&logits));
//! }
//! assert_eq!(digests[0], digests[1]);
//! # Ok::<(), intformer::Error>(())
//! ```

mod batch;
pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod held;
mod reference;
#[cfg(not(target_family = "wasm"))]
mod runner;
#[cfg(feature = "wgpu")]
pub mod wgpu;

pub use batch::{Batch, Outputs, Token, Values};
pub use cpu::Cpu;
pub use intformer_shaders::Cost;
pub use reference::Reference;
#[cfg(not(target_family = "wasm"))]
pub use runner::Runner;

use std::{ops::AddAssign, sync::Arc, time::Duration};

use intformer_shaders::Dispatch;
use web_time::Instant;

use crate::{
    Error, Result,
    plan::{Counts, Entry, Program, Room},
};

/// Runs a program on batches.
pub trait Executor {
    /// Short name: `reference`, `cpu`, `wgpu`, `cuda`.
    fn name(&self) -> &'static str;

    /// What it runs on, in a line.
    fn describe(&self) -> String;

    /// What it runs.
    fn program(&self) -> &Arc<Program>;

    /// The most items and tokens to run at once: what fits the device, or more than what would still save
    /// time; 0 if not one fits.
    fn max_batch(&self) -> Counts;

    /// The most items and tokens to trace at once.
    fn max_traced(&self) -> Counts {
        self.max_batch()
    }

    /// Makes room for runs of so many, which [`Executor::run`] does as well.
    ///
    /// # Errors
    /// One of those that [`Error::is_device`] tells: so many do not fit, or the device cannot go on.
    /// [`Error::Run`] if state of others is kept.
    fn prepare(&mut self, counts: Counts) -> Result<()>;

    /// The outputs of a batch.
    ///
    /// Where the plan keeps state, this goes on from the run before, which was of as many items and tokens. State is
    /// of no use after a run that failed midway, and must be forgotten.
    ///
    /// # Errors
    /// [`Error::Image`] or [`Error::Text`] if `batch` is not what the program takes, [`Error::Run`] if there is
    /// no plan for it, or as [`Executor::prepare`].
    fn run(&mut self, batch: &Batch) -> Result<Outputs>;

    /// Sets state back to zeros: the next run is the first, and may be of any items and tokens.
    ///
    /// # Errors
    /// If the device cannot go on.
    fn forget(&mut self) -> Result<()>;

    /// The words that each step of such a run wrote, in order.
    ///
    /// # Errors
    /// As [`Executor::run`].
    fn trace(&mut self, batch: &Batch) -> Result<Vec<Vec<u32>>>;

    /// How long the parts of a run take by the device's own clock, if it has one; state is forgotten.
    ///
    /// # Errors
    /// As [`Executor::run`].
    fn transfer_times(&mut self, _: &Batch) -> Result<Option<TransferTimes>> {
        Ok(None)
    }

    /// How long each step takes, in order, by the best clock that there is; state is forgotten.
    ///
    /// # Errors
    /// As [`Executor::run`].
    fn times(&mut self, batch: &Batch) -> Result<Vec<StepTime>>;
}

/// How long one step took.
#[derive(Clone, Debug)]
pub struct StepTime {
    /// The step's name.
    pub name: String,
    /// The kernel that ran, with its variant where it has some.
    pub kernel: String,
    /// What it had to do at least.
    pub cost: Cost,
    /// How long it took.
    pub time: Duration,
}

/// How long the three parts of a run took by a device's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferTimes {
    /// Items to the device.
    pub upload: Duration,
    /// All kernels.
    pub run: Duration,
    /// Outputs back.
    pub download: Duration,
}

impl AddAssign for TransferTimes {
    /// One run after the other.
    fn add_assign(&mut self, other: Self) {
        self.upload += other.upload;
        self.run += other.run;
        self.download += other.download;
    }
}

/// The words of an arena are fewer than this: kernels count them with 31 bits.
const MAX_ARENA_WORDS: usize = 1 << 31;

/// The arena of `program` for `capacity`.
///
/// # Errors
/// [`Error::OutOfMemory`] if it has too many words, or none.
fn room(program: &Program, capacity: Counts) -> Result<Room> {
    let room = program.room(capacity);
    match room.words() {
        1..MAX_ARENA_WORDS => Ok(room),
        words => Err(Error::OutOfMemory(format!(
            "expected an arena of 1 to 2^31 words for {capacity}, found {words}"
        ))),
    }
}

/// The most that fit an arena of so many words: any items and tokens up to that. Each item has a token at least, where there are some.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn fitting(program: &Program, words: usize) -> Counts {
    let one = Counts {
        items: 1,
        tokens: usize::from(program.has_tokens()),
    };
    let most = words.min(MAX_ARENA_WORDS - 1) / program.room(one).words().max(1);
    Counts {
        items: most,
        tokens: most * one.tokens,
    }
}

/// How many to make room for, for a batch of `counts`: as many as that where items have no tokens; else in
/// steps, and no fewer than there is room for `before`, so that batches of other lengths find room made.
fn capacity<'a>(
    program: &Program,
    counts: Counts,
    before: impl IntoIterator<Item = &'a Counts>,
    most: Counts,
) -> Counts {
    if !program.has_tokens() {
        return counts;
    }
    let before = before
        .into_iter()
        .copied()
        .fold(Counts::default(), Counts::max);
    if counts.fits(before) {
        return before;
    }
    counts.max(before).stepped().min(most.max(counts))
}

/// The time between the steps of `entry` that `run` makes, which it tells of when they are done.
fn timed(
    entry: &Entry,
    run: impl FnOnce(&mut dyn FnMut(usize, &Dispatch)) -> Result<()>,
) -> Result<Vec<StepTime>> {
    let mut times = Vec::with_capacity(entry.steps.len());
    let mut start = Instant::now();
    run(&mut |at, dispatch| {
        times.push(StepTime {
            name: entry.steps[at].name.clone(),
            kernel: dispatch.name().to_owned(),
            cost: dispatch.cost(),
            time: start.elapsed(),
        });
        start = Instant::now();
    })?;
    Ok(times)
}
