//! `intformer prune`, as a user would.

use std::fs;

use intformer::{
    FloatModel,
    architecture::{Config, VitConfig},
    checkpoint,
    quant::float_model,
};
use serde_json::Value;

use crate::{place::Workplace, texts::encoder};

const METHODS: [&str; 6] = ["optin", "fisher", "kwon", "magnitude", "random", "greedy"];

/// Photographs of two classes, and a model of them.
fn with_photos() -> Workplace {
    let place = Workplace::new();
    for (part, images) in [("train", 6u32), ("val", 2)] {
        for (class, name) in ["x", "y"].into_iter().enumerate() {
            let folder = place.path(&format!("photos/{part}/{name}"));
            fs::create_dir_all(&folder).unwrap();
            for image in 0..images {
                let byte = |at: u32| match class {
                    0 => (at * (image + 3)) as u8,
                    _ => (at / 8 * 30 + image) as u8,
                };
                let bytes = (0..64).map(byte).collect();
                let pixels = image::GrayImage::from_raw(8, 8, bytes).unwrap();
                pixels.save(folder.join(format!("{image}.png"))).unwrap();
            }
        }
    }
    place.json(
        "train --data photos --out photos.safetensors --epochs 2 --batch 4 --channels 1 --image-size 8 --patch 2 \
         --window 2 --width 8 --depths 2 --heads 2",
    );
    place
}

/// Questions of two classes, and a model of them.
fn with_questions() -> Workplace {
    let place = encoder();
    let letter = |at: usize| char::from(b'a' + (at % 26) as u8);
    let rows = (0..40).map(|at| match at % 2 {
        0 => format!("a b c {} d,who\n", letter(at)),
        _ => format!("h i {} j k l,where\n", letter(at)),
    });
    let rows: String = rows.collect();
    fs::write(place.path("questions.csv"), format!("text,label\n{rows}")).unwrap();
    place.json("train --from encoder --data questions.csv --out questions.safetensors --epochs 1");
    place
}

/// Heads and hidden channels of all blocks, before and after.
fn widths(report: &Value) -> [u64; 2] {
    let blocks = report["blocks"].as_array().unwrap();
    [0, 1].map(|at| {
        let width = |block: &Value| {
            block["heads"][at].as_u64().unwrap() + block["hidden"][at].as_u64().unwrap()
        };
        blocks.iter().map(width).sum()
    })
}

#[test]
fn every_method_leaves_a_smaller_model_that_runs() {
    for (place, model, data, calib) in [
        (
            with_photos(),
            "photos.safetensors",
            "photos",
            "photos/train",
        ),
        (
            with_questions(),
            "questions.safetensors",
            "questions.csv",
            "lines.txt",
        ),
    ] {
        place.json(&format!(
            "quantize {model} --calib {calib} --out whole.safetensors"
        ));
        let bytes = |name: &str| fs::metadata(place.path(name)).unwrap().len();
        for method in METHODS {
            let answer = place.json(&format!(
                "prune {model} --data {data} --flops 0.7 --method {method} --batch 4 --out pruned.safetensors"
            ));
            let report = &answer["report"];
            let [before, after] = widths(report);
            assert!(after < before, "{method}: {report}");
            let macs = |at: usize| report["macs"][at].as_f64().unwrap();
            assert!(macs(1) <= 0.7 * macs(0), "{method}");
            let agrees = answer["kept"]["agrees"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&agrees), "{method}");
            assert!(!place.path("pruned.prune").exists(), "{method}");
            // Like any other model: quantized, and the same on all executors.
            place.json(&format!(
                "quantize pruned.safetensors --calib {calib} --out int.safetensors"
            ));
            place.json("verify int.safetensors -e reference,cpu --random 3");
            assert!(
                bytes("int.safetensors") < bytes("whole.safetensors"),
                "{method}"
            );
        }
        let output = place.run(&format!(
            "prune {model} --data {data} --method kwon --flops 0.8 --out pruned.safetensors"
        ));
        let text = String::from_utf8(output.stdout).unwrap();
        for part in [
            "multiply-adds",
            "parameters: ",
            "% of the answers as before",
            "scaled: ",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn a_run_that_was_cut_off_ends_with_the_same_file() {
    let place = with_questions();
    for method in ["optin", "greedy"] {
        let prune =
            format!("prune questions.safetensors --data questions.csv --method {method} --batch 8");
        place.json(&format!("{prune} --out whole.safetensors"));
        let file = |name: &str| fs::read(place.path(name)).unwrap();
        place.json(&format!("{prune} --out again.safetensors"));
        assert_eq!(file("again.safetensors"), file("whole.safetensors"));
        // A kill is made up: a run that cannot write its model has kept what it found.
        fs::create_dir(place.path("taken.safetensors")).unwrap();
        let state = place.path("state").join("scores.json");
        let output = place.run(&format!("{prune} --out taken.safetensors --state state"));
        assert_eq!(output.status.code(), Some(2));
        let mut scores: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
        let rounds = scores["losses"].as_array_mut().unwrap();
        rounds.last_mut().unwrap().as_array_mut().unwrap().pop();
        fs::write(&state, scores.to_string()).unwrap();
        let error = place.refused(&format!("{prune} --out goes-on.safetensors --state state"));
        assert!(
            error.contains("expected no earlier run in state, found one"),
            "{error}"
        );
        let error = place.refused(&format!(
            "{prune} --out goes-on.safetensors --state state --resume --limit 10"
        ));
        assert!(error.contains("found those of other items"), "{error}");
        place.json(&format!(
            "{prune} --out goes-on.safetensors --state state --resume"
        ));
        assert_eq!(file("goes-on.safetensors"), file("whole.safetensors"));
        fs::remove_dir(place.path("taken.safetensors")).unwrap();
    }
}

#[test]
fn what_cannot_be_pruned_is_refused() {
    let place = with_photos();
    place.json("quantize photos.safetensors --calib photos/train --out int.safetensors");
    for name in ["a", "b"] {
        let folder = place.path(&format!("other/train/{name}"));
        fs::create_dir_all(&folder).unwrap();
        fs::copy(place.path("image.png"), folder.join("1.png")).unwrap();
    }
    let prune = "prune photos.safetensors --data photos --out pruned.safetensors";
    for (arguments, expected) in [
        (
            format!("{prune} --flops 0.01"),
            "expected a share of the multiply-adds of at least 0.",
        ),
        (
            format!("{prune} --flops 1.2"),
            "above 0 and up to 1, found 1.2",
        ),
        (
            format!("{prune} --flops 0.7 --rearrange"),
            "expected the criterion fisher",
        ),
        (
            format!("{prune} --method kwon --resume"),
            "expected no --resume with this method",
        ),
        (
            format!("{prune} --method fisher --rows 9"),
            "expected no --rows with this method",
        ),
        (
            format!("{prune} --lambda nan"),
            "expected a weight of the logits of 0 or more",
        ),
        (
            "prune photos.safetensors --data photos --out pruned.bin".to_owned(),
            "ends in .safetensors",
        ),
        (
            "prune photos.safetensors --data other --out pruned.safetensors".to_owned(),
            "found 2 of 2 with others: \"a\", \"b\"",
        ),
        (
            "prune int.safetensors --data photos --out pruned.safetensors".to_owned(),
            "expected a float model, found a compressed one",
        ),
        (
            "prune photos.safetensors --data none --out pruned.safetensors".to_owned(),
            "No such file or directory",
        ),
    ] {
        let error = place.refused(&arguments);
        assert!(error.contains(expected), "{arguments}: {error}");
    }
}

/// Patches are left out of a Vision Transformer, of no other model, and every executor does so.
#[test]
fn patches_are_left_out() {
    let place = with_photos();
    let config = VitConfig {
        image_size: [8, 8],
        in_channels: 1,
        patch_size: 2,
        embed_dim: 8,
        depth: 3,
        heads: 2,
        hidden: 12,
        classes: 2,
        ..VitConfig::tiny()
    };
    let model = FloatModel {
        labels: vec!["x".to_owned(), "y".to_owned()],
        ..float_model(config, 1).unwrap()
    };
    checkpoint::save(&model, place.path("vit.safetensors")).unwrap();
    let prune = "prune vit.safetensors --data photos --out pruned.safetensors";
    for method in METHODS {
        let answer = place.json(&format!(
            "{prune} --tokens 0.7 --flops 0.7 --method {method}"
        ));
        let report = &answer["report"];
        let patches: Vec<u64> = serde_json::from_value(report["patches"].clone()).unwrap();
        assert!(patches[0] == 16 && patches[2] < 16, "{method}: {patches:?}");
        let macs = |at: usize| report["macs"][at].as_f64().unwrap();
        assert!(macs(1) <= 0.7 * macs(0), "{method}");
        match checkpoint::load(place.path("pruned.safetensors"))
            .unwrap()
            .config
        {
            Config::Vit(config) => assert_eq!(config.patch_depth.unwrap().len(), 16),
            other => panic!("{other}"),
        }
        place.json("quantize pruned.safetensors --calib photos/train --out int.safetensors");
        place.json("verify int.safetensors -e reference,cpu --random 3");
        place.json("eval int.safetensors --data photos");
    }
    let output = place.run(&format!("{prune} --tokens 1 --method random"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("patches by block: 16 "), "{text}");
    let info = place.run("info pruned.safetensors");
    let text = String::from_utf8(info.stdout).unwrap();
    assert!(text.contains("patches 16 to "), "{text}");
    for (arguments, expected) in [
        (
            "prune photos.safetensors --data photos --tokens 0.5 --out pruned.safetensors".to_owned(),
            "expected a Vision Transformer that answers for whole images",
        ),
        (
            "prune pruned.safetensors --data photos --tokens 0.5 --out again.safetensors".to_owned(),
            "has all of its patches",
        ),
        (
            format!("{prune} --tokens 1.5"),
            "a share of the reduction by tokens from 0 to 1, found 1.5",
        ),
        (
            format!("{prune} --tokens 1 --flops 0.05"),
            "to be reached by leaving patches out",
        ),
        (
            format!("{prune} --tokens 0.5 --as-released"),
            "expected OPTIN as the paper says it for tokens",
        ),
        (
            "quantize pruned.safetensors --image-size 16 --calib photos/train --out big.safetensors".to_owned(),
            "expected",
        ),
    ] {
        let error = place.refused(&arguments);
        assert!(error.contains(expected), "{arguments}: {error}");
    }
}

/// A budget of time is kept by what was measured, and the file of that gives the same model.
#[test]
fn a_budget_of_time_is_kept() {
    let place = with_photos();
    let prune = "prune photos.safetensors --data photos --method magnitude --time 0.7 --time-runs 3 --time-table times.json";
    let answer = place.json(&format!("{prune} --out pruned.safetensors"));
    let report = &answer["report"];
    let times = [0, 1].map(|at| report["nanoseconds"][at].as_f64().unwrap());
    assert!(times[1] <= 0.7 * times[0] && times[1] > 0.0, "{report}");
    let [before, after] = widths(report);
    assert!(after < before, "{report}");
    let table: Value =
        serde_json::from_slice(&fs::read(place.path("times.json")).unwrap()).unwrap();
    assert_eq!(table["groups"].as_array().unwrap().len(), 4);
    assert!(table["machine"].as_str().unwrap().starts_with("cpu ("));

    place.json(&format!("{prune} --out again.safetensors"));
    let file = |name: &str| fs::read(place.path(name)).unwrap();
    assert_eq!(file("again.safetensors"), file("pruned.safetensors"));

    let text = place.run(&format!("{prune} --out text.safetensors")).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("time by the table: "), "{text}");

    for (arguments, expected) in [
        (
            format!("{prune} --out no.safetensors --rounds 2"),
            "expected one round with --time, as times are known of the whole model's layers, found 2",
        ),
        (
            prune.replace("--time 0.7", "--time 0.001") + " --out no.safetensors",
            "expected a share of the time of at least",
        ),
        (
            prune.replace("photos.safetensors", "pruned.safetensors") + " --out no.safetensors",
            // Either a layer is gone or it has fewer units.
            "expected times of",
        ),
    ] {
        let error = place.refused(&arguments);
        assert!(error.contains(expected), "{arguments}: {error}");
    }
}

/// Without classes the model's own answers are those that are kept.
#[test]
fn what_has_no_classes_is_answered_by_the_model() {
    for (place, model, sources) in [
        (with_photos(), "photos.safetensors", "photos/train"),
        (with_questions(), "questions.safetensors", "lines.txt"),
    ] {
        for method in ["optin", "kwon"] {
            let answer = place.json(&format!(
                "prune {model} --unlabelled {sources} --method {method} --flops 0.8 --batch 4 --out pruned.safetensors"
            ));
            let kept = &answer["kept"];
            assert!(kept["top1"].is_null(), "{answer}");
            assert!(
                (0.0..=1.0).contains(&kept["agrees"].as_f64().unwrap()),
                "{answer}"
            );
            assert!(answer["report"]["items"].as_u64().unwrap() > 1, "{answer}");
        }
        let error = place.refused(&format!(
            "prune {model} --unlabelled none --out pruned.safetensors"
        ));
        assert!(error.contains("No such file or directory"), "{error}");
    }
}
