//! One model in many forms: prefixes, wrappers, containers, names.

use std::fs;

use super::*;

/// Every file and folder of `tests/fixtures/checkpoints/forms` holds the model of `base`.
#[test]
fn every_form_holds_the_same_model() {
    let base = load(fixture("forms/base.safetensors")).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(fixture("forms")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "expected.safetensors" {
            continue;
        }
        let model = load(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(model.config, base.config, "{name}");
        assert!(model.params == base.params, "{name}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}
