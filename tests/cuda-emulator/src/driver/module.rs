//! Modules from PTX text.

use std::ffi::{c_char, c_uint, c_void};

use super::function::Loaded;
use super::result::{
    FILE_NOT_FOUND, INVALID_IMAGE, INVALID_PTX, INVALID_VALUE, NO_BINARY_FOR_GPU, NOT_FOUND,
};
use super::state::state;
use super::{Code, Handle, export, put, text};
use crate::Module;

/// CU_JIT_ERROR_LOG_BUFFER and CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES of `cuda.h`.
const ERROR_LOG: c_uint = 5;
const ERROR_LOG_BYTES: c_uint = 6;

/// A module, and the functions that were taken of it.
#[derive(Debug)]
pub(super) struct Image {
    module: Module,
    functions: Vec<Handle>,
}

/// What is wrong with a module, and the code for it.
type Refusal = (String, Code);

fn load(module: *mut Handle, ptx: &str) -> Result<(), Refusal> {
    let mut state = state().map_err(without_words)?;
    if state.refuses(ptx) {
        return Err(("refused, as the environment asks".into(), INVALID_PTX));
    }
    let loaded = state.device.load(ptx);
    let loaded = loaded.map_err(|message| (message.to_string(), INVALID_PTX))?;
    let (target, capability) = (loaded.target, state.limits.capability);
    if target > capability {
        let message = format!("PTX for sm_{target} cannot run on sm_{capability}");
        return Err((message, NO_BINARY_FOR_GPU));
    }
    let found = state.modules.insert(Image {
        module: loaded,
        functions: Vec::new(),
    });
    // SAFETY: the caller's pointer, as the driver API asks.
    unsafe { put(module, found) }.map_err(without_words)
}

fn without_words(code: Code) -> Refusal {
    (String::new(), code)
}

/// Loads PTX text. Machine code begins like no text does: as an ELF file, or with a magic number.
///
/// # Safety
/// `image` is null, or begins with four bytes, and ends with a zero if it is text.
unsafe fn load_image(module: *mut Handle, image: *const c_void) -> Result<(), Refusal> {
    if image.is_null() {
        return Err(without_words(INVALID_VALUE));
    }
    for (at, expected) in b"\x7fELF".iter().enumerate() {
        // SAFETY: a text that is shorter ends the loop at its zero.
        if unsafe { *image.cast::<u8>().add(at) } != *expected {
            break;
        }
        if at == 3 {
            return Err(without_words(NO_BINARY_FOR_GPU));
        }
    }
    // SAFETY: as the caller promises.
    let ptx = unsafe { text(image.cast()) }.map_err(|_| without_words(INVALID_IMAGE))?;
    if !ptx.contains(".version") {
        return Err(without_words(INVALID_IMAGE));
    }
    load(module, ptx)
}

export! {
    fn cuModuleLoadData(module: *mut Handle, image: *const c_void) {
        // SAFETY: the caller's image, as the driver API asks.
        unsafe { load_image(module, image) }.map_err(|(message, code)| {
            if !message.is_empty() {
                eprintln!("cuda-emulator: {message}");
            }
            code
        })
    }

    fn cuModuleLoadDataEx(
        module: *mut Handle,
        image: *const c_void,
        count: c_uint,
        options: *mut c_uint,
        values: *mut *mut c_void,
    ) {
        // SAFETY: the caller's image, and as many options with their values, as the driver API asks.
        unsafe {
            load_image(module, image).map_err(|(message, code)| {
                // Other options tune a compiler, which is not here.
                let value = |option| {
                    let mut all = 0..count as usize;
                    let at = all.find(|&at| *options.add(at) == option)?;
                    Some(*values.add(at))
                };
                if let (Some(log), Some(size)) = (value(ERROR_LOG), value(ERROR_LOG_BYTES)) {
                    let bytes = message.len().min((size as usize).saturating_sub(1));
                    log.cast::<u8>().copy_from(message.as_ptr(), bytes);
                    log.cast::<u8>().add(bytes).write(0);
                }
                code
            })
        }
    }

    fn cuModuleLoad(module: *mut Handle, path: *const c_char) {
        // SAFETY: the caller's text, as the driver API asks.
        let path = unsafe { text(path) }?;
        let ptx = std::fs::read_to_string(path).map_err(|_| FILE_NOT_FOUND)?;
        load(module, &ptx).map_err(|(_, code)| code)
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
