//! The device and its context.

use std::ffi::{c_char, c_int, c_uint};

use super::result::{INVALID_CONTEXT, INVALID_DEVICE, INVALID_VALUE, UNSUPPORTED_LIMIT};
use super::state::{
    CONTEXT, current, initialize, initialized, set_current, state, write_statistics,
};
use super::{Code, Handle, export, put};
use crate::driver::attributes::Limits;

/// Only device 0 exists.
fn known(device: c_int) -> Result<(), Code> {
    if device == 0 {
        Ok(())
    } else {
        Err(INVALID_DEVICE)
    }
}

export! {
    fn cuInit(flags: c_uint) {
        if flags != 0 {
            return Err(INVALID_VALUE);
        }
        initialize();
        Ok(())
    }

    fn cuDriverGetVersion(version: *mut c_int) {
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(version, 12080) }
    }

    fn cuDeviceGetCount(count: *mut c_int) {
        drop(initialized()?);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(count, 1) }
    }

    fn cuDeviceGet(device: *mut c_int, ordinal: c_int) {
        drop(initialized()?);
        known(ordinal)?;
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(device, ordinal) }
    }

    fn cuDeviceGetName(name: *mut c_char, length: c_int, device: c_int) {
        known(device)?;
        drop(initialized()?);
        let text = Limits::from_environment().name();
        let room = usize::try_from(length).unwrap_or(0).checked_sub(1).ok_or(INVALID_VALUE)?;
        let count = text.len().min(room);
        for (at, byte) in text.bytes().take(count).chain([0]).enumerate() {
            // SAFETY: `length` bytes are the caller's, and `at` is below that.
            unsafe { put(name.wrapping_add(at), byte as c_char) }?;
        }
        Ok(())
    }

    fn cuDeviceGetUuid(uuid: *mut [u8; 16], device: c_int) {
        known(device)?;
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(uuid, *b"cuda-emulator-00") }
    }

    fn cuDeviceGetUuid_v2(uuid: *mut [u8; 16], device: c_int) {
        known(device)?;
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(uuid, *b"cuda-emulator-00") }
    }

    fn cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) {
        known(device)?;
        let (_, total) = initialized()?.device.memory_info();
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(bytes, total as usize) }
    }

    fn cuDeviceGetAttribute(value: *mut c_int, attribute: c_uint, device: c_int) {
        known(device)?;
        drop(initialized()?);
        let found = Limits::from_environment().attribute(attribute);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(value, found as c_int) }
    }

    fn cuDevicePrimaryCtxRetain(context: *mut Handle, device: c_int) {
        known(device)?;
        let mut state = initialized()?;
        if state.retained == 0 {
            state.open();
        }
        state.retained += 1;
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(context, CONTEXT) }
    }

    fn cuDevicePrimaryCtxRelease_v2(device: c_int) {
        known(device)?;
        let mut state = initialized()?;
        state.retained = state.retained.checked_sub(1).ok_or(INVALID_CONTEXT)?;
        if state.retained == 0 {
            write_statistics(&state.device);
        }
        Ok(())
    }

    fn cuCtxSetCurrent(context: Handle) {
        drop(initialized()?);
        if context != 0 && context != CONTEXT {
            return Err(INVALID_CONTEXT);
        }
        set_current(context);
        Ok(())
    }

    fn cuCtxGetCurrent(context: *mut Handle) {
        drop(initialized()?);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(context, current()) }
    }

    fn cuCtxGetDevice(device: *mut c_int) {
        drop(state()?);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(device, 0) }
    }

    fn cuCtxSetFlags(_flags: c_uint) {
        state().map(drop)
    }

    fn cuCtxSynchronize() {
        let mut state = state()?;
        super::stream::no_capture(&mut state)?;
        write_statistics(&state.device);
        Ok(())
    }

    fn cuCtxGetLimit(_value: *mut usize, _limit: c_uint) {
        drop(state()?);
        Err(UNSUPPORTED_LIMIT)
    }

    fn cuCtxSetLimit(_limit: c_uint, _value: usize) {
        drop(state()?);
        Err(UNSUPPORTED_LIMIT)
    }

    fn cuCtxGetCacheConfig(config: *mut c_uint) {
        drop(state()?);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(config, 0) }
    }

    fn cuCtxSetCacheConfig(_config: c_uint) {
        state().map(drop)
    }

    fn cuCtxGetStreamPriorityRange(least: *mut c_int, greatest: *mut c_int) {
        drop(state()?);
        // SAFETY: the caller's pointers, as the driver API asks.
        unsafe {
            put(least, 0)?;
            put(greatest, -5)
        }
    }
}
