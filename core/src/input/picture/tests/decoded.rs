use image::ImageFormat;

use super::{FILES, OTHERS, decode, difference, encode, fixture, read};
use crate::{
    Error, Filter, ImageShape, Pixels, Preprocessing, Resize,
    picture::{ENDINGS, decode_rgba, load, prepare, prepare_rgba},
};

#[test]
fn lossy_formats_decode_as_by_the_reference_decoders() {
    for (name, bound) in [("photo.jpg", 3), ("photo.webp", 0)] {
        let found = decode(&read(name), 3).unwrap();
        let expected = read(&format!("{}-decoded.png", name.replace('.', "-")));
        let found = difference(&found, &decode(&expected, 3).unwrap());
        assert!(found <= bound, "{name}: {found} levels");
    }
}

#[test]
fn luma_is_that_of_pillow() {
    let found = decode(&read("rgb.png"), 1).unwrap();
    let expected = decode(&read("rgb-png-luma.png"), 1).unwrap();
    assert_eq!(found, expected);
    let grey = decode(&read("grey.png"), 1).unwrap();
    let colour = decode(&read("grey.png"), 3).unwrap();
    let repeated: Vec<u8> = grey.data.iter().flat_map(|&v| [v; 3]).collect();
    assert_eq!(colour.data, repeated);
}

#[test]
fn a_file_becomes_the_input_of_its_model() {
    let shape = ImageShape::new(224, 448, 3);
    let pre = Preprocessing::imagenet(3, Resize::CropFraction { crop: 0.9 });
    let pixels = load(fixture("photo.jpg"), &shape, &pre).unwrap();
    pixels.check(&shape).unwrap();
    assert_eq!(pixels, prepare(&read("photo.jpg"), &shape, &pre).unwrap());

    let error = load(fixture("none.png"), &shape, &pre).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    let error = load(fixture("../make_images.py"), &shape, &pre).unwrap_err();
    assert!(error.to_string().contains("make_images.py: expected a PNG"));
    let grey = Preprocessing::imagenet(1, Resize::Squash);
    let error = prepare(&read("photo.jpg"), &shape, &grey).unwrap_err();
    assert!(matches!(error, Error::Config(_)), "{error}");
}

#[test]
fn deep_and_transparent_pixels_become_bytes() {
    let deep = vec![0, 128, 129, 65_535 - 129, 65_535 - 128, 65_535];
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_vec(6, 1, deep).unwrap();
    let found = decode(&encode(deep, ImageFormat::Png), 1).unwrap();
    assert_eq!(found.data, [0, 0, 1, 254, 255, 255]);

    let clear = vec![9, 8, 7, 255, 9, 8, 7, 0, 0, 100, 255, 128];
    let clear = image::RgbaImage::from_vec(3, 1, clear).unwrap();
    let found = decode(&encode(clear, ImageFormat::Png), 3).unwrap();
    assert_eq!(found.data, [9, 8, 7, 255, 255, 255, 127, 177, 255]);
}

#[test]
fn pixels_of_a_canvas_are_those_of_a_file() {
    let files = FILES.into_iter().chain(OTHERS).chain(CLEAR);
    for (name, channels) in files.flat_map(|name| [(name, 1), (name, 3)]) {
        let shape = ImageShape::new(224, 224, channels);
        let pre = Preprocessing::imagenet(channels, Resize::CropFraction { crop: 0.9 });
        let file = read(name);
        let rgba = decode_rgba(&file).unwrap();
        let Pixels { height, width, .. } = rgba;
        let found = prepare_rgba(&rgba.data, height, width, &shape, &pre).unwrap();
        assert_eq!(found, prepare(&file, &shape, &pre).unwrap(), "{name}");
    }
    let shape = ImageShape::new(224, 224, 3);
    let pre = Preprocessing::imagenet(3, Resize::Squash);
    for (bytes, height, width) in [(0, 0, 0), (4, 0, 1), (12, 2, 2), (16_385 * 4, 1, 16_385)] {
        let error = prepare_rgba(&vec![0; bytes], height, width, &shape, &pre).unwrap_err();
        assert!(matches!(error, Error::Image(_)), "{error}");
    }
}

#[test]
fn photos_are_turned_upright() {
    let plain = read("photo.jpg");
    // One EXIF entry, the orientation: 6, a quarter turn clockwise.
    let exif =
        b"\xFF\xE1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let turned = [&plain[..2], exif, &plain[2..]].concat();
    let (plain, turned) = (decode(&plain, 1).unwrap(), decode(&turned, 1).unwrap());
    let (height, width) = (plain.width, plain.height);
    assert_eq!((turned.height, turned.width), (height, width));
    for at in 0..height * width {
        let (row, column) = (at / width, at % width);
        let from = (plain.height - 1 - column) * plain.width + row;
        assert_eq!(
            turned.data[at], plain.data[from],
            "row {row} column {column}"
        );
    }
}

/// Files with transparency.
const CLEAR: [&str; 4] = ["rgba.tif", "clear.gif", "clear.webp", "clear.png"];

#[test]
fn other_formats_are_those_of_pillow() {
    for name in OTHERS {
        let expected = read(&format!("converted/{}.png", name.replace('.', "-")));
        let found = difference(
            &decode(&read(name), 3).unwrap(),
            &decode(&expected, 3).unwrap(),
        );
        // Of inks, tiff cuts what Pillow rounds.
        assert!(
            found <= u8::from(name == "cmyk.tif"),
            "{name}: {found} levels"
        );
    }
    for ending in [
        "jpg", "jpe", "jfif", "png", "webp", "bmp", "gif", "tif", "tiff", "ppm", "pam",
    ] {
        assert!(ENDINGS.contains(&ending), "{ending}");
    }
}

#[test]
fn a_file_is_what_its_bytes_say() {
    let folder = tempfile::tempdir().unwrap();
    let shape = ImageShape::new(224, 224, 3);
    let pre = Preprocessing::imagenet(3, Resize::Squash);
    for name in ["palette.gif", "rgb.bmp", "rgb.ppm", "rgb.png"] {
        let path = folder.path().join("image.jpg");
        std::fs::write(&path, read(name)).unwrap();
        let found = load(&path, &shape, &pre).unwrap();
        assert_eq!(found, load(fixture(name), &shape, &pre).unwrap(), "{name}");
    }
}

#[test]
fn transparency_shows_white() {
    for name in ["clear.gif", "clear.webp", "clear.png"] {
        let expected = read(&format!("white/{}.png", name.replace('.', "-")));
        let found = difference(
            &decode(&read(name), 3).unwrap(),
            &decode(&expected, 3).unwrap(),
        );
        // Pillow rounds transparency otherwise.
        assert!(found <= 1, "{name}: {found} levels");
    }
}

#[test]
fn the_filter_of_a_model_is_used() {
    let shape = ImageShape::new(24, 40, 3);
    let mut pre = Preprocessing::imagenet(3, Resize::Squash);
    pre.filter = Filter::Box;
    let expected = decode(&read("filters/rgb-box.png"), 3).unwrap();
    let file = read("rgb.png");
    assert_eq!(prepare(&file, &shape, &pre).unwrap(), expected);
    let rgba = decode_rgba(&file).unwrap();
    let found = prepare_rgba(&rgba.data, rgba.height, rgba.width, &shape, &pre).unwrap();
    assert_eq!(found, expected);
}
