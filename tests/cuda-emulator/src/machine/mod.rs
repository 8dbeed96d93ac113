//! Runs the blocks of a launch.

mod access;
mod atomic;
mod barrier;
mod block;
mod collective;
mod copies;
mod execute;
mod global;
mod matrix;
mod order;
mod shadow;
mod traffic;
mod warp;

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use crate::memory::Allocations;
use crate::program::Program;
use crate::statistics::Statistics;
use block::Block;
pub(crate) use global::Global;
pub(crate) use warp::Spare;

/// The most threads of a block.
pub(crate) const MAX_THREADS: u32 = 1024;
/// The most threads of a block by axis.
pub(crate) const BLOCK: [u32; 3] = [1024, 1024, 64];
/// The most blocks of a grid by axis.
pub(crate) const GRID: [u32; 3] = [i32::MAX as u32, 65_535, 65_535];

/// Whether a card launches grids and blocks of these sizes by axis.
pub(crate) fn fits(blocks: [u32; 3], threads: [u32; 3]) -> Result<(), String> {
    for (what, axes, most) in [("grid", blocks, GRID), ("block", threads, BLOCK)] {
        if (0..3).any(|axis| axes[axis] == 0 || axes[axis] > most[axis]) {
            return Err(format!(
                "a {what} has from 1 to {most:?} along its axes, not {axes:?}"
            ));
        }
    }
    Ok(())
}

/// What kind of thing went wrong in a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An address outside of what may be accessed.
    Address,
    /// An address that is not a multiple of the size of the access.
    Misaligned,
    /// A race, a read of unwritten memory, or threads that wait for ever.
    Check,
    /// The launch does not fit the kernel or the device.
    Configuration,
}

/// Why a launch failed: a sentence with the kernel, the block, the thread and the line of PTX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing went wrong.
    pub kind: Kind,
    /// The sentence.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// A fault before it is known in which block it is.
#[derive(Debug)]
pub(crate) struct Trap {
    kind: Kind,
    /// The lane, or the warp as a whole.
    lane: Option<u32>,
    /// The line, if it is not that of the current instruction.
    line: Option<u32>,
    message: String,
}

impl Trap {
    fn new(kind: Kind, lane: u32, message: String) -> Box<Self> {
        Box::new(Self {
            kind,
            lane: Some(lane),
            line: None,
            message,
        })
    }

    fn check(lane: u32, message: String) -> Box<Self> {
        Self::new(Kind::Check, lane, message)
    }
}

/// What a step of a warp ends with if something is wrong.
pub(crate) type Step<T> = Result<T, Box<Trap>>;

/// Everything the blocks of a launch share.
pub(crate) struct Launch<'a> {
    pub program: &'a Program,
    /// Warps that earlier launches left, since their registers are large.
    pub spare: &'a Spare,
    /// Of 24 bits, and not zero.
    pub number: u32,
    pub blocks: [u32; 3],
    pub threads: [u32; 3],
    pub dynamic_shared: u32,
    pub parameters: Vec<u8>,
    pub memory: Allocations,
    /// Who touched global memory, if that is checked.
    pub global: Option<Mutex<Global>>,
}

impl Launch<'_> {
    /// All shared memory of a block.
    pub(crate) fn shared(&self) -> u32 {
        self.program.dynamic_shared + self.dynamic_shared
    }

    /// Runs all blocks, unless one is at fault.
    pub(crate) fn run(&self) -> Result<Statistics, Fault> {
        let name = &self.program.name;
        let refused = |message| {
            Err(Fault {
                kind: Kind::Configuration,
                message,
            })
        };
        if let Err(message) = fits(self.blocks, self.threads) {
            return refused(format!("kernel {name}: {message}"));
        }
        let threads = self.threads.iter().map(|n| u64::from(*n)).product::<u64>();
        let blocks = self.blocks.iter().map(|n| u64::from(*n)).product::<u64>();
        let most = u64::from(self.program.max_threads.min(MAX_THREADS));
        if threads > most || self.program.exact_threads && threads != most {
            return refused(format!(
                "kernel {name}: a block has up to {most} threads, not {threads}"
            ));
        }
        if self.global.is_some() {
            return self.work(&AtomicU64::new(0), blocks);
        }
        let workers = (rayon::current_num_threads() as u64).min(blocks);
        let next = AtomicU64::new(0);
        let results: Vec<Result<Statistics, Fault>> = (0..workers)
            .into_par_iter()
            .map(|_| self.work(&next, blocks))
            .collect();
        let mut total = Statistics::default();
        for result in results {
            total.add(&result?);
        }
        Ok(total)
    }

    /// Runs one block after another of those that no other worker has taken.
    fn work(&self, next: &AtomicU64, blocks: u64) -> Result<Statistics, Fault> {
        let mut block = Block::new(self);
        loop {
            let number = next.fetch_add(1, Relaxed);
            if number >= blocks {
                break;
            }
            let [x, y, _] = self.blocks.map(u64::from);
            let position = [number % x, number / x % y, number / (x * y)].map(|n| n as u32);
            // After a fault no worker finds another block.
            block
                .run(position)
                .inspect_err(|_| next.store(blocks, Relaxed))?;
        }
        Ok(block.finish())
    }
}
