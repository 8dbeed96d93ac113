//! Which accesses of a warp's lanes come before which. Only barriers order them: shuffles, votes and
//! products make lanes wait for each other, but "do not imply a memory barrier", as the CUDA guide says.

use super::warp::ALL;

/// How far each lane is ordered after each other one of its warp.
#[derive(Debug)]
pub(super) struct Order {
    /// One more than how often lanes of the warp met at a barrier.
    pub(super) stamp: u32,
    /// For each lane, up to which stamp the accesses of each lane come before its own.
    seen: [[u32; 32]; 32],
    /// Up to which stamp the accesses of each lane come before those of all lanes.
    all: [u32; 32],
}

impl Default for Order {
    fn default() -> Self {
        Self {
            // Above zero, which in a shadow cell means never.
            stamp: 1,
            seen: [[0; 32]; 32],
            all: [0; 32],
        }
    }
}

impl Order {
    /// Up to which stamps accesses come before those of all of `lanes`: of one lane, or of the warp.
    pub(super) fn before(&self, lanes: u32) -> &[u32; 32] {
        match lanes {
            ALL => &self.all,
            _ => &self.seen[lanes.trailing_zeros() as usize & 31],
        }
    }

    /// `came` met at a barrier, and `waited` of them go on after all of them came.
    pub(super) fn meet(&mut self, came: u32, waited: u32) {
        let lanes = |mask: u32| (0..32).filter(move |lane| mask >> lane & 1 == 1);
        let mut before = [0; 32];
        for lane in lanes(came) {
            for (before, seen) in before.iter_mut().zip(&self.seen[lane]) {
                *before = (*before).max(*seen);
            }
            before[lane] = self.stamp;
        }
        for lane in lanes(waited) {
            self.seen[lane] = before;
        }
        self.all = [u32::MAX; 32];
        for seen in &self.seen {
            for (all, seen) in self.all.iter_mut().zip(seen) {
                *all = (*all).min(*seen);
            }
        }
        self.stamp += 1;
    }
}
