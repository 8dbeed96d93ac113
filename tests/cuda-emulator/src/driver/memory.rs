//! Device memory, pinned memory, copies and fills.

use std::ffi::{c_uchar, c_uint, c_void};

use super::graph::Node;
use super::result::{INVALID_VALUE, OUT_OF_MEMORY};
use super::state::{State, state};
use super::stream::{no_capture, submit};
use super::{Code, Handle, export, put};

fn allocate(state: &mut State, size: usize) -> Result<u64, Code> {
    if size == 0 {
        return Err(INVALID_VALUE);
    }
    state.count_allocation()?;
    state.device.allocate(size as u64).ok_or(OUT_OF_MEMORY)
}

fn free(state: &mut State, address: u64) -> Result<(), Code> {
    if address == 0 || state.device.free(address) {
        Ok(())
    } else {
        Err(INVALID_VALUE)
    }
}

/// A copy or fill that waits for nothing, on the stream of no number.
fn at_once(node: Node) -> Result<(), Code> {
    let mut state = state()?;
    no_capture(&mut state)?;
    drop(state);
    node.run()
}

export! {
    fn cuMemAlloc_v2(address: *mut u64, size: usize) {
        let mut state = state()?;
        no_capture(&mut state)?;
        let found = allocate(&mut state, size)?;
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(address, found) }
    }

    fn cuMemAllocAsync(address: *mut u64, size: usize, _stream: Handle) {
        let mut state = state()?;
        no_capture(&mut state)?;
        // Here, unlike without a stream, nothing may be allocated.
        let found = if size == 0 { 0 } else { allocate(&mut state, size)? };
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(address, found) }
    }

    fn cuMemFree_v2(address: u64) {
        let mut state = state()?;
        no_capture(&mut state)?;
        free(&mut state, address)
    }

    fn cuMemFreeAsync(address: u64, _stream: Handle) {
        let mut state = state()?;
        no_capture(&mut state)?;
        free(&mut state, address)
    }

    fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) {
        let (left, all) = state()?.device.memory_info();
        // SAFETY: the caller's pointers, as the driver API asks.
        unsafe {
            put(free, left as usize)?;
            put(total, all as usize)
        }
    }

    fn cuMemHostAlloc(address: *mut Handle, size: usize, _flags: c_uint) {
        let mut state = state()?;
        let mut memory = vec![0u128; size.div_ceil(16).max(1)].into_boxed_slice();
        let found = memory.as_mut_ptr() as Handle;
        state.pinned.insert(found, memory);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(address, found) }
    }

    fn cuMemFreeHost(address: Handle) {
        let mut state = state()?;
        state.pinned.remove(&address).map(drop).ok_or(INVALID_VALUE)
    }

    fn cuMemcpyHtoD_v2(to: u64, from: *const c_void, size: usize) {
        at_once(Node::Upload { to, from: from as Handle, size })
    }

    fn cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, size: usize, stream: Handle) {
        submit(stream, Node::Upload { to, from: from as Handle, size })
    }

    fn cuMemcpyDtoH_v2(to: *mut c_void, from: u64, size: usize) {
        at_once(Node::Download { to: to as Handle, from, size })
    }

    fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, size: usize, stream: Handle) {
        submit(stream, Node::Download { to: to as Handle, from, size })
    }

    fn cuMemcpyDtoD_v2(to: u64, from: u64, size: usize) {
        at_once(Node::Copy { to, from, size })
    }

    fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, size: usize, stream: Handle) {
        submit(stream, Node::Copy { to, from, size })
    }

    fn cuMemsetD8_v2(to: u64, value: c_uchar, size: usize) {
        at_once(Node::Fill { to, pattern: [value; 4], size })
    }

    fn cuMemsetD8Async(to: u64, value: c_uchar, size: usize, stream: Handle) {
        submit(stream, Node::Fill { to, pattern: [value; 4], size })
    }

    fn cuMemsetD32_v2(to: u64, value: c_uint, count: usize) {
        at_once(Node::Fill { to, pattern: value.to_le_bytes(), size: count * 4 })
    }

    fn cuMemsetD32Async(to: u64, value: c_uint, count: usize, stream: Handle) {
        submit(stream, Node::Fill { to, pattern: value.to_le_bytes(), size: count * 4 })
    }
}
