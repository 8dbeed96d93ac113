//! Any JSON as a plan over the shipped weights: a refusal, or a program whose bytes do not depend
//! on what an earlier run left in the arena.
#![no_main]

use std::sync::{Arc, LazyLock};

use intformer::{
    plan::{Counts, InputKind, IntModel, Plan, Program},
    runtime::{Batch, Cpu, Executor, Reference},
};

/// Larger plans are checked, not run.
const MAX_WORDS: usize = 1 << 14;

static MODEL: LazyLock<IntModel> = LazyLock::new(|| {
    let bytes = include_bytes!("../../models/glyphs.safetensors");
    IntModel::from_bytes(bytes).expect("the shipped model")
});

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    let Ok(plan) = serde_json::from_slice::<Plan>(json) else {
        return;
    };
    let Ok(program) = Program::new(&plan, &MODEL.weights) else {
        return;
    };
    // Several images would be of several sizes; tokens need tables, which the shipped model has not.
    let one_image = matches!(program.main().inputs(), [port] if port.kind == InputKind::Pixels);
    if one_image && program.room(Counts::of_items(1)).words() <= MAX_WORDS {
        let program = Arc::new(program);
        let mut used = Reference::new(Arc::clone(&program));
        let run = |executor: &mut Reference, byte| {
            let image = vec![byte; program.main().inputs()[0].elements()];
            executor.run(&Batch::images(&image, 1)).expect("it runs")
        };
        run(&mut used, 170);
        if program.has_state() {
            used.forget().expect("memory");
        }
        let fresh = run(&mut Reference::new(Arc::clone(&program)), 5);
        assert_eq!(run(&mut used, 5), fresh);
        let image = vec![5; program.main().inputs()[0].elements()];
        assert_eq!(
            Cpu::new(program)
                .run(&Batch::images(&image, 1))
                .expect("it runs"),
            fresh
        );
    }
});
