//! The command as people and scripts meet it: output, exit codes, refusals.

use crate::place::{self, Workplace};
use serde_json::Value;

fn digest(value: &Value) -> &str {
    let digest = value.as_str().unwrap();
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    assert!(digest.len() == 64 && digest.bytes().all(hex), "{digest}");
    digest
}

#[test]
fn info_counts_layers_and_bytes() {
    let place = Workplace::new();
    let info = place.json("info model.safetensors");
    for key in [
        "params",
        "macs",
        "dispatches",
        "arena_bytes",
        "weight_bytes",
        "file_bytes",
    ] {
        assert!(info[key].as_u64().unwrap() > 0, "{key}");
    }
    let file = std::fs::metadata(place.path("model.safetensors")).unwrap();
    assert_eq!(info["file_bytes"], file.len());
    let layers = info["layers"].as_array().unwrap();
    assert_eq!(info["dispatches"], layers.len());
    let macs: u64 = layers
        .iter()
        .map(|layer| layer["macs"].as_u64().unwrap())
        .sum();
    assert_eq!(info["macs"], macs, "every layer's work is in the table");
}

#[test]
fn logits_of_an_image_and_of_its_pixels_are_the_same() {
    let place = Workplace::new();
    let image = place.json("logits model.safetensors --image image.png -e reference");
    assert_eq!(image["shape"], serde_json::json!([1, 5]));
    assert_eq!(image["logits"].as_array().unwrap().len(), 5);

    let model = intformer::plan::IntModel::load(place.path("model.safetensors")).unwrap();
    let preprocessing = &model.preprocessing;
    let image_path = place.path("image.png");
    let pixels =
        intformer::picture::load(image_path, &model.config.image().unwrap(), preprocessing)
            .unwrap();
    let view = safetensors::tensor::TensorView::new(
        safetensors::Dtype::U8,
        vec![1, 16, 16, 1],
        &pixels.data,
    );
    let file = safetensors::serialize([("pixels", view.unwrap())], None).unwrap();
    std::fs::write(place.path("pixels.safetensors"), file).unwrap();
    let tensor = place.json("logits model.safetensors --tensor pixels.safetensors -e reference");
    assert_eq!(digest(&tensor["digest"]), digest(&image["digest"]));

    let values: Vec<i32> = serde_json::from_value(image["logits"].clone()).unwrap();
    assert_eq!(intformer::digest(&values), digest(&image["digest"]));
}

#[test]
fn classify_names_the_likeliest_class_first() {
    let place = Workplace::new();
    let answer = place.json("classify model.safetensors image.png -e reference --top 3");
    let top = answer["images"][0]["top"].as_array().unwrap();
    let shares: Vec<f64> = top
        .iter()
        .map(|one| one["probability"].as_f64().unwrap())
        .collect();
    assert_eq!(shares.len(), 3);
    assert!(
        shares.is_sorted_by(|a, b| a >= b) && shares[0] <= 1.0,
        "{shares:?}"
    );
    let logits = place.json("logits model.safetensors --image image.png -e reference");
    let values: Vec<i32> = serde_json::from_value(logits["logits"].clone()).unwrap();
    let best = values
        .iter()
        .position(|value| value == values.iter().max().unwrap())
        .unwrap();
    assert_eq!(top[0]["label"], ["a", "b", "c", "d", "e"][best]);
    let executor = &answer["images"][0]["executors"][0];
    assert_eq!(digest(&executor["digest"]), digest(&logits["digest"]));
}

#[test]
fn classify_hints_at_what_the_model_cannot_know() {
    let place = Workplace::new();
    let look = || {
        let answer = place.json("classify model.safetensors image.png white.png -e reference,cpu");
        let of = |at: usize, key: &str| answer["images"][at][key].clone();
        [0, 1].map(|at| (of(at, "hint"), of(at, "spread"), of(at, "typicality")))
    };
    let white = image::GrayImage::from_pixel(9, 9, image::Luma([255]));
    white.save(place.path("white.png")).unwrap();
    let [image, white] = look();
    assert_eq!((&image.0, &image.2), (&Value::Null, &Value::Null));
    assert_eq!((&white.0, &white.1), (&"uniform".into(), &0.into()));

    // Of calibration images of which the model was surer than it can be of any.
    let path = place.path("model.safetensors");
    let mut model = intformer::plan::IntModel::load(&path).unwrap();
    let digest = model.digest().unwrap();
    model.typical = intformer::plan::Typical::new(vec![i32::MAX; 100]);
    model.save(&path).unwrap();
    let [image, white] = look();
    assert_eq!((&image.0, &image.2), (&"unlike".into(), &0.into()));
    assert_eq!(white.0, "uniform");
    let text = place
        .run("classify model.safetensors image.png -e cpu")
        .stdout;
    assert!(
        String::from_utf8(text)
            .unwrap()
            .contains("unlike those that")
    );
    let info = place.json("info model.safetensors");
    assert_eq!(info["digest"], digest, "what is computed is the same");
    model.typical = intformer::plan::Typical::new(vec![i32::MIN; 100]);
    model.save(&path).unwrap();
    assert_eq!(look()[0].2, 100);
}

#[test]
fn verify_finds_the_executors_equal() {
    let place = Workplace::new();
    let answer = place.json("verify model.safetensors --random 1");
    assert_eq!(answer["equal"], true);
    let executors = answer["executors"].as_array().unwrap();
    assert_eq!(executors[0]["name"], "reference");
    for executor in executors {
        assert_eq!(digest(&executor["digest"]), digest(&executors[0]["digest"]));
    }
}

#[test]
fn verify_with_one_executor_says_that_it_compared_nothing() {
    let place = Workplace::new();
    let output = place.run("verify model.safetensors --random 1 -e reference --json");
    assert_eq!(output.status.code(), Some(3));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["equal"].is_null());
    let text = place.run("verify model.safetensors --random 1 -e reference");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("NOT COMPARED"), "{text}");
}

#[test]
fn bench_compares_activations_in_turn() {
    let place = Workplace::new();
    let answer =
        place.json("bench model.safetensors --compare-activations -e cpu,reference -b 1,2 -n 3");
    assert_eq!(answer["weights"], "random");
    let rows = answer["results"].as_array().unwrap();
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["activation"].as_str().unwrap())
        .collect();
    let variants = names.len() / 4;
    assert_eq!(names[..4], ["relu", "table", "i-gelu", "shift-gelu"]);
    assert_eq!(names[..variants], names[3 * variants..]);
    for row in rows {
        assert_eq!(row["times_ms"].as_array().unwrap().len(), 3);
        assert_eq!(
            row["relu_takes_less"].is_null(),
            row["activation"] == "relu"
        );
    }
    let sentence = place.refused("bench swin-x");
    assert!(
        sentence.contains("expected swin-t, swin-s, swin-b, swin-l"),
        "{sentence}"
    );
}

#[test]
fn bench_reports_a_row_for_each_batch() {
    let place = Workplace::new();
    let answer = place.json("bench model.safetensors -e reference -b 2,3 -n 4 --by-op --threads 2");
    let results = answer["results"].as_array().unwrap();
    let batches: Vec<_> = results
        .iter()
        .map(|row| row["batch"].as_u64().unwrap())
        .collect();
    assert_eq!(batches, [2, 3]);
    for row in results {
        assert_eq!(
            (&row["executor"], &row["threads"]),
            (&"reference".into(), &2.into())
        );
        let time = |key: &str| row[key].as_f64().unwrap();
        assert!(0.0 < time("q1_ms") && time("q1_ms") <= time("median_ms"));
        assert!(time("median_ms") <= time("q3_ms"));
        let operations = row["operations"].as_array().unwrap();
        assert!(
            operations
                .iter()
                .any(|operation| operation["op"] == "window_attention")
        );
    }
}

#[test]
fn threads_that_would_not_work_are_refused() {
    let place = Workplace::new();
    for (executor, batch, threads, sentence) in [
        (
            "cpu",
            "1,8",
            2,
            "expected at most as many threads as images in a batch (1) on the executor cpu, found 2",
        ),
        (
            "reference,cpu --compare-activations",
            "8,3",
            4,
            "expected at most as many threads as images in a batch (3) on the executor reference, found 4",
        ),
        (
            "cpu",
            "64",
            1 + place::THREADS,
            "expected at most as many threads as run at once here (4), found 5",
        ),
    ] {
        let bench = format!("bench model.safetensors -n 1 -e {executor}");
        let found = place.refused(&format!("{bench} --batch {batch} --threads {threads}"));
        assert_eq!(found, format!("error: {sentence}\n"));
    }
    // A device has no use for them; without a device the exit code is 3.
    let class = place.path("data/a");
    std::fs::create_dir_all(&class).unwrap();
    std::fs::copy(place.path("image.png"), class.join("image.png")).unwrap();
    for command in [
        "bench model.safetensors",
        "eval model.safetensors --data data",
    ] {
        let output = place.run(&format!("{command} -e wgpu --threads 2"));
        let sentence = String::from_utf8(output.stderr).unwrap();
        if output.status.code() == Some(3) {
            println!("NOT RUN: no graphics adapter: {sentence}");
            continue;
        }
        assert_eq!(
            sentence,
            "error: expected the executor reference or cpu for the number of threads 2, found wgpu\n"
        );
    }
}

#[test]
fn eval_counts_matches_by_class_name() {
    let place = Workplace::new();
    let best = place.json("classify model.safetensors image.png -e reference --top 5");
    let ranked = best["images"][0]["top"].as_array().unwrap();
    // Two images of the class that the model sees, one of another.
    for (rank, copies) in [(0, 2), (1, 1)] {
        let folder = place
            .path("data")
            .join(ranked[rank]["label"].as_str().unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        for copy in 0..copies {
            std::fs::copy(place.path("image.png"), folder.join(format!("{copy}.png"))).unwrap();
        }
    }
    for threads in [1, 3] {
        let command =
            format!("eval model.safetensors --data data -e reference --threads {threads}");
        let answer = place.json(&command);
        assert_eq!(answer["n"], 3);
        assert_eq!(answer["top1"].as_f64().unwrap(), 2.0 / 3.0);
        assert_eq!(answer["top5"].as_f64().unwrap(), 1.0);
    }
}

#[test]
fn models_that_are_none_are_refused() {
    let place = Workplace::new();
    let whole = std::fs::read(place.path("model.safetensors")).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(place.path("empty"), []).unwrap();
    std::fs::write(place.path("short"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(place.path("flipped"), flipped).unwrap();
    std::fs::write(place.path("noise"), [0xff; 100]).unwrap();
    std::fs::create_dir(place.path("folder")).unwrap();
    for model in [
        "missing",
        "empty",
        "short",
        "flipped",
        "noise",
        "folder",
        "image.png",
    ] {
        place.refused(&format!("info {model}"));
        place.refused(&format!("classify {model} image.png"));
        place.refused(&format!("verify {model} --json"));
    }
    assert!(place.refused("info flipped").contains("digest"));
}

#[test]
fn images_that_are_none_are_refused() {
    let place = Workplace::new();
    std::fs::write(place.path("empty.png"), []).unwrap();
    std::fs::write(place.path("text.png"), "no image").unwrap();
    let whole = std::fs::read(place.path("image.png")).unwrap();
    std::fs::write(place.path("short.png"), &whole[..whole.len() / 2]).unwrap();
    std::fs::create_dir(place.path("folder.png")).unwrap();
    for image in [
        "missing.png",
        "empty.png",
        "text.png",
        "short.png",
        "folder.png",
    ] {
        let sentence = place.refused(&format!("classify model.safetensors image.png {image}"));
        assert!(sentence.contains(image), "{sentence}");
        place.refused(&format!("logits model.safetensors --image {image}"));
        place.refused(&format!("logits model.safetensors --tensor {image}"));
    }
    place.refused("logits model.safetensors --tensor model.safetensors");
    place.refused("eval model.safetensors --data missing");
}

#[test]
fn arguments_that_are_none_are_refused() {
    let place = Workplace::new();
    for arguments in [
        "",
        "nothing",
        "info",
        "logits model.safetensors",
        "bench m --runs x",
        "bench model.safetensors --batch 0",
        "bench model.safetensors --text-file lines.txt --batch 1",
        "bench model.safetensors --text-file lines.txt --tokens 2",
        "bench model.safetensors --text-file lines.txt --compare-activations",
        "bench model.safetensors --batch 1000000000000000000",
        "bench model.safetensors --threads 1000000000000000000",
        "bench model.safetensors --runs 1000000000000000000",
        "bench model.safetensors --warm-up 1000000000000000000",
        "classify model.safetensors image.png --top 0",
        "eval model.safetensors --glyphs 1000000000000000000",
        "eval model.safetensors --data . --threads 0",
        "eval model.safetensors --data . --threads 1000000000000000000",
        "verify model.safetensors --random 1000000000000000000",
        "data glyphs --out out --train 18446744073709551615",
        "data glyphs --out out --size 1000000000000000000",
    ] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty(), "{arguments}");
    }
}

#[test]
fn a_tensor_that_claims_too_much_is_refused() {
    let place = Workplace::new();
    // No images of 2^22 x 2^21 x 2^21 bytes: their size is 0, and one would take 2^64 bytes.
    for shape in ["[0,4194304,2097152,2097152]", "[0,16,16,1]", "[0]"] {
        let header =
            format!(r#"{{"pixels":{{"dtype":"U8","shape":{shape},"data_offsets":[0,0]}}}}"#);
        let length = (header.len() as u64).to_le_bytes();
        let file = [&length, header.as_bytes()].concat();
        std::fs::write(place.path("pixels.safetensors"), file).unwrap();
        place.refused("logits model.safetensors --tensor pixels.safetensors");
    }
}

/// Without a folder for it, libwayland complains when Mesa asks it for a display.
#[test]
fn machines_without_a_display_hear_nothing_of_it() {
    let place = Workplace::new();
    let folder = place.path("");
    for runtime in [None, Some(""), Some("nonsense"), Some("/no/such/folder")] {
        for (driver, codes) in [(None, [0, 3]), (Some("/no/such/driver"), [3, 3])] {
            let arguments = "classify model.safetensors image.png --executor wgpu --quiet";
            let mut command = place::command(&folder, arguments);
            command
                .env_remove("XDG_RUNTIME_DIR")
                .env_remove("WAYLAND_DISPLAY");
            command.envs(runtime.map(|runtime| ("XDG_RUNTIME_DIR", runtime)));
            for name in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
                command.envs(driver.map(|driver| (name, driver)));
            }
            let output = command.output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            let code = output.status.code().unwrap();
            assert!(codes.contains(&code), "{runtime:?} {driver:?}: {errors}");
            if driver.is_none() && code == 3 {
                println!("NOT RUN on an adapter, whose loader writes the line: {errors}");
            }
            let lines: Vec<_> = errors.lines().collect();
            match code {
                0 => assert!(lines.is_empty(), "{runtime:?}: {errors}"),
                _ => assert!(
                    lines.len() == 1 && lines[0].starts_with("error: device: "),
                    "{runtime:?} {driver:?}: {errors}"
                ),
            }
        }
    }
}

/// The command may start itself anew; who runs it does not notice.
#[cfg(target_os = "linux")]
#[test]
fn a_new_start_keeps_words_and_input() {
    let place = Workplace::new();
    std::fs::rename(place.path("image.png"), place.path("an image.png")).unwrap();
    let folder = place.path("");
    let answer = |runtime: &str| {
        let arguments = "classify /dev/stdin --executor reference --json";
        let mut command = place::command(&folder, arguments);
        command.arg("an image.png").env("XDG_RUNTIME_DIR", runtime);
        command.stdin(std::fs::File::open(place.path("model.safetensors")).unwrap());
        let output = command.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["images"][0]["executors"][0]["digest"].clone()
    };
    assert_eq!(digest(&answer("nonsense")), digest(&answer("/nonsense")));
}

#[test]
fn an_adapter_that_is_missing_has_its_own_exit_code() {
    let place = Workplace::new();
    let command = "verify model.safetensors --executor wgpu --adapter no-such-card";
    let output = place.run(command);
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with("error: device: "), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}
