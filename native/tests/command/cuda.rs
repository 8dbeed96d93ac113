//! The executor cuda on the emulator of the driver, and without any driver.

use std::process::Output;

use crate::place::{Workplace, command};

/// Runs the command in `place` with the emulator as the driver, and with `variables`.
fn emulated(place: &Workplace, arguments: &str, variables: &[(&str, &str)]) -> Output {
    let driver = place.path("driver");
    let emulator = intformer_tests::emulator::library().unwrap();
    std::fs::create_dir_all(&driver).unwrap();
    std::fs::copy(emulator, driver.join("libcuda.so")).unwrap();
    let mut command = command(&place.path(""), arguments);
    command.env("LD_LIBRARY_PATH", driver);
    command.env("XDG_CACHE_HOME", place.path("cache"));
    command.envs(variables.iter().copied());
    command.output().unwrap()
}

fn json(place: &Workplace, arguments: &str, variables: &[(&str, &str)]) -> serde_json::Value {
    let output = emulated(place, &format!("{arguments} --json"), variables);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn without_a_driver_it_says_so() {
    if intformer_tests::emulator::has_card() {
        println!("NOT RUN: this machine has an NVIDIA card");
        return;
    }
    let place = Workplace::new();
    let output = place.run("classify model.safetensors image.png --executor cuda");
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{sentence}");
    assert_eq!(
        sentence,
        "error: device: expected an NVIDIA driver (libcuda), found none\n"
    );
    // All that are there, and a note on the one that is not.
    let output = place.run("classify model.safetensors image.png --executor all");
    let notes = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{notes}");
    assert!(notes.contains("without cuda: "), "{notes}");
}

#[test]
fn every_tensor_of_the_shipped_model_is_the_same() {
    let place = Workplace::new();
    // Generations differ in shared memory; the last looks for races between blocks.
    for (model, variable, value) in [
        ("glyphs", "SM", "80"),
        ("glyphs-gelu", "SM", "86"),
        ("glyphs", "SM", "90"),
        ("glyphs-gelu", "CHECK", "global"),
    ] {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
        let verify = format!("verify {shipped}/{model}.safetensors -e reference,cuda");
        let variable = format!("INTFORMER_CUDA_EMULATOR_{variable}");
        let answer = json(&place, &verify, &[(&variable, value)]);
        assert_eq!(answer["equal"], true, "{variable}={value}: {answer}");
    }
}

#[test]
fn bench_tells_kernels_and_transfers_apart() {
    let place = Workplace::new();
    let bench = "bench model.safetensors -e cuda --batch 1,7 -n 3 --warm-up 1 --by-op";
    let answer = json(&place, bench, &[]);
    for result in answer["results"].as_array().unwrap() {
        assert_eq!(result["executor"], "cuda");
        for part in ["graph_ms", "upload_ms", "download_ms"] {
            let [q1, median, q3] = [0, 1, 2].map(|at| result["card"][part][at].as_f64().unwrap());
            assert!(0.0 < q1 && q1 <= median && median <= q3, "{result}");
        }
        let operations = result["operations"].as_array().unwrap();
        assert!(
            operations
                .iter()
                .any(|operation| operation["op"].as_str().unwrap().contains("linear/"))
        );
        let work = operations
            .iter()
            .map(|op| op["giga_multiply_adds_per_s"].as_f64().unwrap());
        assert!(work.sum::<f64>() > 0.0);
    }
    let compare =
        "bench model.safetensors -e cuda --batch 1 -n 2 --warm-up 0 --compare-activations";
    let output = emulated(&place, compare, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("relu") && text.contains("shift-gelu"),
        "{text}"
    );
}

#[test]
fn a_kernel_that_is_refused_is_left_out_where_others_do() {
    let place = Workplace::new();
    let verify = "verify model.safetensors -e reference,cuda --random 0";
    let refused = |kernel| {
        let output = emulated(&place, verify, &[("INTFORMER_CUDA_EMULATOR_FAIL", kernel)]);
        let [text, errors] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), text, errors)
    };
    // `layer_norm` and `linear` stand in for the first, other variants for the second.
    for (kernel, left_out) in [
        ("kernel:norm_linear", "without norm_linear/"),
        ("kernel:linear*1", "without linear/"),
    ] {
        let (code, text, errors) = refused(kernel);
        assert_eq!(code, Some(0), "{errors}");
        assert!(text.contains("equal") && text.contains(left_out), "{text}");
    }
    // Nothing does for this one; the driver's words are there.
    let (code, _, errors) = refused("kernel:window_attention");
    assert_eq!(code, Some(3), "{errors}");
    assert!(
        errors.contains("window_attention") && errors.contains("as the environment asks"),
        "{errors}"
    );
}

#[test]
fn a_card_that_fails_is_a_sentence() {
    let place = Workplace::new();
    let classify = "classify model.safetensors image.png --executor cuda";
    for (failure, said) in [("alloc:2", "out of memory"), ("launch:4", "launch")] {
        let output = emulated(
            &place,
            classify,
            &[("INTFORMER_CUDA_EMULATOR_FAIL", failure)],
        );
        let sentence = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{failure}: {sentence}");
        assert!(output.stdout.is_empty());
        let error = sentence
            .lines()
            .find(|line| line.starts_with("error: device: "));
        let error = error.unwrap_or_else(|| panic!("{failure}: {sentence}"));
        assert!(error.contains(said), "{failure}: {sentence}");
    }
}
