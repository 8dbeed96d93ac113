//! Any bytes as the files that say how sentence-transformers makes a vector of a text: a refusal or a valid model,
//! never a panic.
#![no_main]

use std::{fs, path::Path};

use intformer::checkpoint;

/// Its files, and which of them the bytes take the place of.
const FILES: [(&str, bool); 4] = [
    ("model.safetensors", false),
    ("config.json", true),
    ("modules.json", true),
    ("1_Pooling/config.json", true),
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let from =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoints/sentence-bert");
    // The last byte, which JSON does not need, chooses the file.
    let choice = bytes.last().copied().unwrap_or_default() % 3;
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("1_Pooling")).expect("a folder");
    let mut fuzzed = 0;
    for (name, may_change) in FILES {
        let to = folder.path().join(name);
        let changes = may_change && fuzzed == choice;
        fuzzed += u8::from(may_change);
        match changes {
            true => fs::write(to, bytes).expect("a file"),
            false => drop(fs::copy(from.join(name), to).expect("the fixture")),
        }
    }
    if let Ok(model) = checkpoint::load(folder.path()) {
        model.validate().expect("a model that was read is valid");
    }
});
