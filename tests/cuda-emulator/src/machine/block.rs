//! A block: its warps run in turn, each until it waits for the others.

use super::barrier::Barriers;
use super::copies::Copies;
use super::shadow::Shadow;
use super::warp::{Position, Warp};
use super::{Fault, Launch, Trap};
use crate::statistics::Statistics;

/// What the warps of a block share.
pub(super) struct Context<'a> {
    pub(super) launch: &'a Launch<'a>,
    /// The number of the block in the grid.
    pub(super) number: u64,
    pub(super) threads: u32,
    pub(super) shared: Vec<u8>,
    pub(super) shadow: Shadow,
    pub(super) barriers: Barriers,
    pub(super) copies: Copies,
    /// Warp-instructions by class.
    pub(super) counts: [u64; 6],
    pub(super) statistics: Statistics,
}

/// A block that can be run again and again.
pub(super) struct Block<'a> {
    context: Context<'a>,
    warps: Vec<Warp>,
}

impl<'a> Block<'a> {
    pub(super) fn new(launch: &'a Launch<'a>) -> Self {
        let threads = launch.threads.iter().product::<u32>();
        let count = threads.div_ceil(32) as usize;
        let mut warps = Vec::with_capacity(count);
        {
            let mut spare = launch.spare.lock().unwrap_or_else(|e| e.into_inner());
            let left = spare.len().saturating_sub(count);
            warps.extend(spare.drain(left..));
        }
        warps.resize_with(count, || Warp::new(launch.program));
        Self {
            context: Context {
                launch,
                number: 0,
                threads,
                shared: vec![0; launch.shared() as usize],
                shadow: Shadow::default(),
                barriers: Barriers::default(),
                copies: Copies::default(),
                counts: [0; 6],
                statistics: Statistics::default(),
            },
            warps,
        }
    }

    /// What the blocks did that ran here. The warps are left to later launches.
    pub(super) fn finish(mut self) -> Statistics {
        let mut spare = (self.context.launch.spare.lock()).unwrap_or_else(|e| e.into_inner());
        spare.append(&mut self.warps);
        let [mma, shared, global, integer, float, control] = self.context.counts;
        Statistics {
            mma,
            shared,
            global,
            integer,
            float,
            control,
            ..self.context.statistics
        }
    }

    /// Runs the block at `position` of the grid.
    pub(super) fn run(&mut self, position: [u32; 3]) -> Result<(), Fault> {
        let launch = self.context.launch;
        let [x, y, _] = launch.blocks.map(u64::from);
        let [bx, by, bz] = position.map(u64::from);
        self.context.number = bx + x * (by + y * bz);
        self.context.statistics.blocks += 1;
        self.context.shared.fill(0xcd);
        self.context.shadow.reset(self.context.shared.len());
        self.context.barriers.reset(self.warps.len());
        self.context.copies.reset(self.warps.len());
        let place = Position {
            block: position,
            blocks: launch.blocks,
            threads: launch.threads,
            dynamic_shared: launch.dynamic_shared,
            total_shared: launch.shared(),
        };
        for (index, warp) in self.warps.iter_mut().enumerate() {
            warp.start(launch.program, index as u32, &place);
        }
        loop {
            let mut ran = false;
            for at in 0..self.warps.len() {
                let warp = &mut self.warps[at];
                if !warp.pick() {
                    continue;
                }
                ran = true;
                if let Err(trap) = self.context.run(warp) {
                    return Err(self.fault(at, &trap, position));
                }
                for barrier in std::mem::take(&mut self.context.barriers.released) {
                    for warp in &mut self.warps {
                        warp.release(barrier);
                    }
                }
            }
            if !ran {
                return self.finished(position);
            }
        }
    }

    /// No warp can go on: either all have exited, or some wait for ever.
    fn finished(&self, position: [u32; 3]) -> Result<(), Fault> {
        for (at, warp) in self.warps.iter().enumerate() {
            if warp.live == 0 {
                continue;
            }
            let code = &self.context.launch.program.code;
            let (lane, line, message) = if let Some((stalled, lanes)) = warp.stalled() {
                let missing = warp.live & !lanes;
                let message = format!(
                    "a .sync instruction names lanes that never come to it: {lanes:#010x} wait, \
                     the others that live are {missing:#010x}"
                );
                (lanes.trailing_zeros(), code[stalled].line, message)
            } else {
                let Some(parked) = warp.parked.first() else {
                    continue;
                };
                let live: u32 = self.warps.iter().map(|warp| warp.live.count_ones()).sum();
                let exited = self.context.threads - live;
                let came = self.context.barriers.arrived(parked.barrier);
                let message = format!(
                    "waits for ever at barrier {}: {came} threads came of {} in the block, {exited} \
                     have exited",
                    parked.barrier, self.context.threads
                );
                let line = code[parked.at - 1].line;
                (parked.lanes.trailing_zeros(), line, message)
            };
            let mut trap = Trap::check(lane, message);
            trap.line = Some(line);
            return Err(self.fault(at, &trap, position));
        }
        Ok(())
    }

    fn fault(&self, warp: usize, trap: &Trap, position: [u32; 3]) -> Fault {
        let launch = self.context.launch;
        let code = &launch.program.code;
        let at = self.warps[warp].at.min(code.len() - 1);
        let line = trap.line.unwrap_or(code[at].line);
        let [bx, by, bz] = position;
        let name = &launch.program.name;
        let thread = match trap.lane {
            Some(lane) => {
                let thread = warp as u32 * 32 + lane;
                let [x, y, _] = launch.threads;
                let (tx, ty, tz) = (thread % x, thread / x % y, thread / (x * y));
                format!("thread ({tx}, {ty}, {tz})")
            }
            None => format!("warp {warp}"),
        };
        let message = &trap.message;
        Fault {
            kind: trap.kind,
            message: format!(
                "kernel {name}, block ({bx}, {by}, {bz}), {thread}, line {line}: {message}"
            ),
        }
    }
}
