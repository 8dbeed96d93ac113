//! The C interface: what cudarc calls of `libcuda.so.1`. Work on a stream is done before the call
//! returns, so that an error comes with the call that caused it.
#![allow(
    unsafe_code,
    reason = "the driver's interface is C: it takes raw pointers, which its callers promise to be valid"
)]
#![allow(
    non_snake_case,
    clippy::missing_safety_doc,
    reason = "names and contracts are those of the CUDA driver API"
)]

mod attributes;
mod context;
mod event;
mod function;
mod graph;
mod launch;
mod memory;
mod module;
mod occupancy;
mod result;
mod state;
mod stream;

use result::Code;

/// Defines functions of the driver, whose bodies give `Ok` or a code.
macro_rules! export {
    ($(fn $name:ident($($argument:ident : $type:ty),* $(,)?) $body:block)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $crate::driver::Code {
            let body = || -> Result<(), $crate::driver::Code> { $body };
            match body() {
                Ok(()) => $crate::driver::result::SUCCESS,
                Err(code) => code,
            }
        }
    )*};
}
pub(crate) use export;

/// An opaque handle: a number that no address has.
pub(crate) type Handle = usize;

/// Writes a result where the caller wants it.
///
/// # Safety
/// `to` is null, or valid for a write.
unsafe fn put<T>(to: *mut T, value: T) -> Result<(), Code> {
    if to.is_null() {
        return Err(result::INVALID_VALUE);
    }
    // SAFETY: it is not null, and so valid as the caller promises.
    unsafe { to.write(value) };
    Ok(())
}

/// The text at a pointer of the caller.
///
/// # Safety
/// `text` is null, or ends with a zero and outlives the use of the result.
unsafe fn text<'a>(text: *const std::ffi::c_char) -> Result<&'a str, Code> {
    if text.is_null() {
        return Err(result::INVALID_VALUE);
    }
    // SAFETY: it is not null, and so ends with a zero as the caller promises.
    let text = unsafe { std::ffi::CStr::from_ptr(text) };
    text.to_str().map_err(|_| result::INVALID_VALUE)
}
