//! Which registers an operation reads and writes.

use super::{Address, Index, Op, Reduction, Slot};

/// A register file with 32 values a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Word,
    Long,
}

/// What happens to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Read,
    Write,
}

use File::{Long, Word};
use Role::{Read, Write};

/// Calls `f` with every word and long of `op`.
pub(super) fn visit(op: &mut Op, f: &mut dyn FnMut(File, Role, &mut Index)) {
    match op {
        Op::Word1(_, [d, rest @ ..]) => file(f, Word, d, Word, rest),
        Op::Word2(_, [d, rest @ ..]) => file(f, Word, d, Word, rest),
        Op::Word3(_, [d, rest @ ..]) | Op::Lop3([d, rest @ ..], _) => {
            file(f, Word, d, Word, rest);
        }
        Op::Word4(_, [d, rest @ ..]) => file(f, Word, d, Word, rest),
        Op::WordBy(_, [d, rest @ ..], _) => file(f, Word, d, Word, rest),
        Op::Permute([d, rest @ ..], _) => file(f, Word, d, Word, rest),
        Op::Long1(_, [d, rest @ ..]) => file(f, Long, d, Long, rest),
        Op::Long2(_, [d, rest @ ..]) => file(f, Long, d, Long, rest),
        Op::Long3(_, [d, rest @ ..]) => file(f, Long, d, Long, rest),
        Op::LongBy(_, [d, rest @ ..], _) => file(f, Long, d, Long, rest),
        Op::LongWord(_, [d, a, rest @ ..]) => {
            f(Long, Read, a);
            file(f, Long, d, Word, rest);
        }
        Op::LongWord2(_, [d, a, rest @ ..]) => {
            f(Long, Read, a);
            file(f, Long, d, Word, rest);
        }
        Op::Long2Word2(_, [d, a, b, rest @ ..]) => {
            f(Long, Read, a);
            f(Long, Read, b);
            file(f, Long, d, Word, rest);
        }
        Op::Widen1(_, [d, rest @ ..]) => file(f, Long, d, Word, rest),
        Op::Widen2(_, [d, rest @ ..]) => file(f, Long, d, Word, rest),
        Op::Widen3(_, [d, a, b, c]) => {
            f(Long, Read, c);
            f(Word, Read, a);
            file(f, Long, d, Word, std::slice::from_mut(b));
        }
        Op::Narrow1(_, [d, rest @ ..]) => file(f, Word, d, Long, rest),
        Op::Clamp { d, a, .. } => {
            slot(f, Read, a);
            slot(f, Write, d);
        }
        Op::Carry { d, a, b, .. } => {
            slot(f, Read, a);
            slot(f, Read, b);
            slot(f, Write, d);
        }
        Op::CompareWord(_, sources, _) => sources.iter_mut().for_each(|a| f(Word, Read, a)),
        Op::CompareLong(_, sources, _) => sources.iter_mut().for_each(|a| f(Long, Read, a)),
        Op::FromPredicate(d, ..) => f(Word, Write, d),
        Op::SelectWord([d, a, b, _]) => {
            f(Word, Read, a);
            file(f, Word, d, Word, std::slice::from_mut(b));
        }
        Op::SelectLong([d, a, b, _]) => {
            f(Long, Read, a);
            file(f, Long, d, Long, std::slice::from_mut(b));
        }
        Op::Parameter { registers, .. } => slots(f, Write, registers),
        Op::Load(access) => {
            address(f, &mut access.address);
            slots(f, Write, &mut access.registers);
        }
        Op::Store(access) => {
            address(f, &mut access.address);
            slots(f, Read, &mut access.registers);
        }
        Op::Update(update) => {
            address(f, &mut update.address);
            slot(f, Read, &mut update.operand);
            update
                .second
                .iter_mut()
                .for_each(|second| slot(f, Read, second));
            update
                .result
                .iter_mut()
                .for_each(|result| slot(f, Write, result));
        }
        Op::CopyAsync(copy) => {
            address(f, &mut copy.to);
            address(f, &mut copy.from);
            copy.read.iter_mut().for_each(|read| f(Word, Read, read));
        }
        Op::Matrices(load) => {
            address(f, &mut load.address);
            load.registers.iter_mut().for_each(|d| f(Word, Write, d));
        }
        Op::Product(product) => {
            let sources = product.a.iter_mut().chain(&mut product.b);
            sources.chain(&mut product.c).for_each(|a| f(Word, Read, a));
            product.d.iter_mut().for_each(|d| f(Word, Write, d));
        }
        Op::BranchTable(index, _) | Op::WarpBarrier(index) => f(Word, Read, index),
        Op::Barrier(barrier) => {
            f(Word, Read, &mut barrier.id);
            barrier
                .threads
                .iter_mut()
                .for_each(|threads| f(Word, Read, threads));
            if let Reduction::Count(d) = &mut barrier.reduction {
                f(Word, Write, d);
            }
        }
        Op::Shuffle(shuffle) => {
            let sources = [&mut shuffle.a, &mut shuffle.b, &mut shuffle.c];
            sources.into_iter().for_each(|a| f(Word, Read, a));
            f(Word, Read, &mut shuffle.members);
            f(Word, Write, &mut shuffle.d);
        }
        Op::Vote {
            ballot, d, members, ..
        } => {
            f(Word, Read, members);
            if *ballot == super::Ballot::Which {
                f(Word, Write, d);
            }
        }
        Op::Match { d, a, members, .. } => {
            slot(f, Read, a);
            f(Word, Read, members);
            f(Word, Write, d);
        }
        Op::Reduce { d, a, members, .. } => {
            f(Word, Read, a);
            f(Word, Read, members);
            f(Word, Write, d);
        }
        Op::ActiveMask(d) => f(Word, Write, d),
        Op::Nop
        | Op::Predicates(..)
        | Op::CopyCommit
        | Op::CopyWait(_)
        | Op::CopyWaitAll
        | Op::Branch(_)
        | Op::Exit
        | Op::Trap => {}
    }
}

/// Sources of one file and a result of one.
fn file(
    f: &mut dyn FnMut(File, Role, &mut Index),
    result: File,
    d: &mut Index,
    source: File,
    sources: &mut [Index],
) {
    sources.iter_mut().for_each(|a| f(source, Read, a));
    f(result, Write, d);
}

fn slot(f: &mut dyn FnMut(File, Role, &mut Index), role: Role, slot: &mut Slot) {
    match slot {
        Slot::Half(index) | Slot::Word(index) => f(Word, role, index),
        Slot::Long(index) => f(Long, role, index),
        Slot::Predicate(_) => {}
    }
}

fn slots(f: &mut dyn FnMut(File, Role, &mut Index), role: Role, slots: &mut [Option<Slot>]) {
    for found in slots.iter_mut().flatten() {
        slot(f, role, found);
    }
}

fn address(f: &mut dyn FnMut(File, Role, &mut Index), address: &mut Address) {
    slot(f, Read, &mut address.base);
}
