//! How many blocks fit a multiprocessor, as far as threads and shared memory limit that.

use std::ffi::{c_int, c_uint};

use super::attributes::{Limits, RESERVED};
use super::function::Loaded;
use super::result::INVALID_VALUE;
use super::state::state;
use super::{Code, Handle, export, put};

/// A function that gives the dynamic shared memory of a block of so many threads.
type SharedBytes = Option<unsafe extern "C" fn(c_int) -> usize>;

fn blocks(limits: &Limits, loaded: &Loaded, threads: u32, dynamic: usize) -> u32 {
    let function = &loaded.function;
    if threads == 0 || threads > function.max_threads() || dynamic > loaded.max_dynamic as usize {
        return 0;
    }
    let by_threads = limits.threads / threads.next_multiple_of(32);
    let shared = function.static_shared() + dynamic as u32 + RESERVED;
    by_threads.min(limits.shared / shared).min(limits.blocks)
}

fn active(count: *mut c_int, function: Handle, threads: c_int, dynamic: usize) -> Result<(), Code> {
    let threads = u32::try_from(threads).map_err(|_| INVALID_VALUE)?;
    let mut state = state()?;
    let limits = state.limits;
    let found = blocks(&limits, state.functions.get(function)?, threads, dynamic);
    // SAFETY: the caller's pointer, as the driver API asks.
    unsafe { put(count, found as c_int) }
}

/// The block size with the most threads on a multiprocessor.
fn potential(
    least_blocks: *mut c_int,
    threads: *mut c_int,
    function: Handle,
    shared: SharedBytes,
    dynamic: usize,
    most: c_int,
) -> Result<(), Code> {
    let mut state = state()?;
    let limits = state.limits;
    let loaded = state.functions.get(function)?.clone();
    drop(state);
    let most = match u32::try_from(most).map_err(|_| INVALID_VALUE)? {
        0 => loaded.function.max_threads(),
        most => most.min(loaded.function.max_threads()),
    };
    let sizes = (1..=most / 32).rev().map(|warps| {
        let threads = warps * 32;
        let dynamic = match shared {
            // SAFETY: the caller gives the function for this.
            Some(shared) => unsafe { shared(threads as c_int) },
            None => dynamic,
        };
        (blocks(&limits, &loaded, threads, dynamic), threads)
    });
    // The first of the largest ones, as the driver prefers large blocks.
    let best = sizes.reduce(|best, size| {
        if size.0 * size.1 > best.0 * best.1 {
            size
        } else {
            best
        }
    });
    let (count, size) = best.ok_or(INVALID_VALUE)?;
    // SAFETY: the caller's pointers, as the driver API asks.
    unsafe {
        put(least_blocks, (count * limits.processors) as c_int)?;
        put(threads, size as c_int)
    }
}

export! {
    fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
        count: *mut c_int,
        function: Handle,
        threads: c_int,
        dynamic: usize,
    ) {
        active(count, function, threads, dynamic)
    }

    fn cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        count: *mut c_int,
        function: Handle,
        threads: c_int,
        dynamic: usize,
        _flags: c_uint,
    ) {
        active(count, function, threads, dynamic)
    }

    fn cuOccupancyMaxPotentialBlockSize(
        least_blocks: *mut c_int,
        threads: *mut c_int,
        function: Handle,
        shared: SharedBytes,
        dynamic: usize,
        most: c_int,
    ) {
        potential(least_blocks, threads, function, shared, dynamic, most)
    }

    fn cuOccupancyMaxPotentialBlockSizeWithFlags(
        least_blocks: *mut c_int,
        threads: *mut c_int,
        function: Handle,
        shared: SharedBytes,
        dynamic: usize,
        most: c_int,
        _flags: c_uint,
    ) {
        potential(least_blocks, threads, function, shared, dynamic, most)
    }

    fn cuOccupancyAvailableDynamicSMemPerBlock(
        bytes: *mut usize,
        function: Handle,
        blocks: c_int,
        _threads: c_int,
    ) {
        let blocks = u32::try_from(blocks).ok().filter(|n| *n > 0).ok_or(INVALID_VALUE)?;
        let mut state = state()?;
        let limits = state.limits;
        let declared = state.functions.get(function)?.function.static_shared();
        let each = (limits.shared / blocks).saturating_sub(RESERVED);
        let found = each.min(limits.shared_opt_in()).saturating_sub(declared);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(bytes, found as usize) }
    }
}
