//! A warp: its registers, and which of its lanes are where.

use std::sync::Mutex;

use super::barrier::BARRIERS;
use super::order::Order;
use crate::program::{Index, LANES, LaneMask, Long, Program, Slot, Special, Word};

/// All lanes.
pub(super) const ALL: u32 = u32::MAX;

/// No instruction.
const NOWHERE: usize = usize::MAX;

/// Lanes that are at the same instruction but do not run now.
#[derive(Clone, Copy, Debug)]
struct Group {
    at: usize,
    lanes: u32,
    /// They wait for other lanes to come to the same instruction.
    stalled: bool,
}

/// Lanes that parted at branches and meet again at one place.
#[derive(Clone, Copy, Debug)]
struct Parting {
    meets: usize,
    /// The last of the branches.
    branch: usize,
    /// For each lane that has not come to that place, the lanes it parted from.
    from: [u32; LANES],
}

/// Lanes that wait at a barrier of the block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    /// Where they go on.
    pub(super) at: usize,
    pub(super) lanes: u32,
    pub(super) barrier: u32,
}

/// Warps of a kernel that run in no block now.
pub(crate) type Spare = Mutex<Vec<Warp>>;

/// A warp of 32 lanes.
#[derive(Debug, Default)]
pub(crate) struct Warp {
    pub(super) index: u32,
    pub(super) words: Vec<Word>,
    pub(super) longs: Vec<Long>,
    pub(super) predicates: Vec<u32>,
    pub(super) local: Vec<u8>,
    /// The instruction that the active lanes are at.
    pub(super) at: usize,
    pub(super) active: u32,
    /// Lanes that have not exited.
    pub(super) live: u32,
    /// The least instruction of a lane that is not active.
    pub(super) next: usize,
    groups: Vec<Group>,
    partings: Vec<Parting>,
    pub(super) parked: Vec<Parked>,
    /// Which lanes came to each barrier of the block that has not completed.
    came: [u32; BARRIERS],
    pub(super) order: Order,
    /// How many groups of copies each lane committed.
    pub(super) commits: [u32; LANES],
}

/// What the special registers of a block say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) block: [u32; 3],
    pub(super) blocks: [u32; 3],
    pub(super) threads: [u32; 3],
    pub(super) dynamic_shared: u32,
    pub(super) total_shared: u32,
}

impl Warp {
    /// A warp that holds the constants of `program`.
    pub(super) fn new(program: &Program) -> Self {
        let mut warp = Self {
            words: vec![[0; LANES]; program.words],
            longs: vec![[0; LANES]; program.longs],
            predicates: vec![0; program.predicates],
            local: vec![0; program.local as usize * LANES],
            ..Self::default()
        };
        for (index, value) in &program.word_constants {
            warp.words[*index as usize] = [*value; LANES];
        }
        for (index, value) in &program.long_constants {
            warp.longs[*index as usize] = [*value; LANES];
        }
        warp
    }

    /// Starts the warp in a block, as the one with this index.
    pub(super) fn start(&mut self, program: &Program, index: u32, position: &Position) {
        self.index = index;
        let threads = position.threads.iter().product::<u32>();
        let here = (threads - self.index * 32).min(32);
        self.at = 0;
        self.live = if here == 32 { ALL } else { (1 << here) - 1 };
        self.active = self.live;
        self.next = NOWHERE;
        self.groups.clear();
        self.partings.clear();
        self.parked.clear();
        self.came = [0; BARRIERS];
        self.order = Order::default();
        self.commits = [0; LANES];
        self.local.fill(0xcd);
        for (index, special) in &program.specials {
            self.words[*index as usize] = self.special(*special, position);
        }
    }

    fn special(&self, special: Special, position: &Position) -> Word {
        let [x, y, _] = position.threads;
        let thread = |lane: u32| self.index * 32 + lane;
        let lanes = |f: &dyn Fn(u32) -> u32| -> Word { std::array::from_fn(|lane| f(lane as u32)) };
        match special {
            Special::Thread(0) => lanes(&|lane| thread(lane) % x),
            Special::Thread(1) => lanes(&|lane| thread(lane) / x % y),
            Special::Thread(_) => lanes(&|lane| thread(lane) / (x * y)),
            Special::Threads(axis) => [position.threads[axis]; LANES],
            Special::Block(axis) => [position.block[axis]; LANES],
            Special::Blocks(axis) => [position.blocks[axis]; LANES],
            Special::Lane => lanes(&|lane| lane),
            Special::Warp => [self.index; LANES],
            Special::Warps => [position.threads.iter().product::<u32>().div_ceil(32); LANES],
            Special::LaneMask(mask) => lanes(&|lane| {
                let own = 1u32 << lane;
                match mask {
                    LaneMask::Equal => own,
                    LaneMask::Less => own - 1,
                    LaneMask::LessEqual => own | (own - 1),
                    LaneMask::Greater => !(own | (own - 1)),
                    LaneMask::GreaterEqual => !(own - 1),
                }
            }),
            Special::DynamicShared => [position.dynamic_shared; LANES],
            Special::TotalShared => [position.total_shared; LANES],
            Special::Fixed(value) => [value; LANES],
        }
    }

    /// Writes a word in the lanes of `mask`.
    #[inline]
    pub(super) fn set_word(&mut self, index: Index, mask: u32, value: &Word) {
        let register = &mut self.words[index as usize];
        if mask == ALL {
            *register = *value;
        } else {
            for (lane, (old, new)) in register.iter_mut().zip(value).enumerate() {
                let keep = (mask >> lane & 1).wrapping_sub(1);
                *old = *old & keep | *new & !keep;
            }
        }
    }

    /// Writes a long in the lanes of `mask`.
    #[inline]
    pub(super) fn set_long(&mut self, index: Index, mask: u32, value: &Long) {
        let register = &mut self.longs[index as usize];
        if mask == ALL {
            *register = *value;
        } else {
            for (lane, (old, new)) in register.iter_mut().zip(value).enumerate() {
                let keep = u64::from(mask >> lane & 1).wrapping_sub(1);
                *old = *old & keep | *new & !keep;
            }
        }
    }

    /// Writes a predicate in the lanes of `mask`.
    #[inline]
    pub(super) fn set_predicate(&mut self, index: Index, mask: u32, value: u32) {
        let register = &mut self.predicates[index as usize];
        *register = *register & !mask | value & mask;
    }

    /// Writes a value of up to 64 bits in one lane.
    pub(super) fn set_lane(&mut self, slot: Slot, lane: usize, value: u64) {
        match slot {
            Slot::Half(index) => self.words[index as usize][lane] = value as u32 & 0xffff,
            Slot::Word(index) => self.words[index as usize][lane] = value as u32,
            Slot::Long(index) => self.longs[index as usize][lane] = value,
            Slot::Predicate(_) => {}
        }
    }

    /// A value of up to 64 bits of one lane.
    pub(super) fn lane(&self, slot: Slot, lane: usize) -> u64 {
        match slot {
            Slot::Half(index) | Slot::Word(index) => self.words[index as usize][lane].into(),
            Slot::Long(index) => self.longs[index as usize][lane],
            Slot::Predicate(index) => (self.predicates[index as usize] >> lane & 1).into(),
        }
    }

    /// The active lanes go on at `taken` where `lanes` says so, the others at the next instruction. Those
    /// that part here meet again at `meets`.
    pub(super) fn branch(&mut self, taken: usize, lanes: u32, meets: usize) {
        if lanes == self.active {
            self.at = taken;
        } else if lanes == 0 {
            self.at += 1;
        } else {
            self.part(lanes, self.active & !lanes, meets);
            self.set_aside(self.at + 1, self.active & !lanes, false);
            self.at = taken;
            self.active = lanes;
        }
    }

    /// Lanes take two ways from here, which come together at `meets`.
    pub(super) fn part(&mut self, some: u32, others: u32, meets: usize) {
        if some == 0 || others == 0 {
            return;
        }
        let known = self.partings.iter().position(|p| p.meets == meets);
        let known = known.unwrap_or_else(|| {
            self.partings.push(Parting {
                meets,
                branch: self.at,
                from: [0; LANES],
            });
            self.partings.len() - 1
        });
        let parting = &mut self.partings[known];
        parting.branch = self.at;
        for (lane, from) in parting.from.iter_mut().enumerate() {
            if some >> lane & 1 == 1 {
                *from |= others;
            } else if others >> lane & 1 == 1 {
                *from |= some;
            }
        }
    }

    /// The active lanes are where lanes meet.
    pub(super) fn meet(&mut self) {
        if self.partings.is_empty() {
            return;
        }
        let (at, waits) = (self.at, self.live & !self.active);
        self.partings.retain_mut(|parting| {
            if parting.meets != at {
                return true;
            }
            for (lane, from) in parting.from.iter_mut().enumerate() {
                *from *= waits >> lane & 1;
            }
            parting.from.iter().any(|from| *from != 0)
        });
    }

    /// The branch at which one of the active lanes took another way than one that is elsewhere, if they
    /// were to meet only after this instruction.
    pub(super) fn parted(&self) -> Option<usize> {
        let elsewhere = self.live & !self.active;
        let apart = |lane: usize, from: &u32| self.active >> lane & 1 == 1 && from & elsewhere != 0;
        let apart =
            |p: &&Parting| (p.from.iter().enumerate()).any(|(lane, from)| apart(lane, from));
        self.partings.iter().find(apart).map(|p| p.branch)
    }

    /// `lanes` of the active ones stop being active and wait at `at`.
    pub(super) fn set_aside(&mut self, at: usize, lanes: u32, stalled: bool) {
        if lanes == 0 {
            return;
        }
        self.groups.push(Group { at, lanes, stalled });
        self.next = self.next.min(at);
        self.active &= !lanes;
    }

    /// `lanes` of the active ones come to a barrier. If it `waits`, they go on after it.
    pub(super) fn come(&mut self, lanes: u32, barrier: u32, waits: bool) {
        self.came[barrier as usize] |= lanes;
        if waits {
            self.parked.push(Parked {
                at: self.at + 1,
                lanes,
                barrier,
            });
            self.active &= !lanes;
        }
    }

    /// The lanes that wait at `barrier` go on.
    pub(super) fn release(&mut self, barrier: u32) {
        let groups = &mut self.groups;
        let mut waited = 0;
        self.parked.retain(|parked| {
            if parked.barrier == barrier {
                waited |= parked.lanes;
                groups.push(Group {
                    at: parked.at,
                    lanes: parked.lanes,
                    stalled: false,
                });
            }
            parked.barrier != barrier
        });
        let came = std::mem::take(&mut self.came[barrier as usize]);
        if waited != 0 {
            self.order.meet(came, waited);
        }
    }

    /// Makes the lanes at the least instruction the active ones, as those of structured code then come
    /// together again. Whether there are any that do not wait.
    pub(super) fn pick(&mut self) -> bool {
        if self.active != 0 {
            let (at, lanes) = (self.at, self.active);
            self.set_aside(at, lanes, false);
        }
        let ready = self.groups.iter().filter(|group| !group.stalled);
        let Some(at) = ready.map(|group| group.at).min() else {
            return false;
        };
        self.at = at;
        self.next = NOWHERE;
        let (active, next) = (&mut self.active, &mut self.next);
        self.groups.retain(|group| {
            if group.at == at {
                *active |= group.lanes;
            } else {
                *next = (*next).min(group.at);
            }
            group.at != at
        });
        true
    }

    /// Whether all live lanes of `members` are in `lanes`, and so can do something together. If not,
    /// `lanes` wait for them, and the other active lanes go on behind this instruction.
    pub(super) fn together(&mut self, lanes: u32, members: u32) -> bool {
        if members & self.live & !lanes == 0 {
            return true;
        }
        let (at, rest) = (self.at, self.active & !lanes);
        self.set_aside(at + 1, rest, false);
        self.set_aside(at, lanes, true);
        false
    }

    /// Lanes that wait for others of the warp, and where.
    pub(super) fn stalled(&self) -> Option<(usize, u32)> {
        let mut stalled = self.groups.iter().filter(|group| group.stalled);
        stalled.next().map(|group| (group.at, group.lanes))
    }
}
