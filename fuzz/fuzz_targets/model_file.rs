//! Any bytes as a compressed model: a refusal or a model that runs, never a panic.
#![no_main]

use std::sync::Arc;

use intformer::{
    plan::{Counts, InputKind, IntModel},
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
        let program = Arc::new(program);
        let mut reference = Reference::new(program.clone());
        let mut cpu = Cpu::new(program.clone());
        // Twice: what one leaves as state is there for the next.
        for (at, entry) in program
            .entries()
            .iter()
            .enumerate()
            .chain(program.entries().iter().enumerate())
        {
            let [port] = entry.inputs() else { continue };
            if port.kind != InputKind::Pixels {
                continue;
            }
            let image = vec![at as u8; port.elements()];
            let batch = Batch::images(&image, 1).at(at);
            let outputs = reference.run(&batch).expect("it runs");
            if at == 0 {
                assert_eq!(outputs.first().len(), model.config.outputs());
            }
            assert_eq!(cpu.run(&batch).expect("it runs"), outputs);
        }
    }
});
