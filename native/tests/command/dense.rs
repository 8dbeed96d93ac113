//! Dense models, as a user would make and use them.

use std::fs;

use image::GenericImageView;
use serde_json::Value;

use crate::place::Workplace;

/// Small scenes, and a model that was trained on them a little.
fn with_scenes() -> Workplace {
    let place = Workplace::new();
    place.json(
        "data scenes --out scenes --train 24 --val 6 --test 8 --side 24 --plate 12 --characters 1,7",
    );
    place.json(
        "train --masks scenes --image-size 24 --width 8 --depths 1,1 --heads 1,2 --window 3 --epochs 2 --batch 8 --out \
         float.safetensors",
    );
    place
}

#[test]
fn a_dense_model_is_trained_compressed_pruned_and_shown() {
    let place = with_scenes();
    let classes = fs::read_to_string(place.path("scenes/classes.txt")).unwrap();
    assert_eq!(classes, "paper\n1\n7\n");
    place.json("quantize float.safetensors --calib scenes/train/images --out int.safetensors");
    place.json("verify int.safetensors -e reference,cpu --random 3");

    let answer = place.json(
        "segment int.safetensors scenes/test/images/000001.png -e reference,cpu,wgpu --out shown",
    );
    assert_eq!(answer["equal"], Value::Bool(true));
    let shown = &answer["images"][0];
    assert_eq!(shown["executors"].as_array().unwrap().len(), 3);
    let shares = shown["classes"].as_array().unwrap();
    let sum: f64 = shares
        .iter()
        .map(|class| class["share"].as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-9, "{shown}");
    let open = |name: &str| image::open(place.path(name)).unwrap();
    let mask = open("shown/000001.mask.png");
    assert_eq!(mask.dimensions(), (24, 24));
    assert!(mask.to_luma8().pixels().all(|pixel| pixel.0[0] < 3));
    assert_eq!(open("shown/000001.overlay.png").dimensions(), (504, 504));

    for (model, executor) in [("float.safetensors", "float"), ("int.safetensors", "cpu")] {
        let answer = place.json(&format!(
            "eval {model} --masks scenes --split test -e {executor}"
        ));
        assert_eq!((&answer["n"], &answer["part"]), (&8.into(), &"test".into()));
        for share in ["pixels_right", "mean_intersection_over_union"] {
            assert!(
                (0.0..=1.0).contains(&answer[share].as_f64().unwrap()),
                "{answer}"
            );
        }
        assert_eq!(answer["classes"].as_array().unwrap().len(), 3);
    }

    for method in ["optin", "kwon", "greedy"] {
        let answer = place.json(&format!(
            "prune float.safetensors --masks scenes --flops 0.8 --method {method} --batch 4 --out pruned.safetensors"
        ));
        let macs = |at: usize| answer["report"]["macs"][at].as_f64().unwrap();
        assert!(macs(1) <= 0.8 * macs(0), "{answer}");
        assert!(
            answer["kept"]["top1"][0].as_f64().unwrap() <= 1.0,
            "{answer}"
        );
        place.json(
            "quantize pruned.safetensors --calib scenes/train/images --out small.safetensors",
        );
        let answer =
            place.json("segment small.safetensors scenes/test/images/000001.png -e reference,cpu");
        assert_eq!(answer["equal"], Value::Bool(true));
    }

    // Masks are no images to calibrate with.
    let digest = |calib: &str| {
        place.json(&format!(
            "quantize float.safetensors --calib {calib} --out again.safetensors"
        ));
        place.json("logits again.safetensors --image image.png -e cpu")["digest"].clone()
    };
    assert_eq!(digest("scenes"), digest("scenes/train/images"));

    // A trained model goes on with its head, and one of other classes gets a new one.
    let goes_on = "train --from float.safetensors --masks scenes --epochs 1 --out on.safetensors";
    assert!(place.run(goes_on).status.success());
    place.json(
        "data scenes --out others --train 8 --val 4 --test 4 --side 24 --plate 12 --characters A,B,C",
    );
    let answer = place
        .json("train --from float.safetensors --masks others --epochs 1 --out other.safetensors");
    assert_eq!(answer["config"]["classes"], 4);
}

#[test]
fn what_a_dense_model_cannot_do_is_refused() {
    let place = with_scenes();
    place.json(
        "data scenes --out others --train 8 --val 4 --test 4 --side 24 --plate 12 --characters A,B",
    );
    fs::create_dir_all(place.path("bad/train/images")).unwrap();
    fs::create_dir_all(place.path("bad/train/masks")).unwrap();
    fs::copy(
        place.path("image.png"),
        place.path("bad/train/images/a.png"),
    )
    .unwrap();
    for (arguments, expected) in [
        (
            "classify float.safetensors image.png",
            "`intformer segment` shows them",
        ),
        (
            "eval float.safetensors --data scenes",
            "which takes --masks",
        ),
        (
            "eval float.safetensors --masks others --split test",
            "expected the model's classes in others, found others",
        ),
        (
            "eval model.safetensors --masks scenes",
            "expected a dense model",
        ),
        (
            "prune-data run --masks scenes --image-size 24 --seeds 0 --out runs",
            "answers to pixels are not recorded",
        ),
        (
            "distill relu float.safetensors --data scenes/train --out no.safetensors",
            "classes of their cells",
        ),
        (
            "prune float.safetensors --unlabelled random:8 --out no.safetensors",
            "found random ones",
        ),
        (
            "prune float.safetensors --masks scenes --time 1.5 --out no.safetensors",
            "a share of the time above 0 and up to 1, found 1.5",
        ),
        (
            "prune float.safetensors --masks scenes --time 0.5 --rounds 2 --out no.safetensors",
            "expected one round with --time",
        ),
        (
            "segment model.safetensors image.png",
            "`intformer train --masks` makes one",
        ),
        (
            "prune float.safetensors --data scenes/train --out no.safetensors",
            "which takes --masks",
        ),
        (
            "train --masks scenes --image-size 24 --hflip 0.5 --out no.safetensors",
            "masks do not follow",
        ),
        (
            "train --masks scenes --image-size 24 --window 3 --mixup 0.2 --out no.safetensors",
            "not to be mixed",
        ),
        (
            "train --masks bad --image-size 24 --out no.safetensors",
            "classes.txt",
        ),
    ] {
        let error = place.refused(arguments);
        assert!(error.contains(expected), "{arguments}: {error}");
    }
    fs::write(place.path("bad/classes.txt"), "x\ny\n").unwrap();
    let train = "train --masks bad --image-size 24 --out no.safetensors";
    assert!(
        place
            .refused(train)
            .contains("expected the mask bad/train/masks/a.png of")
    );
    // A mask of another size, then one with a class that has no name.
    let mask = image::GrayImage::from_pixel(24, 20, image::Luma([9]));
    mask.save(place.path("bad/train/masks/a.png")).unwrap();
    assert!(
        place
            .refused(train)
            .contains("expected a folder val or validation")
    );
    for kind in ["images", "masks"] {
        fs::create_dir_all(place.path(&format!("bad/val/{kind}"))).unwrap();
        let from = place.path(&format!("bad/train/{kind}/a.png"));
        fs::copy(from, place.path(&format!("bad/val/{kind}/a.png"))).unwrap();
    }
    let error = place.refused(train);
    assert!(
        error.contains(
            "expected a mask of 24 x 20 pixels, as its image is seen, found one of 20 x 24"
        ),
        "{error}"
    );
    for part in ["train", "val"] {
        let mask = image::GrayImage::from_pixel(20, 24, image::Luma([9]));
        mask.save(place.path(&format!("bad/{part}/masks/a.png")))
            .unwrap();
    }
    let error = place.refused(train);
    assert!(
        error.contains("expected classes below 2, found 9"),
        "{error}"
    );
    // No pixel has a class: there is nothing to count.
    fs::create_dir_all(place.path("void")).unwrap();
    fs::copy(
        place.path("scenes/classes.txt"),
        place.path("void/classes.txt"),
    )
    .unwrap();
    for kind in ["images", "masks"] {
        fs::create_dir_all(place.path(&format!("void/val/{kind}"))).unwrap();
    }
    fs::copy(place.path("image.png"), place.path("void/val/images/a.png")).unwrap();
    let mask = image::GrayImage::from_pixel(20, 24, image::Luma([255]));
    mask.save(place.path("void/val/masks/a.png")).unwrap();
    let error = place.refused("eval float.safetensors --masks void");
    assert!(
        error.contains("expected pixels with a class in void, found none"),
        "{error}"
    );
    // Colours are no classes.
    let mask = image::RgbImage::from_pixel(5, 5, image::Rgb([0, 0, 1]));
    mask.save(place.path("bad/train/masks/a.png")).unwrap();
    let error = place.refused(train);
    assert!(error.contains("found Rgb"), "{error}");
}
