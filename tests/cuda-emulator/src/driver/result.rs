//! Codes of the driver, and their names.

use std::ffi::{CStr, c_char};

use super::{export, put};
use crate::machine::Kind;

/// `CUresult`.
pub(crate) type Code = u32;

pub(crate) const SUCCESS: Code = 0;

/// Constants, and a table of names and texts.
macro_rules! codes {
    ($($constant:ident = $code:literal, $name:literal, $text:literal;)*) => {
        $(pub(crate) const $constant: Code = $code;)*

        fn described(code: Code) -> Option<(&'static CStr, &'static CStr)> {
            Some(match code {
                SUCCESS => (c"CUDA_SUCCESS", c"no error"),
                $($code => ($name, $text),)*
                _ => return None,
            })
        }
    };
}

codes! {
    INVALID_VALUE = 1, c"CUDA_ERROR_INVALID_VALUE", c"invalid argument";
    OUT_OF_MEMORY = 2, c"CUDA_ERROR_OUT_OF_MEMORY", c"out of memory";
    NOT_INITIALIZED = 3, c"CUDA_ERROR_NOT_INITIALIZED", c"initialization error";
    INVALID_DEVICE = 101, c"CUDA_ERROR_INVALID_DEVICE", c"invalid device ordinal";
    INVALID_IMAGE = 200, c"CUDA_ERROR_INVALID_IMAGE", c"device kernel image is invalid";
    INVALID_CONTEXT = 201, c"CUDA_ERROR_INVALID_CONTEXT", c"invalid device context";
    NO_BINARY_FOR_GPU = 209, c"CUDA_ERROR_NO_BINARY_FOR_GPU",
        c"no kernel image is available for execution on the device";
    UNSUPPORTED_LIMIT = 215, c"CUDA_ERROR_UNSUPPORTED_LIMIT",
        c"limit is not supported on this architecture";
    INVALID_PTX = 218, c"CUDA_ERROR_INVALID_PTX", c"a PTX JIT compilation failed";
    FILE_NOT_FOUND = 301, c"CUDA_ERROR_FILE_NOT_FOUND", c"file not found";
    INVALID_HANDLE = 400, c"CUDA_ERROR_INVALID_HANDLE", c"invalid resource handle";
    NOT_FOUND = 500, c"CUDA_ERROR_NOT_FOUND", c"named symbol not found";
    ILLEGAL_ADDRESS = 700, c"CUDA_ERROR_ILLEGAL_ADDRESS",
        c"an illegal memory access was encountered";
    MISALIGNED_ADDRESS = 716, c"CUDA_ERROR_MISALIGNED_ADDRESS", c"misaligned address";
    LAUNCH_FAILED = 719, c"CUDA_ERROR_LAUNCH_FAILED", c"unspecified launch failure";
    NOT_SUPPORTED = 801, c"CUDA_ERROR_NOT_SUPPORTED", c"operation not supported";
    CAPTURE_UNSUPPORTED = 900, c"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
        c"operation not permitted when stream is capturing";
    CAPTURE_INVALIDATED = 901, c"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
        c"operation failed due to a previous error during capture";
    ILLEGAL_STATE = 401, c"CUDA_ERROR_ILLEGAL_STATE",
        c"the operation cannot be performed in the present state";
    CAPTURE_ISOLATION = 905, c"CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
        c"dependency created on uncaptured work in another stream";
    CAPTURED_EVENT = 907, c"CUDA_ERROR_CAPTURED_EVENT",
        c"operation not permitted on an event last recorded in a capturing stream";
}

/// What a card would say of a fault. Those of the configuration leave the context usable.
pub(crate) fn code(kind: Kind) -> Code {
    match kind {
        Kind::Address => ILLEGAL_ADDRESS,
        Kind::Misaligned => MISALIGNED_ADDRESS,
        Kind::Check => LAUNCH_FAILED,
        Kind::Configuration => INVALID_VALUE,
    }
}

export! {
    fn cuGetErrorName(error: Code, name: *mut *const c_char) {
        let (found, _) = described(error).ok_or(INVALID_VALUE)?;
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(name, found.as_ptr()) }
    }

    fn cuGetErrorString(error: Code, text: *mut *const c_char) {
        let (_, found) = described(error).ok_or(INVALID_VALUE)?;
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(text, found.as_ptr()) }
    }
}
