//! Image folders as people have them, through `intformer train`: without a part to validate with, changed at random.

use std::fs;

use intformer::checkpoint;
use serde_json::{Value, json};

use crate::place::Workplace;

const TRAIN: &str = "train --data pictures --image-size 16 --channels 1 --batch 4 --epochs 2 --width 8 --depths 1 --heads 1 \
     --window 4 --patch 2";

/// Two classes of ten pictures each, light above and light below, of 20 by 24 pixels.
fn pictures() -> Workplace {
    let place = Workplace::new();
    for (class, above) in [("above", true), ("below", false)] {
        let folder = place.path("pictures").join(class);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..10u8 {
            let pixel = |at: usize| match (at < 240) == above {
                true => 200 + number,
                false => 20 + (at % 13) as u8,
            };
            let image = image::GrayImage::from_raw(20, 24, (0..480).map(pixel).collect()).unwrap();
            image.save(folder.join(format!("{number}.png"))).unwrap();
        }
    }
    place
}

/// The trained parameters, and the answer.
fn trained(place: &Workplace, arguments: &str) -> (intformer::Params, Value) {
    let answer = place.json(&format!("{TRAIN} {arguments} --out out.safetensors"));
    let model = checkpoint::load(place.path("out.safetensors")).unwrap();
    fs::remove_dir_all(place.path("out.train")).unwrap();
    (model.params, answer)
}

#[test]
fn changes_are_random_but_follow_from_the_seed() {
    let place = pictures();
    let (plain, answer) = trained(&place, "");
    assert_eq!(answer["config"]["classes"], json!(2));
    let (augmented, _) = trained(&place, "--augment --reprob 0.5");
    assert_eq!(trained(&place, "--augment --reprob 0.5").0, augmented);
    let mut seen = vec![plain, augmented];
    for other in [
        "--augment",
        "--hflip 1",
        "--scale 0.5,1",
        "--color-jitter 0.3",
        "--reprob 1",
        "--mixup 0.8",
        "--cutmix 1",
        "--mixup 0.8 --cutmix 1",
        "--hold-out 0.3",
        "--hold-out-seed 1",
    ] {
        let (params, _) = trained(&place, other);
        assert!(!seen.contains(&params), "{other}");
        seen.push(params);
    }
    // A run does not go on with other changes.
    place.json(&format!("{TRAIN} --augment --out out.safetensors"));
    let sentence = place.refused(&format!(
        "{TRAIN} --hflip 0.5 --resume --out out.safetensors"
    ));
    assert!(
        sentence.contains("expected a checkpoint of the same options and data"),
        "{sentence}"
    );
}

#[test]
fn what_is_not_possible_is_refused() {
    let place = pictures();
    let refused = |arguments: &str, expected: &str| {
        let sentence = place.refused(&format!("{TRAIN} {arguments} --out out.safetensors"));
        assert!(sentence.contains(expected), "{sentence}");
    };
    refused("--hflip 1.5", "expected a share of images to flip");
    refused("--scale 0,1", "a least and a most area");
    refused("--hold-out 0", "leaves some for either part");
    refused("--cutmix=-1", "a cutmix of 0 or more");
    fs::create_dir(place.path("parts")).unwrap();
    for part in ["train", "val"] {
        let count = copied(&place, part);
        assert_eq!(count, 20);
    }
    let sentence = place.refused(
        "train --data parts --image-size 16 --channels 1 --hold-out 0.2 --out out.safetensors",
    );
    assert!(
        sentence.contains("has a part to validate with"),
        "{sentence}"
    );
    let output = place.run("train --glyphs 10 --augment --out out.safetensors");
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(sentence.contains("cannot be used with"), "{sentence}");
}

/// Copies the pictures into a part; returns how many.
fn copied(place: &Workplace, part: &str) -> usize {
    let mut count = 0;
    for class in ["above", "below"] {
        let to = place.path("parts").join(part).join(class);
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(place.path("pictures").join(class)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            count += 1;
        }
    }
    count
}

/// The study of ReLU on a folder, whose teacher is trained on it.
#[test]
fn a_study_takes_a_folder() {
    let place = pictures();
    fs::create_dir(place.path("parts")).unwrap();
    for part in ["train", "test"] {
        assert_eq!(copied(&place, part), 20);
    }
    let train = TRAIN.replace("--data pictures", "--data parts");
    place.json(&format!("{train} --out teacher.safetensors"));
    let study = "reproduce relu --quick --no-times --seeds 1 --epoch-images 8 --test-images 30 --data parts --out study";
    let answer = place.json(&format!("{study} --teacher teacher.safetensors"));
    assert_eq!(answer["settings"]["images"], json!("images of parts"));
    assert_eq!(answer["settings"]["test_images"], json!(20));
    // A tenth of what there is to train on, as there is no part to validate with beside the test.
    assert_eq!(answer["settings"]["validation_images"], json!(2));
    assert_eq!(answer["classes"], json!(["above", "below"]));
    assert_eq!(answer["arms"].as_array().unwrap().len(), 8);
    let report = fs::read_to_string(place.path("study/report.html")).unwrap();
    assert!(report.contains("--data parts --teacher teacher.safetensors"));

    let sentence = place.refused(
        &format!("{study} --teacher teacher.safetensors")
            .replace("--data parts", "--data pictures"),
    );
    assert!(sentence.contains("expected a folder train"), "{sentence}");
}
