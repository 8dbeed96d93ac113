//! Any bytes as a table of texts in each of its forms: a refusal or as many classes as texts, never a panic.
#![no_main]

use intformer::data::{Columns, TextTable};

libfuzzer_sys::fuzz_target!(init: {
    // What the library for Parquet panics over is refused: only our panics are to be found.
    std::panic::set_hook(Box::new(|panic| {
        let ours = panic.location().is_none_or(|at| !at.file().contains("/parquet-"));
        if ours {
            eprintln!("{panic}");
        }
    }));
}, |bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let columns = Columns {
        text: "text",
        class: Some("label"),
    };
    for ending in ["csv", "tsv", "jsonl", "parquet"] {
        let path = folder.path().join("table").with_extension(ending);
        std::fs::write(&path, bytes).expect("a file");
        if let Ok(table) = TextTable::open(&path, columns) {
            assert_eq!(table.texts.len(), table.classes.len());
            assert_eq!(table.texts.len(), table.places.len());
            assert!(!table.texts.is_empty() && !table.names().is_empty());
        }
    }
});
