use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::{decode, decode_rgba, load, prepare, prepare_rgba, resize::fit};
use crate::{Error, Pixels, Preprocessing, Resize, model::SwinConfig};

const FILES: [&str; 5] = ["rgb.png", "rgba.png", "grey.png", "photo.jpg", "photo.webp"];

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

/// The fixtures that `make_images.py` made of `file`: their names, rules and input sizes.
fn references(file: &str) -> Vec<(String, Resize, [usize; 2])> {
    let crop = |crop| Resize::CropFraction { crop };
    let shorter = |size| Resize::ShorterSide { size };
    let mut all = vec![
        ("shorter32", shorter(32), [32, 32]),
        ("shorter37", shorter(37), [32, 32]),
        ("crop0.9", crop(0.9), [32, 32]),
        ("crop0.875", crop(0.875), [24, 40]),
        ("squash", Resize::Squash, [32, 32]),
        ("squash", Resize::Squash, [24, 40]),
    ];
    if ["rgb.png", "grey.png"].contains(&file) {
        all.push(("shorter117", shorter(117), [112, 112]));
    }
    let stem = file.replace('.', "-");
    let name = |rule, [height, width]: [usize; 2]| format!("{stem}-{rule}-{height}x{width}.png");
    all.into_iter()
        .map(|(rule, resize, size)| (name(rule, size), resize, size))
        .collect()
}

#[test]
fn resized_and_cropped_as_by_pillow_torchvision_and_timm() {
    for file in FILES {
        let channels = if file == "grey.png" { 1 } else { 3 };
        // Lossy formats are compared from the reference decoder's pixels on.
        let source = match file.split_once('.') {
            Some((_, "png")) => file.to_owned(),
            _ => format!("{}-decoded.png", file.replace('.', "-")),
        };
        let source = decode(&read(&source), channels).unwrap();
        for (name, rule, input) in references(file) {
            let found = fit(&source, rule, input).unwrap();
            let expected = decode(&read(&name), channels).unwrap();
            // Pillow rounds transparency otherwise.
            let bound = u8::from(file == "rgba.png");
            let found = difference(&found, &expected);
            assert!(found <= bound, "{name}: {found} levels");
        }
    }
}

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
    let config = SwinConfig {
        image_size: [224, 448],
        ..SwinConfig::tiny()
    };
    let pre = Preprocessing::imagenet(3, Resize::CropFraction { crop: 0.9 });
    let pixels = load(fixture("photo.jpg"), &config, &pre).unwrap();
    pixels.check(&config).unwrap();
    assert_eq!(pixels, prepare(&read("photo.jpg"), &config, &pre).unwrap());

    let error = load(fixture("none.png"), &config, &pre).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    let error = load(fixture("../make_images.py"), &config, &pre).unwrap_err();
    assert!(error.to_string().contains("make_images.py: expected a PNG"));
    let grey = Preprocessing::imagenet(1, Resize::Squash);
    let error = prepare(&read("photo.jpg"), &config, &grey).unwrap_err();
    assert!(matches!(error, Error::Config(_)), "{error}");
}

#[test]
fn the_size_of_the_input_stays_as_it_is() {
    let image = decode(&read("rgb.png"), 3).unwrap();
    let size = [image.height, image.width];
    assert_eq!(fit(&image, Resize::Squash, size).unwrap(), image);
}

#[test]
fn long_thin_images_keep_their_colour() {
    let image = Pixels::new(1, 16_384, 1, vec![77; 16_384]).unwrap();
    for rule in [
        Resize::ShorterSide { size: 8192 },
        Resize::CropFraction { crop: 0.2 },
        Resize::Squash,
    ] {
        let found = fit(&image, rule, [224, 32]).unwrap();
        assert_eq!(found.data, vec![77; 224 * 32]);
    }
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
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
    let config = SwinConfig::tiny();
    for (name, channels) in FILES.into_iter().flat_map(|name| [(name, 1), (name, 3)]) {
        let config = SwinConfig {
            in_channels: channels,
            ..config.clone()
        };
        let pre = Preprocessing::imagenet(channels, Resize::CropFraction { crop: 0.9 });
        let file = read(name);
        let rgba = decode_rgba(&file).unwrap();
        let Pixels { height, width, .. } = rgba;
        let found = prepare_rgba(&rgba.data, height, width, &config, &pre).unwrap();
        assert_eq!(found, prepare(&file, &config, &pre).unwrap(), "{name}");
    }
    let pre = Preprocessing::imagenet(3, Resize::Squash);

    for (bytes, height, width) in [(0, 0, 0), (4, 0, 1), (12, 2, 2), (16_385 * 4, 1, 16_385)] {
        let error = prepare_rgba(&vec![0; bytes], height, width, &config, &pre).unwrap_err();
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

fn refusal(bytes: &[u8], channels: usize) -> String {
    match decode(bytes, channels) {
        Err(Error::Image(sentence)) => sentence,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn what_is_no_small_whole_image_is_refused() {
    assert!(refusal(&[], 3).contains("an empty one"));
    assert!(refusal(b"GIF89a, or so it says", 3).starts_with("expected a PNG, JPEG or WebP file"));
    assert!(refusal(&read("rgb.png"), 4).contains("1 or 3 channels"));

    let wide = encode(image::GrayImage::new(16_385, 1), ImageFormat::Png);
    assert!(refusal(&wide, 1).contains("16384 pixels a side"));
    // A small file that says it is 16384 x 16384, in the frame header of the JPEG.
    let mut large = read("photo.jpg");
    let frame = large.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    large[frame + 5..frame + 9].copy_from_slice(&[0x40, 0, 0x40, 0]);
    assert!(refusal(&large, 3).contains("536870912 bytes"));
}

#[test]
fn cut_files_are_refused() {
    for name in FILES {
        let bytes = read(name);
        // The last bytes are a checksum or padding that the decoders do not read.
        for end in (0..bytes.len() - 4).step_by(97).chain([bytes.len() - 5]) {
            refusal(&bytes[..end], 3);
        }
    }
    let bytes = read("photo.jpg");
    refusal(&bytes[..bytes.len() - 1], 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_do_not_panic(
        file in 0..FILES.len(),
        cut in 0.5..1.0,
        damage in proptest::collection::vec((0.0..1.0, any::<u8>()), 0..8),
    ) {
        let mut bytes = read(FILES[file]);
        let length = bytes.len() as f64;
        for (at, byte) in damage {
            bytes[(at * length) as usize] = byte;
        }
        let _ = decode(&bytes, 3);
        let _ = decode(&bytes[..(cut * length) as usize], 1);
    }

    #[test]
    fn random_bytes_do_not_panic(
        start in proptest::sample::select(vec![
            &b""[..], b"\x89PNG\r\n\x1a\n", b"\xFF\xD8\xFF", b"RIFF\x40\0\0\0WEBPVP8 ",
        ]),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = decode(&[start, &bytes].concat(), 3);
    }

    #[test]
    fn every_size_is_resized(
        source in [1_usize..40, 1_usize..40],
        input in [1_usize..40, 1_usize..40],
        crop in 0.11..=1.0,
        noise in any::<bool>(),
    ) {
        let [height, width] = source;
        let value = |i: usize| if noise { (i % 2 * 255) as u8 } else { 200 };
        let data = (0..height * width * 3).map(value).collect();
        let image = Pixels::new(height, width, 3, data).unwrap();
        let size = input[0].max(input[1]);
        for rule in [Resize::Squash, Resize::ShorterSide { size }, Resize::CropFraction { crop }] {
            let found = fit(&image, rule, input).unwrap();
            prop_assert_eq!([found.height, found.width], input);
            prop_assert!(noise || found.data.iter().all(|&v| v == 200));
        }
    }
}
