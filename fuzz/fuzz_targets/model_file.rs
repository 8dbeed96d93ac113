//! Any bytes as a compressed model: a refusal or a model that runs, never a panic.
#![no_main]

use std::sync::Arc;

use intformer::{
    plan::{Counts, IntModel},
    runtime::{Batch, Cpu, Executor, Reference},
};

/// Larger models are read, not run.
const MAX_WORDS: usize = 1 << 16;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = IntModel::from_bytes(bytes) else {
        return;
    };
    let program = model
        .program()
        .expect("a model that was read has a program");
    if program.room(Counts::of_items(1)).words() <= MAX_WORDS {
        let image = vec![0; program.main().inputs()[0].elements()];
        let program = Arc::new(program);
        let logits = Reference::new(program.clone()).run(&Batch::images(&image, 1));
        let logits = logits.expect("it runs");
        assert_eq!(logits.first().len(), model.config.outputs());
        assert_eq!(Cpu::new(program).run(&Batch::images(&image, 1)).expect("it runs"), logits);
    }
});
