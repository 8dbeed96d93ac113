//! Modules from PTX text.

use std::ffi::{c_char, c_uint, c_void};

use super::function::Loaded;
use super::result::{
    FILE_NOT_FOUND, INVALID_IMAGE, INVALID_PTX, INVALID_VALUE, NO_BINARY_FOR_GPU, NOT_FOUND,
};
use super::state::state;
use super::{Code, Handle, export, put, text};
use crate::Module;

/// A module, and the functions that were taken of it.
#[derive(Debug)]
pub(super) struct Image {
    module: Module,
    functions: Vec<Handle>,
}

fn load(module: *mut Handle, ptx: &str) -> Result<(), Code> {
    let mut state = state()?;
    let loaded = state.device.load(ptx).map_err(|message| {
        eprintln!("cuda-emulator: {message}");
        INVALID_PTX
    })?;
    let (target, capability) = (loaded.target, state.limits.capability);
    if target > capability {
        eprintln!("cuda-emulator: PTX for sm_{target} cannot run on sm_{capability}");
        return Err(NO_BINARY_FOR_GPU);
    }
    let found = state.modules.insert(Image {
        module: loaded,
        functions: Vec::new(),
    });
    // SAFETY: the caller's pointer, as the driver API asks.
    unsafe { put(module, found) }
}

/// Loads PTX text. Machine code begins like no text does: as an ELF file, or with a magic number.
///
/// # Safety
/// `image` is null, or begins with four bytes, and ends with a zero if it is text.
unsafe fn load_image(module: *mut Handle, image: *const c_void) -> Result<(), Code> {
    if image.is_null() {
        return Err(INVALID_VALUE);
    }
    for (at, expected) in b"\x7fELF".iter().enumerate() {
        // SAFETY: a text that is shorter ends the loop at its zero.
        if unsafe { *image.cast::<u8>().add(at) } != *expected {
            break;
        }
        if at == 3 {
            return Err(NO_BINARY_FOR_GPU);
        }
    }
    // SAFETY: as the caller promises.
    let ptx = unsafe { text(image.cast()) }.map_err(|_| INVALID_IMAGE)?;
    if !ptx.contains(".version") {
        return Err(INVALID_IMAGE);
    }
    load(module, ptx)
}

export! {
    fn cuModuleLoadData(module: *mut Handle, image: *const c_void) {
        // SAFETY: the caller's image, as the driver API asks.
        unsafe { load_image(module, image) }
    }

    fn cuModuleLoadDataEx(
        module: *mut Handle,
        image: *const c_void,
        _count: c_uint,
        _options: *mut c_uint,
        _values: *mut *mut c_void,
    ) {
        // SAFETY: the caller's image, as the driver API asks. Options tune a compiler, which is not
        // here.
        unsafe { load_image(module, image) }
    }

    fn cuModuleLoad(module: *mut Handle, path: *const c_char) {
        // SAFETY: the caller's text, as the driver API asks.
        let path = unsafe { text(path) }?;
        let ptx = std::fs::read_to_string(path).map_err(|_| FILE_NOT_FOUND)?;
        load(module, &ptx)
    }

    fn cuModuleUnload(module: Handle) {
        let mut state = state()?;
        let image = state.modules.remove(module)?;
        for function in image.functions {
            state.functions.remove(function)?;
        }
        state.device.unload(&image.module);
        Ok(())
    }

    fn cuModuleGetFunction(function: *mut Handle, module: Handle, name: *const c_char) {
        // SAFETY: the caller's text, as the driver API asks.
        let name = unsafe { text(name) }?;
        let mut state = state()?;
        let found = state.modules.get(module)?.module.function(name).cloned();
        let image = state.modules.get(module)?;
        let versions = (image.module.version, image.module.target);
        let loaded = Loaded::new(found.ok_or(NOT_FOUND)?, versions);
        let handle = state.functions.insert(loaded);
        state.modules.get(module)?.functions.push(handle);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(function, handle) }
    }

    fn cuModuleGetGlobal_v2(
        address: *mut u64,
        size: *mut usize,
        module: Handle,
        name: *const c_char,
    ) {
        // SAFETY: the caller's text, as the driver API asks.
        let name = unsafe { text(name) }?;
        let found = state()?.modules.get(module)?.module.variable(name);
        let (start, bytes) = found.ok_or(NOT_FOUND)?;
        // SAFETY: the caller's pointers, which may be null.
        unsafe {
            if !address.is_null() {
                put(address, start)?;
            }
            if !size.is_null() {
                put(size, bytes as usize)?;
            }
        }
        Ok(())
    }
}
