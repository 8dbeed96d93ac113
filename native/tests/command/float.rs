//! The commands on float models, one after the other as a user would.

use crate::place::Workplace;
use intformer::{checkpoint, plan::IntModel};

fn with_float() -> Workplace {
    let place = Workplace::new();
    let model = IntModel::load(place.path("model.safetensors")).unwrap();
    let float = intformer::quant::float_model(&model.config, 1).unwrap();
    checkpoint::save(&float, place.path("float.safetensors")).unwrap();
    place
}

#[test]
fn a_float_model_becomes_an_integer_one() {
    let place = with_float();
    let info = place.json("info float.safetensors");
    assert_eq!(
        info["params"],
        place.json("info model.safetensors")["params"]
    );

    place.json("quantize float.safetensors --calib random:8 --out out.safetensors");
    let info = place.json("info out.safetensors");
    let calibration = info["provenance"]["calibration"].as_str().unwrap();
    assert!(calibration.contains("random"), "{calibration}");
    assert_eq!(info["provenance"]["images"], 8);
    let typicality = || {
        let answer = place.json("classify out.safetensors image.png -e reference");
        answer["images"][0]["typicality"].clone()
    };
    assert!(typicality().is_null(), "noise says nothing of images");
    place.json("quantize float.safetensors --calib image.png --out out.safetensors");
    assert!(typicality().is_null(), "one image has no percentiles");
    std::fs::create_dir(place.path("many")).unwrap();
    for copy in 0..100 {
        let path = place.path("many").join(format!("{copy}.png"));
        std::fs::copy(place.path("image.png"), path).unwrap();
    }
    place.json("quantize float.safetensors --calib many --out out.safetensors");
    assert_eq!(typicality(), 100, "it is the calibration image");

    let float = place.json("logits float.safetensors --image image.png");
    assert_eq!(float["executor"], "float");
    assert_eq!(float["shape"], serde_json::json!([1, 5]));
    assert_eq!(float["digest"].as_str().unwrap().len(), 64);
    place.refused("logits float.safetensors --image image.png -e reference");
    place.refused("logits out.safetensors --image image.png -e float");
    place.refused("verify float.safetensors");
}

#[test]
fn calibration_needs_no_classes() {
    let place = with_float();
    std::fs::create_dir_all(place.path("photos/deep")).unwrap();
    for name in ["photos/1.png", "photos/deep/2.png", "photos/3.png"] {
        std::fs::copy(place.path("image.png"), place.path(name)).unwrap();
    }
    std::fs::write(place.path("photos/4.heic"), "").unwrap();
    std::fs::write(place.path("list.txt"), "photos/1.png\nphotos/deep\n").unwrap();
    let quantize = "quantize float.safetensors --out out.safetensors --calib";
    for (source, images) in [
        ("photos", 3),
        ("image.png", 1),
        ("image.png --calib photos/1.png", 2),
        ("list.txt", 2),
        ("@list.txt", 2),
    ] {
        let answer = place.json(&format!("{quantize} {source}"));
        assert_eq!(answer["images"], images, "{source}");
    }
    std::fs::write(place.path("photos/bad.jpg"), "no image").unwrap();
    let answer = place.json(&format!("{quantize} photos"));
    assert_eq!(answer["images"], 3);
    assert_eq!(answer["skipped"][0]["path"], "photos/bad.jpg");
    assert_eq!(answer["left_out"], serde_json::json!({ "heic": 1 }));
    let sentence = place.refused(&format!("{quantize} photos --strict"));
    assert!(sentence.contains("bad.jpg"), "{sentence}");
    let sentence = place.refused(&format!("{quantize} photos/bad.jpg"));
    assert!(sentence.contains("found 1 that cannot"), "{sentence}");
    place.refused(&format!("{quantize} photos --calib random:4"));
}

#[test]
fn calibration_reads_the_training_part() {
    let place = with_float();
    for (folder, copies) in [("data/train/a", 2), ("data/val/a", 1)] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
        for copy in 0..copies {
            let path = place.path(folder).join(format!("{copy}.png"));
            std::fs::copy(place.path("image.png"), path).unwrap();
        }
    }
    let answer = place.json("quantize float.safetensors --out out.safetensors --calib data");
    assert_eq!(answer["images"], 2);
    assert_eq!(answer["parts"], serde_json::json!(["train"]));
}

#[test]
fn training_outlives_a_damaged_file() {
    let place = Workplace::new();
    for split in ["train", "Valid"] {
        for class in ["x", "y"] {
            let folder = place.path("photos").join(split).join(class);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::copy(place.path("image.png"), folder.join("1.png")).unwrap();
            std::fs::write(folder.join("2.png"), "no image").unwrap();
        }
    }
    std::fs::create_dir_all(place.path("photos/train/z")).unwrap();
    let model = "--image-size 8 --patch 2 --window 2 --width 8 --depths 1 --heads 1";
    let train = format!("train --data photos --out new.safetensors --epochs 1 --batch 2 {model}");
    let answer = place.json(&train);
    assert_eq!(answer["config"]["classes"], 2);
    assert_eq!(answer["skipped"].as_array().unwrap().len(), 4);
    assert_eq!(answer["empty"], serde_json::json!(["z"]));
    let train = train.replace("new", "strict");
    let sentence = place.refused(&format!("{train} --strict --quiet"));
    assert!(sentence.contains("2.png"), "{sentence}");
}

#[test]
fn a_twin_has_the_same_logits() {
    let place = with_float();
    place.json("rescale float.safetensors --by 64 --seed 1 --out twin.safetensors");
    let logits = |model: &str| {
        let answer = place.json(&format!("logits {model} --image image.png"));
        serde_json::from_value::<Vec<f64>>(answer["logits"].clone()).unwrap()
    };
    let (float, twin) = (logits("float.safetensors"), logits("twin.safetensors"));
    let largest = float.iter().fold(0f64, |most, value| most.max(value.abs()));
    assert_ne!(float, twin);
    for (float, twin) in float.iter().zip(&twin) {
        assert!(
            (float - twin).abs() < 1e-4 * largest,
            "{float} against {twin}"
        );
    }
}

#[test]
fn twins_are_quantized_and_evaluated() {
    let place = with_float();
    for class in ["a", "b", "c", "d", "e"] {
        let folder = place.path("data").join(class);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(place.path("image.png"), folder.join("1.png")).unwrap();
    }
    let twins = "twins float.safetensors --calib random:8 --data data -e reference";
    let answer = place.json(&format!("{twins} --twins 2 --by 8"));
    assert_eq!(answer["n"], 5);
    let rows = answer["results"].as_array().unwrap();
    let seeds: Vec<_> = rows.iter().map(|row| row["seed"].as_u64()).collect();
    assert_eq!(seeds, [None, Some(0), Some(1)]);
    for row in rows {
        // Five equal images of five classes: one is right, whatever the model says.
        assert_eq!((&row["float"], &row["integer"]), (&0.2.into(), &0.2.into()));
        assert_eq!(row["difference"], 0.0);
    }
    place.refused(&format!("{twins} --by 0"));
}

#[test]
fn a_report_tells_what_each_layer_loses() {
    let place = with_float();
    let quantize = "quantize float.safetensors --calib random:8 --out out.safetensors --report";
    let answer = place.json(quantize);
    let layers = answer["layers"].as_array().unwrap();
    let of = |site: &str| {
        let layer = layers.iter().find(|layer| layer["site"] == site);
        layer.unwrap_or_else(|| panic!("{site} in {layers:?}"))
    };
    assert_eq!(of("layers.0.blocks.0.attn.qkv")["bits"], 8);
    assert_eq!(of("layers.0.blocks.0.mlp.add")["bits"], 16);
    for layer in layers {
        let decibels = layer["signal_to_noise_db"].as_f64().unwrap();
        assert!(decibels > 10.0, "{layer}");
        assert!(layer["clipped"].as_f64().unwrap() < 0.05, "{layer}");
    }
    assert_eq!(layers.last().unwrap()["site"], "head.fc");
    let output = place.run(quantize);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("signal to noise") && text.contains("head.fc"),
        "{text}"
    );
}

#[test]
fn refusals_leave_no_file() {
    let place = with_float();
    place.refused("quantize float.safetensors --calib random:0 --out out.safetensors");
    for source in ["random", "glyphs"] {
        for count in ["10000000000000000000", "1000000000000000000", "10000001"] {
            let calibration = format!("--calib {source}:{count} --out out.safetensors");
            place.refused(&format!("quantize float.safetensors {calibration}"));
        }
    }
    place.refused("quantize float.safetensors --calib random:10000000 --out out.safetensors");
    place.refused("quantize float.safetensors --calib missing --out out.safetensors");
    place.refused("quantize model.safetensors --calib random:4 --out out.safetensors");
    place.refused("rescale float.safetensors --by 0 --out out.safetensors");
    place.refused("rescale float.safetensors --out out.txt");
    place.refused("train --data missing --out out.safetensors");
    place.refused("train --data . --out out.txt");
}

#[test]
fn counts_that_are_none_are_refused() {
    let place = Workplace::new();
    for arguments in [
        "--epochs 0",
        "--epochs 1000000000000000000",
        "--batch 0",
        "--batch 1000000000000000000",
        "--channels 1000000000000000000",
        "--width 1000000000000000000",
        "--depths 2,1000000000000000000",
        "--heads 0,0",
    ] {
        let output = place.run(&format!("train --data . --out out.safetensors {arguments}"));
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
    let output = place.run("train --glyphs 1000000000000000000 --out out.safetensors");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_folder_of_images_is_enough_to_train() {
    let place = Workplace::new();
    for split in ["train", "val"] {
        for class in ["x", "y"] {
            let folder = place.path("photos").join(split).join(class);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::copy(place.path("image.png"), folder.join("1.png")).unwrap();
        }
    }
    let model = "--image-size 8 --patch 2 --window 2 --width 8 --depths 1 --heads 1";
    let train = format!("train --data photos --out new.safetensors --epochs 1 --batch 2 {model}");
    let answer = place.json(&train);
    assert_eq!(answer["config"]["classes"], 2);
    let info = place.json("info new.safetensors");
    assert_eq!(info["params"], answer["params"]);
    assert_eq!(info["labels"], serde_json::json!(["x", "y"]));
    let eval = place.json("eval new.safetensors --data photos/val");
    assert_eq!((&eval["n"], &eval["top5"]), (&2.into(), &1.0.into()));
}

#[test]
fn a_trained_model_gets_a_head_for_other_classes() {
    let place = Workplace::new();
    let photos = |name: &str, classes: &[&str]| {
        for split in ["train", "val"] {
            for class in classes {
                let folder = place.path(name).join(split).join(class);
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::copy(place.path("image.png"), folder.join("1.png")).unwrap();
            }
        }
    };
    photos("two", &["x", "y"]);
    photos("three", &["x", "y", "z"]);
    let model = "--image-size 8 --patch 2 --window 2 --width 8 --depths 1 --heads 1";
    place.json(&format!(
        "train --data two --out two.safetensors --epochs 1 {model}"
    ));
    let from = "train --from two.safetensors --epochs 1";
    let output = place.run(&format!("{from} --data two --out again.safetensors"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("head is kept"));
    let answer = place.json(&format!("{from} --data three --out three.safetensors"));
    assert_eq!(answer["config"]["classes"], 3);
    assert_eq!(answer["config"]["image_size"], serde_json::json!([8, 8]));
    let info = place.json("info three.safetensors");
    assert_eq!(info["labels"], serde_json::json!(["x", "y", "z"]));
    // The same file for the same seed.
    place.json(&format!("{from} --data three --out same.safetensors"));
    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(bytes("three.safetensors"), bytes("same.safetensors"));
    let larger = place.json(&format!(
        "{from} --data three --image-size 16 --out larger.safetensors"
    ));
    assert_eq!(larger["config"]["image_size"], serde_json::json!([16, 16]));
    std::fs::write(place.path("table.csv"), "text,label\na,b\n").unwrap();
    let sentence = place.refused(&format!("{from} --data table.csv --out x.safetensors"));
    assert!(sentence.contains("as the model takes images"), "{sentence}");
}

#[test]
fn a_checkpoint_of_another_library_takes_options_and_gives_notes() {
    let place = Workplace::new();
    let forms = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/checkpoints/forms"
    );
    let info = place.json(&format!("info {forms}/model_best.pth.tar"));
    let notes = info["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 3, "{notes:?}");
    let info = place.json(&format!(
        "info {forms}/base.safetensors --image-size 56x112 --window-size 14"
    ));
    assert_eq!(info["config"]["image_size"], serde_json::json!([56, 112]));
    assert_eq!(info["config"]["window_size"], 14);
    for option in ["--image-size 64", "--window-size 2", "--weights raw"] {
        place.refused(&format!("info model.safetensors {option}"));
    }
    let output = place.run(&format!("info {forms}/base.safetensors --image-size 1x"));
    assert_eq!(output.status.code(), Some(2));
}
