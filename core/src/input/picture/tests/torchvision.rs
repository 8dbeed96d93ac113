//! `Decoding::Torchvision` against `PIL.Image.open(file).convert("RGB")`.

use super::{OTHERS, decode, difference, read};
use crate::{
    Decoding, Filter, ImageShape, Preprocessing, Resize,
    picture::{decode_as, decode_rgba, prepare, prepare_rgba, resize::fit},
};

/// Files that look otherwise to people, or are of odd colours and depths.
const ODD: [&str; 21] = [
    "rgba.bmp",
    "rgba.tif",
    "grey16.tif",
    "clear.gif",
    "grey16.pgm",
    "cmyk.jpg",
    "ycck.jpg",
    "grey.jpg",
    "turned.jpg",
    "clear.webp",
    "palette.png",
    "clear.png",
    "key.png",
    "la.png",
    "onebit.png",
    "grey16.png",
    "key16.png",
    "la16.png",
    "rgb16.png",
    "rgba16.png",
    "turned.tif",
];

#[test]
fn files_become_what_pillow_converts_them_to() {
    for name in OTHERS.into_iter().chain(ODD) {
        let expected = read(&format!("converted/{}.png", name.replace('.', "-")));
        // Of inks, tiff cuts what Pillow rounds; JPEG leaves decoders free to round.
        let bound = match name {
            "cmyk.tif" => 1,
            _ if name.ends_with(".jpg") => 4,
            _ => 0,
        };
        for channels in [3, 1] {
            let found = decode_as(&read(name), channels, Decoding::Torchvision).unwrap();
            let found = difference(&found, &decode(&expected, channels).unwrap());
            assert!(
                found <= bound,
                "{name}, {channels} channels: {found} levels"
            );
        }
    }
}

#[test]
fn people_see_other_pixels() {
    for name in [
        "rgba.tif",
        "grey16.tif",
        "clear.gif",
        "grey16.pgm",
        "clear.webp",
        "clear.png",
        "key.png",
        "la.png",
        "grey16.png",
        "key16.png",
        "la16.png",
        "rgb16.png",
        "rgba16.png",
        "turned.jpg",
    ] {
        let bytes = read(name);
        let converted = decode_as(&bytes, 3, Decoding::Torchvision).unwrap();
        assert_ne!(decode(&bytes, 3).unwrap(), converted, "{name}");
    }
}

#[test]
fn the_decoding_of_a_model_is_used() {
    let shape = ImageShape::new(224, 224, 3);
    let mut pre = Preprocessing::imagenet(3, Resize::Squash);
    pre.decoding = Decoding::Torchvision;
    for name in ["clear.png", "clear.webp"] {
        let file = read(name);
        let image = decode_as(&file, 3, Decoding::Torchvision).unwrap();
        let expected = fit(&image, Resize::Squash, Filter::Bicubic, shape.size()).unwrap();
        assert_eq!(prepare(&file, &shape, &pre).unwrap(), expected, "{name}");
        // A canvas has the colour beneath transparency as well.
        let rgba = decode_rgba(&file).unwrap();
        let found = prepare_rgba(&rgba.data, rgba.height, rgba.width, &shape, &pre).unwrap();
        assert_eq!(found, expected, "{name}");
    }
}
