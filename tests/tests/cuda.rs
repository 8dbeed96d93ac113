//! The CUDA executor on a card, or on the emulator of the driver: graphs, batches, errors.

use std::sync::Arc;

use intformer::Error;
use intformer::architecture::SwinConfig;
use intformer::plan::Counts;
use intformer::runtime::cuda::{Cuda, Options};
use intformer::runtime::{Batch, Executor, Reference};
use intformer_tests::configs::small;
use intformer_tests::cuda::{open, options};
use intformer_tests::synthetic::{images, int_model};

fn executors(config: &SwinConfig, options: &Options) -> (Cuda, Reference) {
    let program = Arc::new(int_model(config, 5).unwrap().program().unwrap());
    let device = Arc::new(open(options).unwrap());
    let cuda = Cuda::on(device, Arc::clone(&program)).unwrap();
    (cuda, Reference::new(program))
}

/// Traces and logits at one batch size after another.
fn compare(config: &SwinConfig, cuda: &mut Cuda, reference: &mut Reference, batches: &[usize]) {
    for &batch in batches {
        let images = images(config, batch, 9 + batch as u64);
        let expected = reference.trace(&Batch::images(&images, batch)).unwrap();
        let found = cuda.trace(&Batch::images(&images, batch)).unwrap();
        assert_eq!(expected.len(), found.len());
        for (step, (expected, found)) in expected.iter().zip(&found).enumerate() {
            assert!(expected == found, "batch {batch}: step {step} differs");
        }
        let logits = reference.run(&Batch::images(&images, batch)).unwrap();
        // The graph, twice: the second run must not depend on what the first left behind.
        for _ in 0..2 {
            assert_eq!(logits, cuda.run(&Batch::images(&images, batch)).unwrap());
        }
    }
}

#[test]
fn graphs_equal_the_reference_at_every_batch_size() {
    let config = small();
    let (mut cuda, mut reference) = executors(&config, &options());
    // A batch size seen before must work after another.
    compare(&config, &mut cuda, &mut reference, &[1, 3, 1, 7, 2]);
}

#[test]
fn measured_ways_equal_the_reference() {
    // Measuring runs each way over a hundred times.
    let config = SwinConfig {
        image_size: [12, 12],
        depths: vec![1],
        heads: vec![2],
        ..small()
    };
    let probing = Options {
        probe: true,
        ..options()
    };
    let (mut cuda, mut reference) = executors(&config, &probing);
    compare(&config, &mut cuda, &mut reference, &[1, 3]);
    assert!(cuda.chosen().any(|chosen| chosen.measured.len() > 1));
    let image = images(&config, 1, 1);
    let image = Batch::images(&image, 1);
    let times = cuda.times(&image).unwrap();
    assert_eq!(times.len(), cuda.trace(&image).unwrap().len());
    let times = cuda.transfer_times(&image).unwrap().expect("a clock");
    assert!(!times.run.is_zero());
    println!("{}", cuda.describe());
}

/// One device, a stream for each executor: capturing in one thread leaves the others alone.
#[test]
fn executors_share_a_device_from_several_threads() {
    let config = small();
    let program = Arc::new(int_model(&config, 5).unwrap().program().unwrap());
    let device = Arc::new(open(&options()).unwrap());
    let images = images(&config, 2, 3);
    let expected = Reference::new(Arc::clone(&program))
        .run(&Batch::images(&images, 2))
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let mut cuda = Cuda::on(Arc::clone(&device), Arc::clone(&program)).unwrap();
                    assert_eq!(cuda.run(&Batch::images(&images, 2)).unwrap(), expected);
                }
            });
        }
    });
}

#[test]
fn what_it_cannot_run_is_a_sentence() {
    let (mut cuda, _) = executors(&small(), &options());
    let most = cuda.max_batch().items;
    assert!(most >= 1);
    let error = cuda.prepare(Counts::of_items(2 * most)).unwrap_err();
    assert!(matches!(error, Error::OutOfMemory(_)), "{error}");
    let error = cuda.prepare(Counts::of_items(1 << 40)).unwrap_err();
    assert!(matches!(error, Error::OutOfMemory(_)), "{error}");
    let error = cuda.run(&Batch::images(&[0; 10], 1)).unwrap_err();
    assert!(error.to_string().contains("found 10 bytes"), "{error}");
    // The executor goes on after each: with one image, then with as many as it says that fit.
    cuda.run(&Batch::images(&images(small(), 1, 1), 1)).unwrap();
    cuda.prepare(Counts::of_items(most)).unwrap();
    let none = open(&Options {
        ordinal: 99,
        ..options()
    });
    let error = none.err().expect("no machine has a hundred cards");
    assert!(matches!(error, Error::NoAdapter(_)), "{error}");
}
