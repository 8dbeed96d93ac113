//! `intformer distill` and `intformer reproduce`, as a user would run them.

use crate::place::Workplace;

/// Photographs of two classes, and a GELU model that was trained on them.
fn with_teacher() -> Workplace {
    let place = Workplace::new();
    for folder in ["photos/train", "photos/val", "other/train", "other/val"] {
        let names = if folder.starts_with("photos") {
            ["x", "y"]
        } else {
            ["x", "z"]
        };
        for class in names {
            let folder = place.path(folder).join(class);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::copy(place.path("image.png"), folder.join("1.png")).unwrap();
        }
    }
    let model = "--image-size 8 --patch 2 --window 2 --width 8 --depths 2 --heads 1";
    place.json(&format!(
        "train --data photos --out gelu.safetensors --epochs 1 --batch 2 {model}"
    ));
    place
}

#[test]
fn gelu_becomes_relu_and_a_run_goes_on() {
    let place = with_teacher();
    let distill = "distill relu gelu.safetensors --data photos --batch 2 --finish-epochs 1";
    let log = place.json(&format!("{distill} --out relu.safetensors"));
    assert_eq!(log["steps"].as_array().unwrap().len(), 3);
    assert_eq!(log["plan"][0][0]["block"], 1, "the last block comes first");
    let info = place.json("info relu.safetensors");
    assert_eq!(info["config"]["activation"], "relu");
    place.json("quantize relu.safetensors --calib random:8 --out int.safetensors");

    let sentence = place.refused(&format!("{distill} --out relu.safetensors"));
    assert!(sentence.contains("expected no earlier run"), "{sentence}");
    // The last step again, after a kill.
    let digest = |model: &str| {
        let answer = place.json(&format!("logits {model} --image image.png"));
        answer["digest"].clone()
    };
    let expected = digest("relu.safetensors");
    let path = place.path("relu.distill/log.json");
    let mut log: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    log["steps"].as_array_mut().unwrap().pop();
    std::fs::write(&path, log.to_string()).unwrap();
    place.json(&format!(
        "{distill} --out again.safetensors --state relu.distill --resume"
    ));
    assert_eq!(digest("again.safetensors"), expected);
}

#[test]
fn the_ablations_differ() {
    let place = with_teacher();
    let distill = "distill relu gelu.safetensors --data photos --batch 2 --finish-epochs 1";
    let log = place.json(&format!(
        "{distill} --out once.safetensors --at-once --no-teacher"
    ));
    assert_eq!(
        log["options"]["training"]["distillation"],
        serde_json::Value::Null
    );
    let steps = log["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    // As many epochs as a run block by block.
    assert_eq!(steps[1]["epochs"].as_array().unwrap().len(), 3);
    place.json(&format!(
        "{distill} --out bare.safetensors --no-fc1-bias --order sensitivity"
    ));
    let info = place.json("info bare.safetensors");
    assert_eq!(info["config"]["fc1_bias"], false);
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = with_teacher();
    place.json("train --data photos --out relu.safetensors --epochs 1 --batch 2 --activation relu --image-size 8 --patch 2 --window 2 --width 8 --depths 1 --heads 1");
    let distill = |rest: &str| place.refused(&format!("distill relu {rest}"));
    let sentence = distill("relu.safetensors --data photos --out out.safetensors");
    assert!(
        sentence.contains("expected a teacher with GELU"),
        "{sentence}"
    );
    let sentence = distill("gelu.safetensors --data other --out out.safetensors");
    assert!(
        sentence.contains("found 1 of 2 with others: \"z\""),
        "{sentence}"
    );
    distill("gelu.safetensors --data missing --out out.safetensors");
    distill("gelu.safetensors --data photos --out out.txt");
    distill("gelu.safetensors --data photos --temperature 0 --out out.safetensors");
    distill("gelu.safetensors --glyphs 10 --out out.safetensors");
    let sentence = place.refused("reproduce relu --teacher gelu.safetensors --out study");
    assert!(sentence.contains("classes of the glyphs"), "{sentence}");
}

#[test]
fn the_study_runs_and_goes_on() {
    let place = Workplace::new();
    let teacher = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../models/glyphs-gelu-float.safetensors"
    );
    let study = format!(
        "reproduce relu --quick --no-times --seeds 1 --epoch-images 8 --test-images 34 --teacher {teacher} --out study"
    );
    let results = place.json(&study);
    let arms = results["arms"].as_array().unwrap();
    assert!(arms.len() >= 7);
    assert_eq!(arms.iter().filter(|arm| arm["claimed"] == true).count(), 1);
    for arm in arms {
        assert_eq!(arm["runs"].as_array().unwrap().len(), 1);
    }
    let page = std::fs::read_to_string(place.path("study/report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("means little"));
    assert!(!page.contains("<script") && !page.contains("src=\"http"));

    // A student that is missing is made again, the same; the others are kept.
    let digest = |results: &serde_json::Value| results["arms"][0]["runs"][0]["digest"].clone();
    std::fs::remove_file(place.path("study/last-to-first/seed-0/result.json")).unwrap();
    let again = place.json(&study);
    assert_eq!(digest(&again), digest(&results));
    let sentence = place.refused(&study.replace("--epoch-images 8", "--epoch-images 9"));
    assert!(sentence.contains("of the same settings"), "{sentence}");
}
