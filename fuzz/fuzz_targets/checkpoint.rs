//! Any bytes as a float checkpoint: a refusal or a valid model, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let name = match bytes {
        [b'P', b'K', ..] | [0x80, ..] => "model.pth",
        _ => "model.safetensors",
    };
    if let Ok(model) = intformer::checkpoint::read_bytes(name, bytes) {
        model.validate().expect("a model that was read is valid");
    }
});
