//! The wgpu executor against the reference: every tensor of whole models with random weights.

#[allow(dead_code, reason = "shared with the tests of single kernels")]
mod common;

use std::sync::Arc;

use common::Data;
use common::plan::{Extents, program};
use intformer::runtime::wgpu::{Options, Wgpu};
use intformer::runtime::{Executor, Reference};

fn images(extents: &Extents, batch: usize, seed: u64) -> Vec<u8> {
    let mut data = Data::new(seed, 0);
    (0..batch * extents.image_bytes())
        .map(|_| data.int(0, 255) as u8)
        .collect()
}

fn small() -> Extents {
    Extents {
        image: [24, 36],
        channels: 3,
        patch: 2,
        width: 20,
        depths: vec![2, 2],
        heads: vec![2, 4],
        window: [3, 3],
        hidden: 3,
        classes: 7,
    }
}

/// Options that take the likely variants: measuring compiles many.
fn unprobed() -> Options {
    Options {
        probe: std::time::Duration::ZERO,
        ..common::options()
    }
}

/// The executor, unless there is no adapter and that is allowed.
fn wgpu(extents: &Extents, options: Options) -> Option<(Wgpu, Reference)> {
    common::gpu()?;
    let program = Arc::new(program(extents, 5));
    let wgpu = Wgpu::new_blocking(program.clone(), options).unwrap();
    Some((wgpu, Reference::new(program)))
}

#[test]
fn every_tensor_equals_the_reference() {
    let extents = small();
    let Some((mut wgpu, mut reference)) = wgpu(&extents, common::options()) else {
        return;
    };
    // A batch size seen before must work after another.
    for batch in [1, 3, 1] {
        let images = images(&extents, batch, 9 + batch as u64);
        let expected = reference.trace(&images, batch).unwrap();
        let found = wgpu.trace(&images, batch).unwrap();
        assert_eq!(expected.len(), found.len());
        for (step, (expected, found)) in expected.iter().zip(&found).enumerate() {
            assert!(expected == found, "batch {batch}: step {step} differs");
            assert!(
                expected.iter().any(|&word| word != expected[0]),
                "{step} is constant"
            );
        }
        let logits = wgpu.run(&images, batch).unwrap();
        assert_eq!(logits, reference.run(&images, batch).unwrap());
        assert_eq!(logits.len(), 7 * batch);
    }
    let times = wgpu.times(&images(&extents, 1, 1), 1).unwrap();
    assert_eq!(
        times.len(),
        wgpu.trace(&images(&extents, 1, 1), 1).unwrap().len()
    );
    println!("{}", wgpu.describe());
}

#[test]
fn a_batch_too_large_is_a_sentence() {
    let extents = small();
    let Some((mut wgpu, _)) = wgpu(&extents, unprobed()) else {
        return;
    };
    let message = wgpu.prepare_blocking(1 << 20).unwrap_err().to_string();
    assert!(
        message.contains("the arena for 1048576 images"),
        "{message}"
    );
    let short = wgpu.run(&[0; 10], 1).unwrap_err().to_string();
    assert!(short.contains("found 10 bytes"), "{short}");
    // The executor goes on after either.
    wgpu.run(&images(&extents, 1, 1), 1).unwrap();
}

/// Swin-T at 224 on the adapter: times and equality; minutes on software adapters.
#[test]
#[ignore = "slow: cargo test --release -- --ignored"]
fn tiny_224_equals_the_reference() {
    let extents = Extents::tiny_224();
    let Some((mut wgpu, mut reference)) = wgpu(&extents, common::options()) else {
        return;
    };
    let batch = 1;
    let images = images(&extents, batch, 1);
    let start = std::time::Instant::now();
    wgpu.prepare_blocking(batch).unwrap();
    println!("prepared in {:?}", start.elapsed());
    for chosen in wgpu.chosen() {
        let times: Vec<_> = (chosen.measured.iter())
            .map(|(shader, time)| format!("{} {time:?}", shader.variant))
            .collect();
        println!(
            "{} {}: {}",
            chosen.shader.label(),
            chosen.shape,
            times.join(", ")
        );
    }
    for _ in 0..3 {
        let start = std::time::Instant::now();
        wgpu.run(&images, batch).unwrap();
        println!("run in {:?}", start.elapsed());
    }
    for time in wgpu.times(&images, batch).unwrap() {
        println!(
            "{:>10.3} ms {} {}",
            time.time.as_secs_f64() * 1e3,
            time.shader.label(),
            time.name
        );
    }
    println!("{}", wgpu.describe());
    let found = wgpu.trace(&images, batch).unwrap();
    assert!(found == reference.trace(&images, batch).unwrap());
}
