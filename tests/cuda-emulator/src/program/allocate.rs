//! Fewer registers: compilers give every value one of its own, and thousands of them times 32 lanes fill
//! the caches. Values that are never needed at once share one here, by a linear scan over the code.
//!
//! Each lane has its own column of a register and follows the control flow by itself, so what holds for a
//! single thread holds for all.

use super::operands::{File, Role, visit};
use super::{Index, Instruction, Program, flow};

/// Renumbers the words and longs of `program`.
pub(super) fn allocate(program: &mut Program) {
    let words: Vec<Index> = (program.word_constants.iter().map(|(index, _)| *index))
        .chain(program.specials.iter().map(|(index, _)| *index))
        .collect();
    let longs: Vec<Index> = program
        .long_constants
        .iter()
        .map(|(index, _)| *index)
        .collect();
    let (words, word_count) = assign(program, File::Word, program.words, &words);
    let (longs, long_count) = assign(program, File::Long, program.longs, &longs);
    for instruction in &mut program.code {
        visit(&mut instruction.op, &mut |file, _, index| {
            *index = match file {
                File::Word => words[*index as usize],
                File::Long => longs[*index as usize],
            };
        });
    }
    let constants = program.word_constants.iter_mut().map(|(index, _)| index);
    let specials = program.specials.iter_mut().map(|(index, _)| index);
    for index in constants.chain(specials) {
        *index = words[*index as usize];
    }
    for (index, _) in &mut program.long_constants {
        *index = longs[*index as usize];
    }
    (program.words, program.longs) = (word_count, long_count);
}

/// Straight code, and where it goes on.
struct Piece {
    range: std::ops::Range<usize>,
    next: Vec<usize>,
    /// Registers that are needed at its start and at its end.
    entry: Vec<u64>,
    exit: Vec<u64>,
}

/// New numbers for the registers of a file, and how many there are. `pinned` keep one of their own.
fn assign(
    program: &mut Program,
    file: File,
    count: usize,
    pinned: &[Index],
) -> (Vec<Index>, usize) {
    let pieces = pieces(&mut program.code, file, count);
    // Reading is at an even point, writing at the odd one after it.
    let mut spans: Vec<Option<(usize, usize)>> = vec![None; count];
    let mut touch = |register: usize, at: usize| {
        let span = spans[register].get_or_insert((at, at));
        *span = (span.0.min(at), span.1.max(at));
    };
    for piece in &pieces {
        for register in 0..count {
            if get(&piece.entry, register) {
                touch(register, 2 * piece.range.start);
            }
            if get(&piece.exit, register) {
                touch(register, 2 * piece.range.end - 1);
            }
        }
        for at in piece.range.clone() {
            visit(&mut program.code[at].op, &mut |found, role, index| {
                if found == file {
                    touch(*index as usize, 2 * at + usize::from(role == Role::Write));
                }
            });
        }
    }
    let mut numbers = vec![0; count];
    for (number, register) in pinned.iter().enumerate() {
        numbers[*register as usize] = number as Index;
        spans[*register as usize] = None;
    }
    let mut order: Vec<(usize, usize, usize)> = (spans.iter().enumerate())
        .filter_map(|(register, span)| span.map(|(first, last)| (first, last, register)))
        .collect();
    order.sort_unstable();
    // For each new number, when it is last needed.
    let mut busy: Vec<usize> = Vec::new();
    for (first, last, register) in order {
        let free = busy.iter().position(|until| *until < first);
        let number = free.unwrap_or(busy.len());
        match free {
            Some(free) => busy[free] = last,
            None => busy.push(last),
        }
        numbers[register] = (pinned.len() + number) as Index;
    }
    (numbers, pinned.len() + busy.len())
}

/// The pieces of the code with what they need.
fn pieces(code: &mut [Instruction], file: File, count: usize) -> Vec<Piece> {
    let words = count.div_ceil(64);
    let mut pieces: Vec<Piece> = (flow::pieces(code).into_iter())
        .map(|piece| Piece {
            range: piece.range,
            next: piece.next,
            entry: vec![0; words],
            exit: vec![0; words],
        })
        .collect();
    loop {
        let mut changed = false;
        for number in (0..pieces.len()).rev() {
            let mut live = vec![0u64; words];
            for next in &pieces[number].next {
                for (live, entry) in live.iter_mut().zip(&pieces[*next].entry) {
                    *live |= entry;
                }
            }
            pieces[number].exit.clone_from(&live);
            for at in pieces[number].range.clone().rev() {
                backwards(&mut code[at], file, &mut live);
            }
            changed |= pieces[number].entry != live;
            pieces[number].entry = live;
        }
        if !changed {
            return pieces;
        }
    }
}

/// What is needed before an instruction, from what is needed after it. A write that a predicate guards
/// leaves the old value in some lanes.
fn backwards(instruction: &mut Instruction, file: File, live: &mut [u64]) {
    let guarded = instruction.guard.is_some();
    for role in [Role::Write, Role::Read] {
        visit(&mut instruction.op, &mut |found, found_role, index| {
            if found != file || found_role != role {
                return;
            }
            let (word, bit) = (*index as usize / 64, 1 << (*index % 64));
            match role {
                Role::Read => live[word] |= bit,
                Role::Write if !guarded => live[word] &= !bit,
                Role::Write => {}
            }
        });
    }
}

fn get(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}
