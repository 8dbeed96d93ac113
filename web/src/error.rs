//! Errors as JavaScript sees them: `Error` objects with the property `kind`.

use intformer::Error;
use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// A JavaScript `Error` with the sentence of `error` and its kind.
pub(crate) fn thrown(error: Error) -> JsValue {
    let kind = match &error {
        Error::NewerFormat { .. } => "newer-format",
        Error::Image(_) => "image",
        Error::Text(_) => "text",
        Error::NoAdapter(_) => "no-webgpu",
        Error::DeviceLost(_) => "device-lost",
        Error::OutOfMemory(_) => "out-of-memory",
        Error::Device(_) => "device",
        _ => "model-file",
    };
    let value = js_sys::Error::new(&error.to_string());
    // Setting a property of a fresh object cannot fail.
    let _ = Reflect::set(&value, &"kind".into(), &kind.into());
    value.into()
}
