//! The barriers of a block, and which accesses they order.

use super::block::Context;
use super::shadow::Who;
use super::warp::Warp;
use super::{Step, Trap};
use crate::program::{Barrier, Reduction};

/// How many barriers a block has.
pub(super) const BARRIERS: usize = 16;

/// One barrier while threads come to it.
#[derive(Clone, Debug, Default)]
struct State {
    arrived: u32,
    /// The warps that came, and the stamp at which each did.
    warps: u32,
    stamps: Vec<(u32, u32)>,
    /// The warps that wait, and so are ordered after the others.
    waiting: u32,
    /// How many predicates were true.
    trues: u32,
    /// Where each warp wants the result of a reduction.
    results: Vec<(u32, u32, Reduction)>,
}

/// All barriers of a block. Every one that completes raises the stamp, so that accesses before and
/// after it are told apart.
#[derive(Debug)]
pub(super) struct Barriers {
    states: Vec<State>,
    /// How many barriers completed, counted from 1.
    pub(super) stamp: u32,
    /// For each warp, up to which stamp the accesses of each other warp come before its own.
    pub(super) seen: Vec<[u32; 32]>,
    /// Barriers that completed and whose threads were not yet released.
    pub(super) released: Vec<u32>,
    /// Results of reductions: the warp, its lanes, where, and the number of true predicates.
    pub(super) results: Vec<(u32, u32, Reduction, u32, u32)>,
}

impl Default for Barriers {
    fn default() -> Self {
        Self {
            states: vec![State::default(); BARRIERS],
            stamp: 1,
            seen: Vec::new(),
            released: Vec::new(),
            results: Vec::new(),
        }
    }
}

impl Barriers {
    /// Starts a block of `warps`.
    pub(super) fn reset(&mut self, warps: usize) {
        self.states.fill(State::default());
        self.stamp = 1;
        self.seen.clear();
        self.seen.resize(warps, [0; 32]);
        self.released.clear();
        self.results.clear();
    }

    /// The thread of `lane`, for a check of shared memory.
    pub(super) fn who<'a>(&'a self, warp: &'a Warp, lane: u32, line: u32) -> Who<'a> {
        self.all(warp, 1 << lane, line)
    }

    /// The threads of one lane or of all lanes, for a check of shared memory.
    pub(super) fn all<'a>(&'a self, warp: &'a Warp, lanes: u32, line: u32) -> Who<'a> {
        Who {
            warp: warp.index,
            lanes,
            stamp: self.stamp,
            sync: warp.order.stamp,
            line,
            before: warp.order.before(lanes),
            seen: &self.seen[warp.index as usize],
        }
    }

    /// How many threads came to a barrier that has not completed.
    pub(super) fn arrived(&self, barrier: u32) -> u32 {
        self.states[barrier as usize].arrived
    }

    fn complete(&mut self, id: u32, expected: u32) {
        let state = std::mem::take(&mut self.states[id as usize]);
        let mut all = [0; 32];
        for (warp, stamp) in &state.stamps {
            let seen = &self.seen[*warp as usize];
            for (all, seen) in all.iter_mut().zip(seen) {
                *all = (*all).max(*seen);
            }
            all[*warp as usize] = all[*warp as usize].max(*stamp);
        }
        for (warp, seen) in self.seen.iter_mut().enumerate() {
            if state.waiting >> warp & 1 == 1 {
                *seen = all;
            }
        }
        for (warp, lanes, reduction) in state.results {
            (self.results).push((warp, lanes, reduction, state.trues, expected));
        }
        self.stamp += 1;
        self.released.push(id);
    }
}

impl Context<'_> {
    /// The active lanes of `lanes` come to a barrier. Whether the warp must look which lanes go on.
    pub(super) fn barrier(&mut self, warp: &mut Warp, barrier: &Barrier, lanes: u32) -> Step<()> {
        let first = lanes.trailing_zeros();
        if barrier.aligned && !self.aligned(warp, lanes)? {
            return Ok(());
        }
        let id = warp.words[barrier.id as usize][first as usize];
        if id as usize >= BARRIERS {
            let message = format!("barrier {id} does not exist, there are {BARRIERS}");
            return Err(Trap::check(first, message));
        }
        let expected = match barrier.threads {
            Some(threads) => warp.words[threads as usize][first as usize],
            None => self.threads,
        };
        let state = &mut self.barriers.states[id as usize];
        state.arrived += lanes.count_ones();
        if state.arrived > expected {
            let arrived = state.arrived;
            let message =
                format!("{arrived} threads came to barrier {id}, which is for {expected}");
            return Err(Trap::check(first, message));
        }
        state.warps |= 1 << warp.index;
        state.stamps.push((warp.index, self.barriers.stamp));
        let (predicate, negated) = barrier.predicate;
        let flip = if negated { u32::MAX } else { 0 };
        let trues = (warp.predicates[predicate as usize] ^ flip) & lanes;
        state.trues += trues.count_ones();
        if barrier.reduction != Reduction::None {
            let result = (warp.index, lanes, barrier.reduction);
            state.results.push(result);
        }
        if barrier.waits {
            state.waiting |= 1 << warp.index;
        }
        warp.come(lanes, id, barrier.waits);
        warp.at += 1;
        if state.arrived == expected {
            self.barriers.complete(id, expected);
        }
        Ok(())
    }

    /// Writes the results of reductions that this warp waited for.
    pub(super) fn barrier_results(&mut self, warp: &mut Warp) {
        let index = warp.index;
        self.barriers
            .results
            .retain(|(owner, lanes, reduction, trues, expected)| {
                if *owner != index {
                    return true;
                }
                match *reduction {
                    Reduction::None => {}
                    Reduction::Count(d) => warp.set_word(d, *lanes, &[*trues; 32]),
                    Reduction::All(d) => {
                        let value = if trues == expected { u32::MAX } else { 0 };
                        warp.set_predicate(d, *lanes, value);
                    }
                    Reduction::Any(d) => {
                        let value = if *trues > 0 { u32::MAX } else { 0 };
                        warp.set_predicate(d, *lanes, value);
                    }
                }
                false
            });
    }
}
