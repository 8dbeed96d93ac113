//! The arena in two: the words that a step writes and all others.

use std::ops::Range;

/// The words of the arena that a step does not write.
#[derive(Clone, Copy)]
pub struct Rest<'a> {
    before: &'a [u32],
    after: &'a [u32],
    end: usize,
}

/// The words of `output`, and the rest.
pub fn split(arena: &mut [u32], output: Range<usize>) -> (&mut [u32], Rest<'_>) {
    let (before, after) = arena.split_at_mut(output.start);
    let (out, after) = after.split_at_mut(output.len());
    let end = output.end;
    (out, Rest { before, after, end })
}

impl<'a> Rest<'a> {
    /// `count` words from `offset` on, all of them on one side of the output.
    pub fn words(&self, offset: usize, count: usize) -> &'a [u32] {
        match offset.checked_sub(self.end) {
            Some(offset) => &self.after[offset..][..count],
            None => &self.before[offset..][..count],
        }
    }
}
