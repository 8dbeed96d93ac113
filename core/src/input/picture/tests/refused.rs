use image::ImageFormat;
use proptest::prelude::*;

use super::{FILES, OTHERS, decode, encode, read};
use crate::{Decoding, Error, picture::decode_as};

fn refusal(bytes: &[u8], channels: usize) -> String {
    match decode(bytes, channels) {
        Err(Error::Image(sentence)) => sentence,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn what_is_no_small_whole_image_is_refused() {
    assert!(refusal(&[], 3).contains("an empty one"));
    let formats = "expected a PNG, JPEG, WebP, BMP, GIF, TIFF or PNM file, found: ";
    assert!(refusal(b"<html>404 Not Found</html>", 3).starts_with(formats));
    assert!(refusal(b"GIF89a\x01\0\x01\0", 3).starts_with("expected a whole PNG"));
    assert!(refusal(&read("rgb.png"), 4).contains("1 or 3 channels"));

    let wide = encode(image::GrayImage::new(16_385, 1), ImageFormat::Png);
    assert!(refusal(&wide, 1).contains("16384 pixels a side"));
    // A small file that says it is 16384 x 16384, in the frame header of the JPEG.
    let mut large = read("photo.jpg");
    let frame = large.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    large[frame + 5..frame + 9].copy_from_slice(&[0x40, 0, 0x40, 0]);
    assert!(refusal(&large, 3).contains("536870912 bytes"));
}

/// Replaces 16 or 32 bits of a header.
fn with(name: &str, at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = read(name);
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}

/// Sets the value of a tag in the directory of a little-endian TIFF file.
fn set_tag(tiff: &mut [u8], tag: u16, value: u32) {
    let directory = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let (entries, _) = tiff[directory + 2..].as_chunks_mut::<12>();
    let entry = entries.iter_mut().find(|e| e[..2] == tag.to_le_bytes());
    entry.unwrap()[8..].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn large_images_of_other_formats_are_refused() {
    let side = |bytes: &[u8]| {
        let sentence = refusal(bytes, 3);
        assert!(sentence.contains("16384 pixels a side"), "{sentence}");
    };
    side(&with("palette.gif", 6, &16_385_u16.to_le_bytes()));
    side(&with("rgb.bmp", 18, &16_385_u32.to_le_bytes()));
    side(b"P6\n16385 1\n255\n");
    side(b"P7\nWIDTH 1\nHEIGHT 16385\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n");
    let tiff = encode(image::GrayImage::new(16_385, 1), ImageFormat::Tiff);
    side(&tiff);

    let all = |bytes: &[u8]| {
        let sentence = refusal(bytes, 3);
        assert!(sentence.contains("536870912 bytes"), "{sentence}");
    };
    let large = 16_384_u16.to_le_bytes();
    all(&with("palette.gif", 6, &[large, large].concat()));
    let wide = 16_384_u32.to_le_bytes();
    all(&with("rgb.bmp", 18, &[wide, wide].concat()));
    all(b"P6\n16384 16384\n255\n");
    // Width, height and rows of the only strip.
    let mut tiff = read("rgb.tif");
    for tag in [256, 257, 278] {
        set_tag(&mut tiff, tag, 16_384);
    }
    all(&tiff);
    // A small canvas with a first image of 65535 x 65535.
    let gif = read("palette.gif");
    let image = gif
        .windows(5)
        .rposition(|w| w == [0x2C, 0, 0, 0, 0])
        .unwrap();
    all(&with("palette.gif", image + 5, &[0xFF; 4]));
}

#[test]
fn pixels_that_are_no_bytes_are_refused() {
    let sentence = refusal(&read("float.tif"), 3);
    assert!(
        sentence.starts_with("expected grey or colours of 8 or 16 bits"),
        "{sentence}"
    );
}

#[test]
fn cut_files_are_refused() {
    for name in FILES.into_iter().chain(OTHERS) {
        let bytes = read(name);
        // The last bytes are a checksum, an end or padding that the decoders do not read.
        for end in (0..bytes.len() - 4).step_by(97).chain([bytes.len() - 5]) {
            let found = decode(&bytes[..end], 3);
            assert!(
                matches!(found, Err(Error::Image(_))),
                "{name} at {end} of {}",
                bytes.len()
            );
        }
    }
    let bytes = read("photo.jpg");
    refusal(&bytes[..bytes.len() - 1], 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_files_do_not_panic(
        file in proptest::sample::select([&FILES[..], &OTHERS, &["rgba.tif", "clear.gif", "cmyk.jpg"]].concat()),
        cut in 0.5..1.0,
        head in any::<bool>(),
        damage in proptest::collection::vec((0.0..1.0, any::<u8>()), 0..8),
    ) {
        let mut bytes = read(file);
        // Headers are where sizes stand.
        let length = bytes.len().min(if head { 80 } else { usize::MAX }) as f64;
        for (at, byte) in damage {
            bytes[(at * length) as usize] = byte;
        }
        let _ = decode(&bytes, 3);
        let cut = (cut * bytes.len() as f64) as usize;
        let _ = decode_as(&bytes[..cut], 1, Decoding::Torchvision);
    }

    #[test]
    fn random_bytes_do_not_panic(
        start in proptest::sample::select(vec![
            &b""[..], b"\x89PNG\r\n\x1a\n", b"\xFF\xD8\xFF", b"RIFF\x40\0\0\0WEBPVP8 ",
 b"BM", b"GIF89a", b"II*\0", b"MM\0*", b"P1\n", b"P4\n8 8\n", b"P6 9 9 255\n", b"P7\n",
        ]),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = decode(&[start, &bytes].concat(), 3);
    }
}
