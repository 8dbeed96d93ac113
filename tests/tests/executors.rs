//! Executors beyond one run of one model: batches one after the other, and too large ones.

#[allow(dead_code, reason = "shared with the tests of single kernels")]
mod common;

use std::sync::Arc;

use intformer::Error;
use intformer::architecture::SwinConfig;
use intformer::plan::Counts;
use intformer::runtime::wgpu::{Options, Wgpu};
use intformer::runtime::{Batch, Cpu, Executor, Reference};
use intformer_tests::configs::small;
use intformer_tests::synthetic::{images, int_model};

/// Options that take the likely variants: measuring compiles many.
fn unprobed() -> Options {
    Options {
        probe: std::time::Duration::ZERO,
        ..common::options()
    }
}

/// The executors, unless there is no adapter and that is allowed.
fn executors(config: &SwinConfig, options: Options) -> Option<(Wgpu, Reference)> {
    common::gpu()?;
    let program = Arc::new(int_model(config, 5).unwrap().program().unwrap());
    let wgpu = Wgpu::new_blocking(program.clone(), options).unwrap();
    Some((wgpu, Reference::new(program)))
}

#[test]
fn cpu_equals_the_reference_at_every_batch_size() {
    let config = small();
    let program = Arc::new(int_model(&config, 5).unwrap().program().unwrap());
    let (mut cpu, mut reference) = (Cpu::new(program.clone()), Reference::new(program));
    for batch in [1, 3, 1, 5, 2] {
        let images = images(&config, batch, 9 + batch as u64);
        let expected = reference.trace(&Batch::images(&images, batch)).unwrap();
        assert!(
            expected == cpu.trace(&Batch::images(&images, batch)).unwrap(),
            "{batch}"
        );
        let logits = reference.run(&Batch::images(&images, batch)).unwrap();
        assert_eq!(logits, cpu.run(&Batch::images(&images, batch)).unwrap());
        let times = cpu.times(&Batch::images(&images, batch)).unwrap();
        assert_eq!(times.len(), expected.len());
    }
}

#[test]
fn cpu_makes_room_in_the_first_run_alone() {
    let config = small();
    let program = Arc::new(int_model(&config, 5).unwrap().program().unwrap());
    let mut cpu = Cpu::new(program);
    let images = images(&config, 2, 9);
    cpu.run(&Batch::images(&images, 2)).unwrap();
    let held = cpu.memory();
    for _ in 0..3 {
        cpu.run(&Batch::images(&images, 2)).unwrap();
    }
    assert_eq!(cpu.memory(), held);
}

#[test]
fn cpu_refuses_what_it_cannot_run() {
    let config = small();
    let program = Arc::new(int_model(&config, 5).unwrap().program().unwrap());
    let mut cpu = Cpu::new(program);
    let error = cpu
        .run(&Batch::images(&images(&config, 2, 9), 3))
        .unwrap_err();
    assert!(matches!(error, Error::Image(_)), "{error}");
    let error = cpu.prepare(Counts::of_items(1 << 40)).unwrap_err();
    assert!(matches!(error, Error::OutOfMemory(_)), "{error}");
    // And goes on.
    cpu.run(&Batch::images(&images(&config, 1, 9), 1)).unwrap();
}

#[test]
fn measured_variants_equal_the_reference_at_every_batch_size() {
    let config = small();
    let Some((mut wgpu, mut reference)) = executors(&config, common::options()) else {
        return;
    };
    // A batch size seen before must work after another.
    for batch in [1, 3, 1] {
        let images = images(&config, batch, 9 + batch as u64);
        let expected = reference.trace(&Batch::images(&images, batch)).unwrap();
        let found = wgpu.trace(&Batch::images(&images, batch)).unwrap();
        assert_eq!(expected.len(), found.len());
        for (step, (expected, found)) in expected.iter().zip(&found).enumerate() {
            assert!(expected == found, "batch {batch}: step {step} differs");
        }
        let logits = wgpu.run(&Batch::images(&images, batch)).unwrap();
        assert_eq!(
            logits,
            reference.run(&Batch::images(&images, batch)).unwrap()
        );
        assert_eq!(logits.first().len(), 7 * batch);
    }
    let image = images(&config, 1, 1);
    let times = wgpu.times(&Batch::images(&image, 1)).unwrap();
    assert_eq!(
        times.len(),
        wgpu.trace(&Batch::images(&image, 1)).unwrap().len()
    );
    println!("{}", wgpu.describe());
}

#[test]
fn a_batch_too_large_is_a_sentence() {
    let config = small();
    let Some((mut wgpu, _)) = executors(&config, unprobed()) else {
        return;
    };
    let most = wgpu.max_batch().items;
    let traced = wgpu.max_traced().items;
    assert!(1 <= traced && traced <= most);
    let message = wgpu
        .prepare(Counts::of_items(most + 1))
        .unwrap_err()
        .to_string();
    let what = format!("for {} items", most + 1);
    assert!(message.contains(&what), "{message}");
    let short = wgpu
        .run(&Batch::images(&[0; 10], 1))
        .unwrap_err()
        .to_string();
    assert!(short.contains("found 10 bytes"), "{short}");
    // The executor goes on after either.
    wgpu.run(&Batch::images(&images(&config, 1, 1), 1)).unwrap();
}

/// A software adapter allows 128 MiB or so; hardware allows more than a test should take.
#[test]
fn the_largest_batch_that_fits_runs() {
    let config = SwinConfig {
        image_size: [192, 192],
        depths: vec![1],
        heads: vec![2],
        ..small()
    };
    let Some((mut wgpu, _)) = executors(&config, unprobed()) else {
        return;
    };
    let most = wgpu.max_batch().items;
    if most > 1000 {
        println!("NOT RUN: {most} images fit");
        return;
    }
    let logits = wgpu
        .run(&Batch::images(&images(&config, most, 1), most))
        .unwrap();
    assert_eq!(logits.first().len(), 7 * most);
}
