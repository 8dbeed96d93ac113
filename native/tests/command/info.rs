//! `info` as people read it.

use std::path::Path;

use crate::place;

#[test]
fn info_of_the_shipped_models() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let names: &[&str] = match cfg!(feature = "float") {
        true => &["glyphs", "glyphs-gelu", "glyphs-float"],
        false => &["glyphs", "glyphs-gelu"],
    };
    for name in names {
        let output = place::run(&models, &format!("info {name}.safetensors"));
        assert_eq!(output.status.code(), Some(0), "{name}");
        insta::assert_snapshot!(*name, String::from_utf8(output.stdout).unwrap());
    }
}
