//! `cp.async`: the bytes move when the thread waits for them, and not before.

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

impl Context<'_> {
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
            warp.copies.push(Pending {
                lane,
                group: warp.commits[at],
                to,
                from,
                bytes: copy.bytes,
                read,
                line,
            });
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
        let pending = std::mem::take(&mut warp.copies);
        for copy in pending {
            let commits = warp.commits[copy.lane as usize];
            let waits = match left {
                None => true,
                Some(left) => copy.group < commits.saturating_sub(left),
            };
            if lanes >> copy.lane & 1 == 0 || !waits {
                warp.copies.push(copy);
                continue;
            }
            let mut bytes = [0; 16];
            if copy.read > 0 {
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
