//! The same bytes from every executor, for every tensor of whole models.

use std::sync::Arc;

use intformer::{
    Error,
    architecture::{BertConfig, Config, InputShape, SwinConfig, VitConfig},
    plan::{Counts, Operation, OutputKind, Port, Program, Step, operation},
    quant::Gelu,
    runtime::{Batch, Cpu, Executor, Reference, Runner},
};
#[cfg(feature = "cuda")]
use intformer_tests::executors::cuda;
use intformer_tests::{configs, executors::wgpu, synthetic, texts::Texts};
use proptest::prelude::*;

/// Compares every tensor of the executor that `make` opens; returns how many there were.
fn compare<E: Executor>(
    config: impl Into<Config>,
    batch: usize,
    seed: u64,
    make: impl FnOnce(Arc<Program>) -> E,
) -> usize {
    let gelu = [Gelu::Table, Gelu::IGelu, Gelu::ShiftGelu][seed as usize % 3];
    let config = config.into();
    let model = synthetic::int_model_with(&config, seed, gelu).unwrap();
    let program = Arc::new(model.program().unwrap());
    let (images, texts);
    let items = match config.input() {
        InputShape::Text(limits) => {
            texts = Texts::random(limits, batch, seed);
            texts.batch()
        }
        _ => {
            images = synthetic::images(&config, batch, seed);
            Batch::images(&images, batch)
        }
    };
    let expected = Reference::new(Arc::clone(&program)).trace(&items).unwrap();
    let found = make(Arc::clone(&program)).trace(&items).unwrap();
    for ((step, expected), found) in program.main().steps().iter().zip(&expected).zip(&found) {
        assert!(expected == found, "{} differs with {config}", step.name);
    }
    assert_eq!(expected.len(), found.len());
    expected.len()
}

/// Tensors that are compared at least; of a pruned model, of which there may be little left.
fn least(pruned: bool) -> usize {
    if pruned { 3 } else { 8 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn wgpu_equals_the_reference(config in configs::config(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, wgpu) >= least(false));
    }

    #[test]
    fn cpu_equals_the_reference(config in configs::config(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, Cpu::new) >= least(false));
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn cuda_equals_the_reference(config in configs::config(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, cuda) >= least(false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn wgpu_equals_the_reference_with_pruned_swins(config in configs::pruned_config(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, wgpu) >= least(true));
    }

    #[test]
    fn cpu_equals_the_reference_with_pruned_swins(config in configs::pruned_config(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, Cpu::new) >= least(true));
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn cuda_equals_the_reference_with_pruned_swins(config in configs::pruned_config(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, cuda) >= least(true));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn wgpu_equals_the_reference_with_dense_models(config in configs::dense(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(config, batch, seed, wgpu) >= least(true));
    }

    #[test]
    fn cpu_equals_the_reference_with_dense_models(config in configs::dense(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(config, batch, seed, Cpu::new) >= least(true));
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn cuda_equals_the_reference_with_dense_models(config in configs::dense(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(config, batch, seed, cuda) >= least(true));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn wgpu_equals_the_reference_with_vits(config in configs::vit(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, wgpu) >= least(config.widths.is_some()));
    }

    #[test]
    fn cpu_equals_the_reference_with_vits(config in configs::vit(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, Cpu::new) >= least(config.widths.is_some()));
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn cuda_equals_the_reference_with_vits(config in configs::vit(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, cuda) >= least(config.widths.is_some()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn wgpu_equals_the_reference_with_berts(config in configs::bert(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, wgpu) >= least(config.widths.is_some()));
    }

    #[test]
    fn cpu_equals_the_reference_with_berts(config in configs::bert(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, Cpu::new) >= least(config.widths.is_some()));
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn cuda_equals_the_reference_with_berts(config in configs::bert(), batch in 1usize..=5, seed: u64) {
        prop_assert!(compare(&config, batch, seed, cuda) >= least(config.widths.is_some()));
    }
}

/// MiniLM's blocks and channels; fewer words, which cost memory alone.
#[test]
fn executors_equal_the_reference_at_minilm() {
    let config = BertConfig {
        vocabulary: 1000,
        positions: 128,
        depth: 2,
        ..BertConfig::minilm()
    };
    let steps = compare(&config, 2, 3, Cpu::new);
    assert_eq!(compare(&config, 2, 3, wgpu), steps);
    #[cfg(feature = "cuda")]
    assert_eq!(compare(&config, 2, 3, cuda), steps);
}

/// A ViT-Ti on 197 tokens, whose totals have more than 16 bits.
#[test]
fn executors_equal_the_reference_at_vit_t() {
    let steps = compare(VitConfig::tiny(), 1, 3, Cpu::new);
    assert_eq!(steps, 65);
    assert_eq!(compare(VitConfig::tiny(), 1, 3, wgpu), steps);
}

#[test]
fn executors_equal_the_reference_with_pruned_blocks() {
    let config = configs::pruned();
    for seed in 0..3 {
        let steps = compare(&config, 2, seed, Cpu::new);
        assert_eq!(compare(&config, 2, seed, wgpu), steps);
        #[cfg(feature = "cuda")]
        assert_eq!(compare(&config, 2, seed, cuda), steps);
    }
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_equals_the_reference_at_swin_t() {
    assert_eq!(compare(SwinConfig::tiny(), 1, 3, cuda), 72);
}

#[test]
fn wgpu_equals_the_reference_at_swin_t() {
    assert_eq!(compare(SwinConfig::tiny(), 1, 3, wgpu), 72);
}

#[test]
fn cpu_equals_the_reference_at_swin_t() {
    assert_eq!(compare(SwinConfig::tiny(), 1, 3, Cpu::new), 72);
}

#[test]
fn swin_t_is_72_dispatches_and_fits_64_mib() {
    let model = synthetic::int_model(SwinConfig::tiny(), 1).unwrap();
    let program = model.program().unwrap();
    let one = Counts::of_items(1);
    let room = program.room(one);
    let mib = (program.weights().len() + room.words()) as f64 / f64::from(1 << 18);
    println!(
        "Swin-T: {} dispatches, {mib:.1} MiB of weights and arena (arena {:.1})",
        program.main().dispatches(room, one).len(),
        room.words() as f64 / f64::from(1 << 18)
    );
    assert_eq!(program.main().dispatches(room, one).len(), 72);
    assert!(mib < 64.0);
}

/// A plan that puts out its logits twice.
#[test]
fn several_outputs_of_one_run() {
    let config = configs::small();
    let model = synthetic::int_model(&config, 5).unwrap();
    let mut plan = model.plan.clone();
    let last = plan.steps.pop().unwrap();
    let tensor = plan.outputs[0].tensor;
    let Operation::Linear(head) = &last.operation else {
        panic!("the last step is the head");
    };
    let mut copy = plan.tensors[tensor].clone();
    copy.name = "copy".to_owned();
    plan.tensors.push(copy);
    let output = plan.tensors.len() - 1;
    let twin = operation::Linear {
        output,
        ..head.clone()
    };
    plan.steps.push(Step {
        name: "copy".to_owned(),
        operation: twin.into(),
    });
    // The first of both must outlive the second.
    plan.steps.push(last);
    plan.outputs.push(Port {
        kind: OutputKind::Pooled,
        tensor: output,
    });
    let program = Arc::new(Program::new(&plan, &model.weights).unwrap());
    let pixels = synthetic::images(&config, 3, 9);
    let batch = Batch::images(&pixels, 3);
    let expected = Reference::new(Arc::clone(&program)).run(&batch).unwrap();
    assert_eq!(expected.0.len(), 2);
    assert_eq!(expected.0[0].data, expected.0[1].data);
    let alone = Arc::new(model.program().unwrap());
    let alone = Reference::new(alone).run(&batch).unwrap();
    assert_eq!(
        alone.first(),
        expected.get(OutputKind::Pooled).unwrap().data
    );

    assert_eq!(
        Cpu::new(Arc::clone(&program)).run(&batch).unwrap(),
        expected
    );
    let mut runner = Runner::cpu(&program, 2);
    assert_eq!(runner.run(&batch).unwrap(), expected);
    assert_eq!(
        runner.times(&batch).unwrap().len(),
        program.main().steps().len()
    );
    // A batch of another size is refused whole, not cut.
    for (bytes, items) in [(pixels.len() - 1, 3), (pixels.len(), 2), (0, 0)] {
        let other = Batch::images(&pixels[..bytes], items);
        let refused = [
            runner.run(&other).err(),
            runner.trace(&other).err(),
            runner.times(&other).err(),
            runner.transfer_times(&other).err(),
        ];
        assert!(
            refused
                .iter()
                .all(|error| matches!(error, Some(Error::Image(_)))),
            "{refused:?}"
        );
    }
    assert_eq!(wgpu(Arc::clone(&program)).run(&batch).unwrap(), expected);
    #[cfg(feature = "cuda")]
    assert_eq!(cuda(program).run(&batch).unwrap(), expected);
}
