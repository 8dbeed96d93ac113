//! Image files to pixels in a browser: a module of its own, fetched when the first file comes.
//!
//! Browsers decode JPEG each in its own way; this decodes as the native command does, so that the
//! digests of a file are equal. Browsers decode WebP alike: it would cost a third more.

use js_sys::Reflect;
use wasm_bindgen::prelude::*;

/// An image of red, green, blue and straight alpha.
#[wasm_bindgen]
pub struct Image {
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

#[wasm_bindgen]
impl Image {
    /// Decodes a PNG or JPEG file, the right way up.
    ///
    /// Throws an error of the kind `image`.
    pub fn decode(file: &[u8]) -> Result<Image, JsValue> {
        match intformer::picture::decode_rgba(file) {
            Ok(pixels) => Ok(Self {
                width: pixels.width,
                height: pixels.height,
                rgba: pixels.data,
            }),
            Err(error) => {
                let value = js_sys::Error::new(&error.to_string());
                // Setting a property of a fresh object cannot fail.
                let _ = Reflect::set(&value, &"kind".into(), &"image".into());
                Err(value.into())
            }
        }
    }

    /// Columns.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Takes the pixels out, four bytes each, row by row.
    #[wasm_bindgen(js_name = takePixels)]
    pub fn take_pixels(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.rgba)
    }
}
