use proptest::prelude::*;

use super::{
    change::{Window, cut, flip, jitter, window},
    *,
};
use crate::Resize;

fn image(height: usize, width: usize, channels: usize) -> Pixels {
    let data = (0..height * width * channels).map(|at| (at * 37 % 251) as u8);
    Pixels::new(height, width, channels, data.collect()).unwrap()
}

fn pre(channels: usize) -> Preprocessing {
    Preprocessing::imagenet(channels, Resize::CropFraction { crop: 0.9 })
}

proptest! {
    #[test]
    fn a_window_lies_in_the_image_and_has_the_area_and_aspect(
        height in 1usize..200, width in 1usize..200, seed: u64,
        least in 0.05f64..1.0, ratio in 1.0f64..3.0,
    ) {
        let crop = RandomCrop { scale: [least, 1.0], ratio: [1.0 / ratio, ratio] };
        let Window { at, size } = window(&crop, [height, width], &mut random([seed, 0, 0]));
        prop_assert!(size[0] >= 1 && size[1] >= 1);
        prop_assert!(at[0] + size[0] <= height && at[1] + size[1] <= width);
        // Sides are rounded, which tells in small images.
        if height.min(width) >= 40 && (0.5..2.0).contains(&(width as f64 / height as f64)) && ratio >= 2.0 {
            let share = (size[0] * size[1]) as f64 / (height * width) as f64;
            prop_assert!(share > 0.9 * least, "{share} {least}");
            let found = size[1] as f64 / size[0] as f64;
            prop_assert!((0.9 / ratio..1.1 * ratio).contains(&found), "{found} {ratio}");
        }
    }

    #[test]
    fn an_image_follows_from_seed_epoch_and_place(
        height in 1usize..40, width in 1usize..40, grey: bool, seed: u64, epoch: u64, index: u64,
        crop: bool, flip in 0.0f64..=1.0, color_jitter in 0.0f64..=1.0, erase in 0.0f64..=1.0,
    ) {
        let channels = if grey { 1 } else { 3 };
        let augmentation = Augmentation {
            crop: crop.then(RandomCrop::default),
            flip,
            color_jitter,
            erase,
        };
        augmentation.validate().unwrap();
        let shape = ImageShape::new(32, 32, channels);
        let apply = |words| augmentation.apply(&image(height, width, channels), &shape, &pre(channels), words).unwrap();
        let once = apply([seed, epoch, index]);
        prop_assert!(once.check(&shape).is_ok());
        prop_assert_eq!(&once, &apply([seed, epoch, index]));
    }
}

#[test]
fn epochs_and_seeds_differ() {
    let augmentation = Augmentation::timm();
    let shape = ImageShape::new(32, 32, 3);
    let apply = |words| {
        augmentation
            .apply(&image(40, 50, 3), &shape, &pre(3), words)
            .unwrap()
    };
    let first = apply([1, 1, 1]);
    for other in [[2, 1, 1], [1, 2, 1], [1, 1, 2]] {
        assert_ne!(first, apply(other));
    }
}

#[test]
fn nothing_is_changed_by_none() {
    let shape = ImageShape::new(32, 32, 1);
    let image = image(50, 40, 1);
    let same = Augmentation::default()
        .apply(&image, &shape, &pre(1), [0; 3])
        .unwrap();
    assert_eq!(same, picture::fitted(&image, &shape, &pre(1)).unwrap());
}

#[test]
fn a_cut_and_a_mirror_image_keep_pixels_whole() {
    let mut image = image(3, 4, 3);
    let window = Window {
        at: [1, 2],
        size: [2, 2],
    };
    let part = cut(&image, window);
    assert_eq!(part.data[..6], image.data[(4 + 2) * 3..(4 + 4) * 3]);
    assert_eq!(part.data[6..], image.data[(8 + 2) * 3..(8 + 4) * 3]);
    let before = image.clone();
    flip(&mut image, 1.0, &mut random([0; 3]));
    for (row, old) in image.data.chunks(12).zip(before.data.chunks(12)) {
        assert_eq!(row[..3], old[9..]);
        assert_eq!(row[9..], old[..3]);
    }
    flip(&mut image, 1.0, &mut random([1; 3]));
    assert_eq!(image, before);
}

#[test]
fn colour_changes_and_grey_pixels_stay_grey() {
    for seed in 0..20 {
        let grey = image(8, 8, 1);
        let coloured = grey.data.iter().flat_map(|&value| [value; 3]);
        let mut pixels = Pixels::new(8, 8, 3, coloured.collect()).unwrap();
        let before = pixels.clone();
        jitter(&mut pixels, 0.4, &mut random([seed, 0, 0]));
        assert!(
            pixels
                .data
                .chunks(3)
                .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
        );
        assert_ne!(pixels, before);
    }
}

#[test]
fn as_many_images_are_erased_as_are_asked_for() {
    let augmentation = Augmentation {
        erase: 0.25,
        ..Augmentation::default()
    };
    let shape = ImageShape::new(32, 32, 3);
    let flat = Pixels::new(32, 32, 3, vec![200; 32 * 32 * 3]).unwrap();
    let whole = Preprocessing::imagenet(3, Resize::Squash);
    let mut areas = Vec::new();
    for index in 0..400 {
        let found = augmentation
            .apply(&flat, &shape, &whole, [0, 0, index])
            .unwrap();
        let changed = found
            .data
            .chunks(3)
            .filter(|pixel| **pixel != [200; 3])
            .count();
        if changed > 0 {
            areas.push(changed as f64 / 1024.0);
        }
    }
    assert!((70..=130).contains(&areas.len()), "{}", areas.len());
    assert!(areas.iter().all(|area| (0.01..0.37).contains(area)));
}

#[test]
fn values_that_are_not_possible_are_refused() {
    let crop = |scale, ratio| Augmentation {
        crop: Some(RandomCrop { scale, ratio }),
        ..Augmentation::default()
    };
    for wrong in [
        crop([0.0, 1.0], [1.0, 1.0]),
        crop([0.5, 0.4], [1.0, 1.0]),
        crop([0.5, 1.1], [1.0, 1.0]),
        crop([0.5, 1.0], [0.0, 1.0]),
        crop([0.5, 1.0], [1.0, f64::NAN]),
        Augmentation {
            erase: -0.1,
            ..Augmentation::default()
        },
        Augmentation {
            color_jitter: f64::NAN,
            ..Augmentation::default()
        },
    ] {
        assert!(wrong.validate().is_err(), "{wrong:?}");
    }
}
