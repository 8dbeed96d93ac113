//! Several plans over the same weights, and state that outlives a run, on every executor.

use std::sync::Arc;

use intformer::{
    Error,
    plan::{Format, IntModel, MAIN, Operation, Plan, Program},
    runtime::{Batch, Cpu, Executor, Outputs, Reference, Runner},
};
#[cfg(feature = "cuda")]
use intformer_tests::executors::cuda;
use intformer_tests::{
    configs,
    executors::wgpu,
    remembering::{self, LOOK},
    synthetic,
    texts::Texts,
};
use proptest::prelude::*;

fn of_texts(seed: u64) -> Arc<Program> {
    let (main, look, weights, _) = remembering::texts(seed);
    Arc::new(Program::of([(MAIN, &main), (LOOK, &look)], &weights).unwrap())
}

fn of_images(seed: u64) -> Arc<Program> {
    Arc::new(remembering::images(seed).program().unwrap())
}

/// What is asked of an executor, one after the other.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Run(usize),
    Trace(usize),
    Times(usize),
    Forget,
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop_oneof![
        4 => (0usize..2).prop_map(Ask::Run),
        4 => (0usize..2).prop_map(Ask::Trace),
        1 => (0usize..2).prop_map(Ask::Times),
        1 => Just(Ask::Forget),
    ];
    prop::collection::vec(ask, 2..8)
}

/// Asks the reference and another executor for the same: every tensor is the same, whatever came before.
fn compare<E: Executor>(
    program: &Arc<Program>,
    batches: &[Batch],
    asks: &[Ask],
    make: impl FnOnce(Arc<Program>) -> E,
) {
    let mut reference = Reference::new(Arc::clone(program));
    let mut executor = make(Arc::clone(program));
    for (ask, batch) in asks.iter().zip(batches.iter().cycle()) {
        match *ask {
            Ask::Run(entry) => {
                let expected = reference.run(&batch.at(entry)).unwrap();
                assert_eq!(executor.run(&batch.at(entry)).unwrap(), expected);
            }
            Ask::Trace(entry) => {
                let expected = reference.trace(&batch.at(entry)).unwrap();
                let found = executor.trace(&batch.at(entry)).unwrap();
                assert_eq!(expected.len(), program.entries()[entry].steps().len());
                assert!(expected == found, "a step of plan {entry} differs");
            }
            Ask::Times(entry) => {
                let expected = reference.times(&batch.at(entry)).unwrap();
                let found = executor.times(&batch.at(entry)).unwrap();
                assert_eq!(found.len(), expected.len());
            }
            Ask::Forget => {
                reference.forget().unwrap();
                executor.forget().unwrap();
            }
        }
    }
}

fn compare_both<E: Executor>(
    (seed, items): (u64, usize),
    asks: &[Ask],
    make: impl Fn(Arc<Program>) -> E,
) {
    let (_, _, _, limits) = remembering::texts(seed);
    let texts = Texts::random(limits, items, seed);
    compare(&of_texts(seed), &[texts.batch()], asks, &make);

    let config = configs::small();
    let images = [seed, !seed].map(|seed| synthetic::images(&config, items, seed));
    let batches = images.each_ref().map(|images| Batch::images(images, items));
    compare(&of_images(seed), &batches, asks, &make);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn cpu_equals_the_reference(seed: u64, items in 1usize..5, asks in asks()) {
        compare_both((seed, items), &asks, Cpu::new);
    }

    #[test]
    fn wgpu_equals_the_reference(seed: u64, items in 1usize..5, asks in asks()) {
        compare_both((seed, items), &asks, wgpu);
    }
}

#[cfg(feature = "cuda")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn cuda_equals_the_reference(seed: u64, items in 1usize..4, asks in asks()) {
        compare_both((seed, items), &asks, cuda);
    }
}

#[test]
fn what_a_run_leaves_is_there_for_the_next_and_for_another_plan() {
    let program = of_images(3);
    let look = program.entry(LOOK).unwrap();
    let images = synthetic::images(configs::small(), 2, 3);
    let other = synthetic::images(configs::small(), 2, 4);
    let (batch, other) = (Batch::images(&images, 2), Batch::images(&other, 2));

    let mut cpu = Cpu::new(Arc::clone(&program));
    let empty = cpu.run(&other.at(look)).unwrap();
    let once = cpu.run(&batch).unwrap();
    assert_ne!(empty, once);
    // The other plan takes an image and does not look at it.
    assert_eq!(cpu.run(&other.at(look)).unwrap(), once);
    let after = cpu.run(&other).unwrap();
    assert_eq!(cpu.run(&batch.at(look)).unwrap(), after);
    cpu.forget().unwrap();
    assert_eq!(cpu.run(&other.at(look)).unwrap(), empty);
    assert_ne!(cpu.run(&other).unwrap(), after);
    cpu.forget().unwrap();
    assert_eq!(cpu.run(&batch).unwrap(), once);

    // Two threads, each with its part of the state.
    let mut runner = Runner::cpu(&program, 2);
    assert_eq!(runner.run(&batch).unwrap(), once);
    assert_eq!(runner.run(&other).unwrap(), after);
    runner.forget().unwrap();
    assert_eq!(runner.run(&batch).unwrap(), once);
}

/// State is of items and of where they are in the batch: another batch is refused, and nothing is lost.
#[test]
fn a_run_that_does_not_go_on_is_refused() {
    let mut executors: Vec<(Arc<Program>, Box<dyn Executor>)> = Vec::new();
    let program = of_images(5);
    let mut add = |executor: Box<dyn Executor>| executors.push((Arc::clone(&program), executor));
    add(Box::new(Reference::new(Arc::clone(&program))));
    add(Box::new(Cpu::new(Arc::clone(&program))));
    add(Box::new(wgpu(Arc::clone(&program))));
    #[cfg(feature = "cuda")]
    add(Box::new(cuda(Arc::clone(&program))));

    let images = synthetic::images(configs::small(), 3, 5);
    let batch = Batch::images(&images, 3);
    let mut expected = Reference::new(Arc::clone(&program));
    let [first, second] = [(); 2].map(|()| expected.run(&batch).unwrap());
    for (program, mut executor) in executors {
        let refused = |found: Result<Outputs, Error>, expected: &str| {
            let error = found.unwrap_err();
            assert!(matches!(error, Error::Run(_)), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        };
        refused(executor.run(&batch.at(2)), "one of 2 plans");
        assert_eq!(executor.run(&batch).unwrap(), first);
        refused(
            executor.run(&batch.part(0..2)),
            "expected a batch of 3 items",
        );
        let error = executor.prepare(batch.part(0..1).counts()).unwrap_err();
        assert!(error.to_string().contains("found 1 items"), "{error}");
        let look = program.entry(LOOK).unwrap();
        refused(executor.run(&batch.part(0..2).at(look)), "found 2 items");
        assert_eq!(executor.run(&batch).unwrap(), second);
        executor.forget().unwrap();
        executor.run(&batch.part(0..2)).unwrap();
    }

    // More than one batch would be of one state.
    let images = synthetic::images(configs::small(), 9, 5);
    let error = Runner::cpu(&program, 1)
        .run(&Batch::images(&images, 9))
        .unwrap_err();
    assert!(
        error.to_string().contains("expected at most 8 items"),
        "{error}"
    );
}

#[test]
fn a_file_holds_plans_by_their_names() {
    let model = remembering::images(7);
    let read = IntModel::read(&model.to_bytes().unwrap()).unwrap();
    assert_eq!(read.model, model);
    assert_eq!((read.format, read.program.entries().len()), (4, 2));
    assert_eq!(read.program.entry(LOOK), Some(1));
    assert_eq!(read.digest, model.digest().unwrap());
    // Weights are there once.
    let mut alone = model.clone();
    alone.plans.clear();
    let packed = alone.program().unwrap();
    assert_eq!(packed.weights(), read.program.weights());
    assert_ne!(alone.digest().unwrap(), read.digest);
}

#[test]
fn plans_that_do_not_go_together_are_a_sentence() {
    let refused = |change: &dyn Fn(&mut IntModel), expected: &str| {
        let mut model = remembering::images(9);
        change(&mut model);
        let error = model.program().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    };
    fn look(model: &mut IntModel) -> &mut Plan {
        model.plans.get_mut(LOOK).unwrap()
    }
    refused(
        &|model| look(model).tensors[1].cols -= 1,
        "expected the state pool to be the same in all plans",
    );
    refused(
        &|model| look(model).tensors[1].state = false,
        "plan look: step head.fc: expected pool to hold what a step wrote",
    );
    refused(
        &|model| {
            let plan = look(model).clone();
            model.plans.insert(MAIN.to_owned(), plan);
        },
        "a name of its own, found \"main\" twice",
    );
    refused(
        &|model| {
            let plan = look(model).clone();
            let names = (0..15).map(|at| at.to_string());
            model.plans.extend(names.map(|name| (name, plan.clone())));
        },
        "expected 1 to 16 plans, found 17",
    );
    refused(
        &|model| {
            let again = look(model).tensors[1].clone();
            look(model).tensors.push(again);
        },
        "found pool twice",
    );
    refused(
        &|model| look(model).tensors[0].state = true,
        "found image twice or as an input",
    );
    // What executors leave in scratch is theirs, and pixels may be -128.
    refused(
        &|model| {
            let scratch = |operation: &Operation| operation.scratch();
            let mut steps = model.plan.steps.iter();
            let id = steps.find_map(|step| scratch(&step.operation)).unwrap();
            model.plan.tensors[id].state = true;
        },
        "as scratch or for pixels",
    );
    refused(
        &|model| {
            let gathered = model.plan.steps[0].operation.output();
            assert_eq!(model.plan.tensors[gathered].format, Format::Int8);
            model.plan.tensors[gathered].state = true;
        },
        "found patches as scratch or for pixels",
    );
}
