//! Any bytes as a float checkpoint in any format, with some options: a refusal or a valid model, never
//! a panic.
#![no_main]

use intformer::checkpoint::{LoadOptions, Weights, read_bytes_noting};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The last byte, which no format needs, chooses the options.
    let choice = bytes.last().copied().unwrap_or_default();
    let chosen = |bit: u8| choice & bit != 0;
    let options = LoadOptions {
        image_size: chosen(1).then_some([48, 64]),
        window_size: chosen(2).then_some(4),
        weights: chosen(4).then_some(Weights::Raw),
        preprocessing: None,
    };
    for options in [LoadOptions::default(), options] {
        if let Ok(loaded) = read_bytes_noting(bytes, &options) {
            let model = loaded.model;
            model.validate().expect("a model that was read is valid");
        }
    }
});
