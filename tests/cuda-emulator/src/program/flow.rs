//! Where control goes, and where lanes that part at a branch meet again.

use std::ops::Range;

use super::{Instruction, Op};

/// Straight code, and the pieces that it goes on with; none where the kernel ends.
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    pub(super) next: Vec<usize>,
}

/// The pieces of the code in their order.
pub(super) fn pieces(code: &[Instruction]) -> Vec<Piece> {
    let mut starts = vec![false; code.len() + 1];
    starts[0] = true;
    for (at, instruction) in code.iter().enumerate() {
        let targets = targets(&instruction.op);
        for target in &targets {
            starts[*target as usize] = true;
        }
        if !targets.is_empty() || matches!(instruction.op, Op::Exit | Op::Trap) {
            starts[at + 1] = true;
        }
    }
    let starts: Vec<usize> = (0..code.len()).filter(|at| starts[*at]).collect();
    let piece_at = |at: usize| starts.binary_search(&at).ok();
    (starts.iter().enumerate())
        .map(|(number, start)| {
            let end = starts.get(number + 1).copied().unwrap_or(code.len());
            let last = &code[end - 1];
            let mut next: Vec<usize> = (targets(&last.op).iter())
                .filter_map(|target| piece_at(*target as usize))
                .collect();
            let leaves = matches!(
                last.op,
                Op::Exit | Op::Trap | Op::Branch(_) | Op::BranchTable(..)
            );
            if !leaves || last.guard.is_some() {
                next.extend(piece_at(end));
            }
            Piece {
                range: *start..end,
                next,
            }
        })
        .collect()
}

fn targets(op: &Op) -> Vec<u32> {
    match op {
        Op::Branch(target) => vec![*target],
        Op::BranchTable(_, targets) => targets.clone(),
        _ => Vec::new(),
    }
}

/// For each instruction, where lanes that part at it meet again: where all ways from it to the end first
/// come together, which compilers have them wait at; past the code if nowhere. A guarded `exit` is no way.
pub(super) fn meetings(code: &[Instruction]) -> Vec<usize> {
    let pieces = pieces(code);
    let mut meetings = vec![code.len(); code.len()];
    for (piece, meets) in pieces.iter().zip(post_dominators(&pieces)) {
        if piece.next.len() < 2 {
            continue;
        }
        if let Some(meets) = meets.and_then(|meets| pieces.get(meets)) {
            meetings[piece.range.end - 1] = meets.range.start;
        }
    }
    meetings
}

/// The immediate post-dominator of each piece, which is the number of pieces for the end; none where the
/// end is never reached. Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm", backwards.
fn post_dominators(pieces: &[Piece]) -> Vec<Option<usize>> {
    let end = pieces.len();
    let mut before = vec![Vec::new(); end + 1];
    for (at, piece) in pieces.iter().enumerate() {
        for next in &piece.next {
            before[*next].push(at);
        }
        if piece.next.is_empty() {
            before[end].push(at);
        }
    }
    // How late each piece is left by a search from the end.
    let mut rank = vec![0; end + 1];
    let mut order = Vec::new();
    let mut found = vec![false; end + 1];
    found[end] = true;
    let mut path = vec![(end, 0)];
    while let Some((at, tried)) = path.pop() {
        if let Some(from) = before[at].get(tried) {
            path.push((at, tried + 1));
            if !found[*from] {
                found[*from] = true;
                path.push((*from, 0));
            }
        } else {
            rank[at] = order.len();
            order.push(at);
        }
    }
    let mut meets = vec![None; end + 1];
    meets[end] = Some(end);
    loop {
        let mut changed = false;
        for at in order.iter().rev().copied().filter(|at| *at != end) {
            let last = [end];
            let next = match pieces[at].next.as_slice() {
                [] => last.as_slice(),
                next => next,
            };
            let known = next.iter().copied().filter(|next| meets[*next].is_some());
            let common = known.reduce(|mut a, mut b| {
                while a != b {
                    let late = if rank[a] < rank[b] { &mut a } else { &mut b };
                    *late = meets[*late].unwrap_or(end);
                }
                a
            });
            changed |= meets[at] != common;
            meets[at] = common;
        }
        if !changed {
            meets.truncate(end);
            return meets;
        }
    }
}
