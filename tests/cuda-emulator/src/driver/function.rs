//! Functions and their attributes.

use std::ffi::{c_int, c_uint};

use super::attributes::SHARED;
use super::result::INVALID_VALUE;
use super::state::state;
use super::{Handle, export, put};
use crate::Function;

/// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`.
const MAX_DYNAMIC: c_uint = 8;
/// `CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT`.
const CARVEOUT: c_uint = 9;

/// A function that was taken of a module.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) function: Function,
    /// The most dynamic shared memory that it may be launched with.
    pub(super) max_dynamic: u32,
    carveout: c_int,
    /// The versions of the PTX and of its target.
    versions: (u32, u32),
}

impl Loaded {
    pub(super) fn new(function: Function, versions: (u32, u32)) -> Self {
        Self {
            max_dynamic: SHARED.saturating_sub(function.static_shared()),
            function,
            carveout: -1,
            versions,
        }
    }
}

export! {
    fn cuFuncGetAttribute(value: *mut c_int, attribute: c_uint, function: Handle) {
        let mut state = state()?;
        let loaded = state.functions.get(function)?;
        let function = &loaded.function;
        let found = match attribute {
            0 => function.max_threads() as c_int,
            1 => function.static_shared() as c_int,
            2 => 0,
            3 => function.local() as c_int,
            // What a compiler would need is not known here.
            4 => 32,
            5 => loaded.versions.0 as c_int,
            6 => loaded.versions.1 as c_int,
            7 => 0,
            MAX_DYNAMIC => loaded.max_dynamic as c_int,
            CARVEOUT => loaded.carveout,
            _ => return Err(INVALID_VALUE),
        };
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(value, found) }
    }

    fn cuFuncSetAttribute(function: Handle, attribute: c_uint, value: c_int) {
        let mut state = state()?;
        let most = state.limits.shared_opt_in();
        let loaded = state.functions.get(function)?;
        match attribute {
            MAX_DYNAMIC => {
                let bytes = u32::try_from(value).map_err(|_| INVALID_VALUE)?;
                if bytes + loaded.function.static_shared() > most {
                    return Err(INVALID_VALUE);
                }
                loaded.max_dynamic = bytes;
            }
            CARVEOUT if (-1..=100).contains(&value) => loaded.carveout = value,
            _ => return Err(INVALID_VALUE),
        }
        Ok(())
    }

    fn cuFuncSetCacheConfig(function: Handle, _config: c_uint) {
        state()?.functions.get(function).map(|_| ())
    }
}
