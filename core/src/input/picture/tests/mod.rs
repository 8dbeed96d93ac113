//! Fixtures are made by `tests/fixtures/make_images.py` with Pillow, torchvision and timm.

mod decoded;
mod refused;
mod resized;
mod torchvision;

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use image::{DynamicImage, ImageFormat};

use super::decode;
use crate::Pixels;

const FILES: [&str; 5] = ["rgb.png", "rgba.png", "grey.png", "photo.jpg", "photo.webp"];
/// Files of the other formats that are not transparent.
const OTHERS: [&str; 13] = [
    "rgb.bmp",
    "palette.bmp",
    "rgb.tif",
    "lzw.tif",
    "cmyk.tif",
    "onebit.tif",
    "turned.tif",
    "palette.gif",
    "rgb.ppm",
    "rgb16.ppm",
    "grey.pgm",
    "onebit.pbm",
    "rgb.pam",
];

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/images");
    folder.join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

/// The largest difference of two images.
fn difference(a: &Pixels, b: &Pixels) -> u8 {
    assert_eq!((a.height, a.width), (b.height, b.width));
    let pairs = a.data.iter().zip(&b.data);
    pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}
