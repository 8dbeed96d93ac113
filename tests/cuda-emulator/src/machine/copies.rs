//! `cp.async`: the bytes move when the thread waits for them, and not before. On a card they may move at
//! any time until then, so that nobody may write what they are copied from.

use std::ops::Range;

use super::block::Context;
use super::warp::Warp;
use super::{Kind, Step, Trap};
use crate::program::{Copy, LANES};

/// A copy on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    lane: u32,
    /// The group it belongs to, by the number of groups that the lane committed before.
    group: u32,
    to: u32,
    from: u64,
    bytes: u32,
    read: u32,
    line: u32,
}

/// The copies of a block on their way.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Those of each warp.
    warps: Vec<Vec<Pending>>,
    /// How many there are that read, and a range of addresses that holds all they read.
    count: usize,
    sources: Range<u64>,
}

impl Copies {
    /// Starts a block of `warps`.
    pub(super) fn reset(&mut self, warps: usize) {
        self.warps.iter_mut().for_each(Vec::clear);
        self.warps.resize_with(warps, Vec::new);
        self.count = 0;
    }

    fn begin(&mut self, warp: u32, copy: Pending) {
        if copy.read > 0 {
            let (start, end) = (copy.from, copy.from + u64::from(copy.read));
            self.sources = match self.count {
                0 => start..end,
                _ => self.sources.start.min(start)..self.sources.end.max(end),
            };
            self.count += 1;
        }
        self.warps[warp as usize].push(copy);
    }
}

impl Context<'_> {
    /// Checks that no copy of the block that is on its way reads what `lane` writes.
    pub(super) fn not_copied(&self, address: u64, bytes: u32, lane: u32) -> Step<()> {
        let copies = &self.copies;
        let end = address + u64::from(bytes);
        if copies.count == 0 || address >= copies.sources.end || end <= copies.sources.start {
            return Ok(());
        }
        for (warp, copies) in copies.warps.iter().enumerate() {
            let reads =
                |copy: &&Pending| copy.from < end && address < copy.from + u64::from(copy.read);
            if let Some(copy) = copies.iter().find(reads) {
                let (thread, line) = (warp as u32 * 32 + copy.lane, copy.line);
                let message = format!(
                    "writes global memory at {address:#x} that a cp.async (thread {thread}, line {line}) \
                     may still be reading"
                );
                return Err(Trap::check(lane, message));
            }
        }
        Ok(())
    }

    /// Begins the copies of `lanes`.
    pub(super) fn copy_async(
        &mut self,
        warp: &mut Warp,
        copy: &Copy,
        lanes: u32,
        line: u32,
    ) -> Step<()> {
        let (mut sources, mut offsets) = ([0; LANES], [0; LANES]);
        let mut count = 0;
        let mut near = None;
        for lane in (0..32).filter(|lane| lanes >> lane & 1 == 1) {
            let at = lane as usize;
            let to = self.shared_offset(warp, copy.to, lane, copy.bytes)?;
            let from = address(warp, copy.from, lane);
            let read = copy.read.map_or(copy.bytes, |r| warp.words[r as usize][at]);
            if read > copy.bytes {
                let message = format!("cp.async of {} bytes is to read {read}", copy.bytes);
                return Err(Trap::check(lane, message));
            }
            if !from.is_multiple_of(copy.bytes.into()) {
                let message = format!(
                    "cp.async of {} bytes from {from:#x}, which is not a multiple of its size",
                    copy.bytes
                );
                return Err(Trap::new(Kind::Misaligned, lane, message));
            }
            if read > 0 {
                near = Some(self.near(near, from, read, lane, "cp.async reads")?);
                self.note_global(from, read, lane, false, false)?;
                (sources[count], offsets[count]) = (from, to);
                count += 1;
            }
            let who = self.barriers.who(warp, lane, line);
            self.shadow
                .begin_copy(to, copy.bytes, &who)
                .map_err(|e| Trap::check(lane, format!("{e} (shared address {to:#x})")))?;
            let copy = Pending {
                lane,
                group: warp.commits[at],
                to,
                from,
                bytes: copy.bytes,
                read,
                line,
            };
            self.copies.begin(warp.index, copy);
        }
        self.count_global(&sources[..count], copy.bytes);
        self.count_shared(&offsets[..count], copy.bytes);
        Ok(())
    }

    /// Ends the group of each of `lanes`.
    pub(super) fn copy_commit(&mut self, warp: &mut Warp, lanes: u32) {
        for lane in (0..LANES).filter(|lane| lanes >> lane & 1 == 1) {
            warp.commits[lane] += 1;
        }
    }

    /// `lanes` wait until at most `left` of their groups are on their way, or for everything.
    pub(super) fn copy_wait(&mut self, warp: &mut Warp, lanes: u32, left: Option<u32>) -> Step<()> {
        let mut near = None;
        let index = warp.index as usize;
        let pending = std::mem::take(&mut self.copies.warps[index]);
        for copy in pending {
            let commits = warp.commits[copy.lane as usize];
            let waits = match left {
                None => true,
                Some(left) => copy.group < commits.saturating_sub(left),
            };
            if lanes >> copy.lane & 1 == 0 || !waits {
                self.copies.warps[index].push(copy);
                continue;
            }
            let mut bytes = [0; 16];
            if copy.read > 0 {
                self.copies.count -= 1;
                let (from, read) = (copy.from, copy.read);
                let found = self.near(near, from, read, copy.lane, "cp.async reads")?;
                near = Some(found);
                if read == 16 {
                    bytes = found.load(from, read).to_le_bytes();
                } else {
                    found.read(from, &mut bytes[..read as usize]);
                }
            }
            let (at, length) = (copy.to as usize, copy.bytes as usize);
            self.shared[at..at + length].copy_from_slice(&bytes[..length]);
            let who = self.barriers.who(warp, copy.lane, copy.line);
            self.shadow.end_copy(copy.to, copy.bytes, &who);
        }
        Ok(())
    }
}

/// The address of `lane`.
pub(super) fn address(warp: &Warp, address: crate::program::Address, lane: u32) -> u64 {
    warp.lane(address.base, lane as usize)
        .wrapping_add_signed(address.offset)
}
