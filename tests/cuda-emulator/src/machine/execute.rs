//! The loop that executes a warp's instructions.

use super::block::Context;
use super::warp::Warp;
use super::{Kind, Step, Trap};
use crate::program::{Combine, LANES, Op, Outcome, Slot};
use crate::ptx::Type;

impl Context<'_> {
    /// Runs `warp`, whose lanes were picked, until all of them wait or have exited.
    pub(super) fn run(&mut self, warp: &mut Warp) -> Step<()> {
        self.barrier_results(warp);
        let code = &self.launch.program.code;
        loop {
            if (warp.at >= warp.next || warp.active == 0) && !warp.pick() {
                return Ok(());
            }
            let instruction = &code[warp.at];
            if instruction.meets {
                warp.meet();
            }
            let lanes = match instruction.guard {
                None => warp.active,
                Some((p, flip)) => warp.active & (warp.predicates[p as usize] ^ flip),
            };
            self.counts[instruction.class as usize] += 1;
            if let Op::Branch(target) = instruction.op {
                let meets = self.launch.program.meetings[warp.at];
                warp.branch(target as usize, lanes, meets);
                continue;
            }
            if lanes != 0 && self.step(warp, &instruction.op, lanes, instruction.line)? {
                // Who waited at a barrier must go on before anyone comes to it again.
                if !self.barriers.released.is_empty() {
                    return Ok(());
                }
                continue;
            }
            warp.at += 1;
        }
    }

    /// Executes one operation. Whether it has moved the warp itself.
    #[inline]
    fn step(&mut self, warp: &mut Warp, op: &Op, lanes: u32, line: u32) -> Step<bool> {
        macro_rules! w {
            ($index:expr) => {
                &warp.words[$index as usize]
            };
        }
        macro_rules! l {
            ($index:expr) => {
                &warp.longs[$index as usize]
            };
        }
        match op {
            Op::Nop => {}
            Op::Word1(f, [d, a]) => warp.set_word(*d, lanes, &f(w!(*a))),
            Op::Word2(f, [d, a, b]) => warp.set_word(*d, lanes, &f(w!(*a), w!(*b))),
            Op::Word3(f, [d, a, b, c]) => {
                warp.set_word(*d, lanes, &f(w!(*a), w!(*b), w!(*c)));
            }
            Op::Word4(f, [d, a, b, c, e]) => {
                warp.set_word(*d, lanes, &f(w!(*a), w!(*b), w!(*c), w!(*e)));
            }
            Op::WordBy(f, [d, a], n) => warp.set_word(*d, lanes, &f(w!(*a), *n)),
            Op::Lop3([d, a, b, c], table) => {
                let out = lop3(w!(*a), w!(*b), w!(*c), *table);
                warp.set_word(*d, lanes, &out);
            }
            Op::Permute([d, a, b], selector) => {
                let out = permute(w!(*a), w!(*b), *selector);
                warp.set_word(*d, lanes, &out);
            }
            Op::Long1(f, [d, a]) => warp.set_long(*d, lanes, &f(l!(*a))),
            Op::Long2(f, [d, a, b]) => warp.set_long(*d, lanes, &f(l!(*a), l!(*b))),
            Op::Long3(f, [d, a, b, c]) => {
                warp.set_long(*d, lanes, &f(l!(*a), l!(*b), l!(*c)));
            }
            Op::LongBy(f, [d, a], n) => warp.set_long(*d, lanes, &f(l!(*a), *n)),
            Op::LongWord(f, [d, a, b]) => warp.set_long(*d, lanes, &f(l!(*a), w!(*b))),
            Op::LongWord2(f, [d, a, b, c]) => {
                warp.set_long(*d, lanes, &f(l!(*a), w!(*b), w!(*c)));
            }
            Op::Long2Word2(f, [d, a, b, c, e]) => {
                warp.set_long(*d, lanes, &f(l!(*a), l!(*b), w!(*c), w!(*e)));
            }
            Op::Widen1(f, [d, a]) => warp.set_long(*d, lanes, &f(w!(*a))),
            Op::Widen2(f, [d, a, b]) => warp.set_long(*d, lanes, &f(w!(*a), w!(*b))),
            Op::Widen3(f, [d, a, b, c]) => {
                warp.set_long(*d, lanes, &f(w!(*a), w!(*b), l!(*c)));
            }
            Op::Narrow1(f, [d, a]) => warp.set_word(*d, lanes, &f(l!(*a))),
            Op::Clamp { d, a, from, to } => {
                for lane in (0..LANES).filter(|lane| lanes >> lane & 1 == 1) {
                    let value = clamp(warp.lane(*a, lane), *from, *to);
                    warp.set_lane(*d, lane, value);
                }
            }
            Op::Carry { .. } => self.carry(warp, op, lanes),
            Op::CompareWord(f, [a, b], outcome) => {
                let holds = f(w!(*a), w!(*b));
                decide(warp, outcome, holds, lanes);
            }
            Op::CompareLong(f, [a, b], outcome) => {
                let holds = f(l!(*a), l!(*b));
                decide(warp, outcome, holds, lanes);
            }
            Op::FromPredicate(d, p, value) => {
                let holds = warp.predicates[*p as usize];
                let out = std::array::from_fn(|lane| value & (holds >> lane & 1).wrapping_neg());
                warp.set_word(*d, lanes, &out);
            }
            Op::SelectWord([d, a, b, p]) => {
                let holds = warp.predicates[*p as usize];
                let (a, b) = (w!(*a), w!(*b));
                let out = std::array::from_fn(|lane| {
                    let keep = (holds >> lane & 1).wrapping_sub(1);
                    a[lane] & !keep | b[lane] & keep
                });
                warp.set_word(*d, lanes, &out);
            }
            Op::SelectLong([d, a, b, p]) => {
                let holds = warp.predicates[*p as usize];
                let (a, b) = (l!(*a), l!(*b));
                let out = std::array::from_fn(|lane| {
                    let keep = u64::from(holds >> lane & 1).wrapping_sub(1);
                    a[lane] & !keep | b[lane] & keep
                });
                warp.set_long(*d, lanes, &out);
            }
            Op::Predicates(f, [d, a, b]) => {
                let value = f(warp.predicates[*a as usize], warp.predicates[*b as usize]);
                warp.set_predicate(*d, lanes, value);
            }
            Op::Parameter {
                offset,
                kind,
                registers,
            } => {
                let each = kind.bytes();
                for (at, slot) in registers.iter().enumerate() {
                    let start = (offset + each * at as u32) as usize;
                    self.parameter(warp, start, *kind, *slot, lanes)?;
                }
            }
            Op::Load(access) => self.load(warp, access, lanes, line)?,
            Op::Store(access) => self.store(warp, access, lanes, line)?,
            Op::Update(update) => self.update(warp, update, lanes, line)?,
            Op::CopyAsync(copy) => self.copy_async(warp, copy, lanes, line)?,
            Op::CopyCommit => self.copy_commit(warp, lanes),
            Op::CopyWait(left) => self.copy_wait(warp, lanes, Some(*left))?,
            Op::CopyWaitAll => self.copy_wait(warp, lanes, None)?,
            Op::Matrices(load) => {
                if !self.whole(warp, lanes)? {
                    return Ok(true);
                }
                self.matrices(warp, load, line)?;
            }
            Op::Product(product) => {
                if !self.whole(warp, lanes)? {
                    return Ok(true);
                }
                self.product(warp, product);
            }
            // `run` takes it before it comes here, as it also matters where no lane takes it.
            Op::Branch(_) => {}
            Op::BranchTable(index, targets) => {
                self.branch_table(warp, *index, targets, lanes)?;
                return Ok(true);
            }
            Op::Exit => {
                warp.live &= !lanes;
                warp.active &= !lanes;
                warp.at += 1;
                return Ok(true);
            }
            Op::Trap => {
                let message = "the kernel executed trap".into();
                return Err(Trap::check(lanes.trailing_zeros(), message));
            }
            Op::Barrier(barrier) => {
                self.barrier(warp, barrier, lanes)?;
                return Ok(true);
            }
            Op::WarpBarrier(members) => {
                if self.members(warp, *members, lanes)?.is_none() {
                    return Ok(true);
                }
                warp.order.meet(lanes, lanes);
            }
            Op::Shuffle(shuffle) => {
                if self.members(warp, shuffle.members, lanes)?.is_none() {
                    return Ok(true);
                }
                self.shuffle(warp, shuffle, lanes)?;
            }
            Op::Vote {
                ballot,
                d,
                a,
                members,
            } => {
                if self.members(warp, *members, lanes)?.is_none() {
                    return Ok(true);
                }
                self.vote(warp, *ballot, *d, *a, lanes);
            }
            Op::Match {
                all,
                d,
                p,
                a,
                members,
            } => {
                if self.members(warp, *members, lanes)?.is_none() {
                    return Ok(true);
                }
                self.matches(warp, *all, *d, *p, *a, lanes);
            }
            Op::Reduce { f, d, a, members } => {
                if self.members(warp, *members, lanes)?.is_none() {
                    return Ok(true);
                }
                self.reduce(warp, *f, *d, *a, lanes);
            }
            Op::ActiveMask(d) => warp.set_word(*d, lanes, &[lanes; LANES]),
        }
        Ok(false)
    }

    /// Reads a parameter whose place is known into all lanes.
    fn parameter(
        &self,
        warp: &mut Warp,
        start: usize,
        kind: Type,
        slot: Option<Slot>,
        lanes: u32,
    ) -> Step<()> {
        let end = start + kind.bytes() as usize;
        let Some(bytes) = self.launch.parameters.get(start..end) else {
            let size = self.launch.parameters.len();
            let message = format!("reads parameter bytes {start}..{end} of {size}");
            return Err(Trap::new(Kind::Address, lanes.trailing_zeros(), message));
        };
        let mut value = [0; 8];
        value[..bytes.len()].copy_from_slice(bytes);
        let value = super::access::extend(u64::from_le_bytes(value), kind);
        match slot {
            None | Some(Slot::Predicate(_)) => {}
            Some(Slot::Half(d)) => warp.set_word(d, lanes, &[value as u32 & 0xffff; LANES]),
            Some(Slot::Word(d)) => warp.set_word(d, lanes, &[value as u32; LANES]),
            Some(Slot::Long(d)) => warp.set_long(d, lanes, &[value; LANES]),
        }
        Ok(())
    }

    /// `add.cc`, `addc`, `sub.cc`, `subc`: a carry of a subtraction is a borrow.
    fn carry(&mut self, warp: &mut Warp, op: &Op, lanes: u32) {
        let Op::Carry {
            d,
            a,
            b,
            subtract,
            carry_in,
            carry_out,
        } = op
        else {
            return;
        };
        let index = self.launch.program.carry;
        let mut carries = warp.predicates[index as usize];
        let bits = if matches!(d, Slot::Long(_)) { 64 } else { 32 };
        for lane in (0..LANES).filter(|lane| lanes >> lane & 1 == 1) {
            let carry = i128::from(*carry_in && carries >> lane & 1 == 1);
            let (a, b) = (
                i128::from(warp.lane(*a, lane)),
                i128::from(warp.lane(*b, lane)),
            );
            let exact = if *subtract {
                a - b - carry
            } else {
                a + b + carry
            };
            warp.set_lane(*d, lane, exact as u64);
            let over = exact < 0 || exact >> bits != 0;
            carries = carries & !(1 << lane) | u32::from(over) << lane;
        }
        if *carry_out {
            warp.set_predicate(index, lanes, carries);
        }
    }

    fn branch_table(
        &mut self,
        warp: &mut Warp,
        index: u32,
        targets: &[u32],
        lanes: u32,
    ) -> Step<()> {
        let indices = warp.words[index as usize];
        let at = warp.at;
        let meets = self.launch.program.meetings[at];
        warp.part(lanes, warp.active & !lanes, meets);
        warp.set_aside(at + 1, warp.active & !lanes, false);
        let mut left = lanes;
        while left != 0 {
            let first = left.trailing_zeros();
            let index = indices[first as usize];
            let Some(target) = targets.get(index as usize) else {
                let count = targets.len();
                let message = format!("branches to entry {index} of a table of {count}");
                return Err(Trap::check(first, message));
            };
            let same = (0..32).filter(|lane| left >> lane & 1 == 1);
            let same = same.filter(|lane| indices[*lane as usize] == index);
            let same = same.fold(0u32, |mask, lane| mask | 1 << lane);
            left &= !same;
            warp.part(same, left, meets);
            warp.set_aside(*target as usize, same, false);
        }
        Ok(())
    }
}

fn decide(warp: &mut Warp, outcome: &Outcome, holds: u32, lanes: u32) {
    let flip = if outcome.negated { u32::MAX } else { 0 };
    let with = warp.predicates[outcome.with as usize] ^ flip;
    let combine = |holds: u32| match outcome.combine {
        Combine::None => holds,
        Combine::And => holds & with,
        Combine::Or => holds | with,
        Combine::Xor => holds ^ with,
    };
    warp.set_predicate(outcome.p, lanes, combine(holds));
    if let Some(q) = outcome.q {
        warp.set_predicate(q, lanes, combine(!holds));
    }
}

/// Bit by bit, the entry of `table` that the bits of `a`, `b` and `c` name.
fn lop3(a: &[u32; LANES], b: &[u32; LANES], c: &[u32; LANES], table: u8) -> [u32; LANES] {
    let mut out = [0; LANES];
    for entry in (0..8).filter(|entry| table >> entry & 1 == 1) {
        let flip = |bit: u32| (entry >> bit & 1u32).wrapping_sub(1);
        for (lane, out) in out.iter_mut().enumerate() {
            *out |= (a[lane] ^ flip(2)) & (b[lane] ^ flip(1)) & (c[lane] ^ flip(0));
        }
    }
    out
}

/// `prmt` with a selector that all lanes share.
fn permute(a: &[u32; LANES], b: &[u32; LANES], selector: u32) -> [u32; LANES] {
    let mut out = [0; LANES];
    for at in 0..4 {
        let nibble = selector >> (4 * at) & 15;
        let from = if nibble & 4 == 0 { a } else { b };
        let shift = 8 * (nibble & 3);
        if nibble & 8 == 0 {
            for (out, from) in out.iter_mut().zip(from) {
                *out |= (from >> shift & 0xff) << (8 * at);
            }
        } else {
            for (out, from) in out.iter_mut().zip(from) {
                let sign = ((from << (24 - shift)) as i32 >> 31) as u32;
                *out |= (sign & 0xff) << (8 * at);
            }
        }
    }
    out
}

/// A value of type `from` clamped to the range of `to`, as a register holds it.
fn clamp(value: u64, from: Type, to: Type) -> u64 {
    let value = super::access::extend(value, from);
    let exact = if from.signed() {
        i128::from(value as i64)
    } else {
        i128::from(value)
    };
    let bits = to.bits();
    let (least, most) = if to.signed() {
        (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
    } else {
        (0, (1i128 << bits) - 1)
    };
    exact.clamp(least, most) as u64
}
