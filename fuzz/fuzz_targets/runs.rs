//! Any bytes as the log of a run, in either form, and as a subset: a refusal or what scores can be made of, never a panic.
#![no_main]

use intformer::{
    data::Subset,
    method::hscore::{RunLog, Scores},
};

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
    let path = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    for name in ["run.parquet", "run.jsonl"] {
        if let Ok(log) = RunLog::load(path(name)) {
            let scores = Scores::of(std::slice::from_ref(&log)).expect("scores of one run");
            assert_eq!(scores.h.len(), log.examples());
            let again = folder.path().join("again.parquet");
            log.save(&again).expect("a file");
            assert_eq!(RunLog::load(&again).expect("what was saved"), log);
        }
    }
    if let Ok(subset) = Subset::load(path("subset.txt")) {
        assert!(subset.indices().is_sorted() && subset.indices().len() <= subset.of());
        let again = folder.path().join("again.txt");
        subset.save(&again).expect("a file");
        assert_eq!(Subset::load(&again).expect("what was saved"), subset);
    }
});
