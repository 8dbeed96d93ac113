use proptest::prelude::*;

use super::{FILES, decode, difference, read};
use crate::{
    Filter, Pixels, Resize,
    picture::{filter::taps, resize::fit},
};

const FILTERS: [(&str, Filter); 6] = [
    ("nearest", Filter::Nearest),
    ("box", Filter::Box),
    ("bilinear", Filter::Bilinear),
    ("hamming", Filter::Hamming),
    ("bicubic", Filter::Bicubic),
    ("lanczos", Filter::Lanczos),
];

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
            let found = fit(&source, rule, Filter::Bicubic, input).unwrap();
            let expected = decode(&read(&name), channels).unwrap();
            // Pillow rounds transparency otherwise.
            let bound = u8::from(file == "rgba.png");
            let found = difference(&found, &expected);
            assert!(found <= bound, "{name}: {found} levels");
        }
    }
}

#[test]
fn every_filter_is_that_of_pillow() {
    for (name, filter) in FILTERS {
        for (source, stem, channels, size) in [
            ("rgb.png", "rgb", 3, [24, 40]),
            ("grey-png-squash-24x40.png", "small", 1, [57, 41]),
        ] {
            let source = decode(&read(source), channels).unwrap();
            let expected = read(&format!("filters/{stem}-{name}.png"));
            let found = fit(&source, Resize::Squash, filter, size).unwrap();
            let found = difference(&found, &decode(&expected, channels).unwrap());
            assert_eq!(found, 0, "{stem} {name}");
        }
    }
}

/// Where the centre of a pixel falls on the edge of two, the sum that Pillow keeps decides: by
/// `int((i + 0.5) * scale)` other pixels are taken.
#[test]
fn the_nearest_pixel_is_that_of_a_running_sum() {
    let (source, full) = (4, 6);
    let found = taps(Filter::Nearest, source, full, 0..full);
    let found: Vec<usize> = found.iter().map(|tap| tap.first).collect();
    assert_eq!(found, [0, 1, 1, 2, 2, 3]);
    let cropped = taps(Filter::Nearest, source, full, 2..full - 1);
    let cropped: Vec<usize> = cropped.iter().map(|tap| tap.first).collect();
    assert_eq!(cropped, found[2..full - 1]);
}

#[test]
fn the_size_of_the_input_stays_as_it_is() {
    let image = decode(&read("rgb.png"), 3).unwrap();
    let size = [image.height, image.width];
    for (name, filter) in FILTERS {
        assert_eq!(
            fit(&image, Resize::Squash, filter, size).unwrap(),
            image,
            "{name}"
        );
    }
}

#[test]
fn long_thin_images_keep_their_colour() {
    let image = Pixels::new(1, 16_384, 1, vec![77; 16_384]).unwrap();
    for rule in [
        Resize::ShorterSide { size: 8192 },
        Resize::CropFraction { crop: 0.2 },
        Resize::Squash,
    ] {
        for (name, filter) in FILTERS {
            let found = fit(&image, rule, filter, [224, 32]).unwrap();
            assert_eq!(found.data, vec![77; 224 * 32], "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_size_is_resized(
        source in [1_usize..40, 1_usize..40],
        input in [1_usize..40, 1_usize..40],
        crop in 0.11..=1.0,
        noise in any::<bool>(),
        (_, filter) in proptest::sample::select(&FILTERS[..]),
    ) {
        let [height, width] = source;
        let value = |i: usize| if noise { (i % 2 * 255) as u8 } else { 200 };
        let data = (0..height * width * 3).map(value).collect();
        let image = Pixels::new(height, width, 3, data).unwrap();
        let size = input[0].max(input[1]);
        for rule in [Resize::Squash, Resize::ShorterSide { size }, Resize::CropFraction { crop }] {
            let found = fit(&image, rule, filter, input).unwrap();
            prop_assert_eq!([found.height, found.width], input);
            prop_assert!(noise || found.data.iter().all(|&v| v == 200));
        }
    }

    /// A byte times the weights, and the half that rounds, must fit 32 bits in any partial sum.
    #[test]
    fn weights_sum_to_one_and_cannot_overflow(
        source in 1_usize..600,
        full in 1_usize..600,
        (name, filter) in proptest::sample::select(&FILTERS[..]),
    ) {
        for tap in taps(filter, source, full, 0..full) {
            let sum: i64 = tap.weights.iter().map(|&weight| i64::from(weight)).sum();
            let off = (sum - (1 << 22)).unsigned_abs();
            prop_assert!(off <= tap.weights.len() as u64, "{name}: {off}");
            let most: u32 = tap.weights.iter().map(|weight| weight.unsigned_abs()).sum();
            prop_assert!(most < 2 << 22, "{name}: {most}");
            prop_assert!(tap.first + tap.weights.len() <= source, "{name}");
        }
    }
}
