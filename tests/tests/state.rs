//! Several plans over the same weights, and state that outlives a run, on every executor.

use std::sync::Arc;

use intformer::{
    Error,
    plan::{Format, IntModel, MAIN, Plan, Program},
    runtime::{Batch, Cpu, Executor, Outputs, Reference, Runner},
};
#[cfg(feature = "cuda")]
use intformer_tests::executors::cuda;
use intformer_tests::{
    configs,
    executors::wgpu,
    remembering::{self, LOOK, REMEMBER},
    synthetic,
    texts::Texts,
};
use proptest::prelude::*;

fn of_texts(seed: u64) -> Arc<Program> {
    let (plans, weights, _) = remembering::texts(seed);
    let plans = plans.iter().map(|(name, plan)| (*name, plan));
    Arc::new(Program::of(plans, &weights).unwrap())
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
        4 => (0usize..3).prop_map(Ask::Run),
        4 => (0usize..3).prop_map(Ask::Trace),
        1 => (0usize..3).prop_map(Ask::Times),
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
    let (_, _, limits) = remembering::texts(seed);
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
    let [look, remember] = [LOOK, REMEMBER].map(|name| program.find(name).unwrap());
    let images = synthetic::images(configs::small(), 2, 3);
    let other = synthetic::images(configs::small(), 2, 4);
    let (batch, other) = (Batch::images(&images, 2), Batch::images(&other, 2));

    let mut cpu = Cpu::new(Arc::clone(&program));
    let empty = cpu.run(&other.at(look)).unwrap();
    let once = cpu.run(&batch.at(remember)).unwrap();
    assert_ne!(empty, once);
    // The other plan takes an image and does not look at it.
    assert_eq!(cpu.run(&other.at(look)).unwrap(), once);
    // Nor does the main one keep anything.
    cpu.run(&other).unwrap();
    assert_eq!(cpu.run(&other.at(look)).unwrap(), once);
    let after = cpu.run(&other.at(remember)).unwrap();
    assert_eq!(cpu.run(&batch.at(look)).unwrap(), after);
    cpu.forget().unwrap();
    assert_eq!(cpu.run(&other.at(look)).unwrap(), empty);
    assert_ne!(cpu.run(&other.at(remember)).unwrap(), after);
    cpu.forget().unwrap();
    assert_eq!(cpu.run(&batch.at(remember)).unwrap(), once);

    // Of several threads one has all of the state, however many batches the main plan is cut into.
    let mut runner = Runner::cpu(&program, 2);
    let many = synthetic::images(configs::small(), 40, 5);
    assert_eq!(runner.run(&batch.at(remember)).unwrap(), once);
    assert_eq!(runner.trace(&batch.at(look)).unwrap().len(), 1);
    assert!(runner.run(&batch.part(0..1).at(remember)).is_err());
    assert_eq!(runner.run(&other.at(remember)).unwrap(), after);
    runner.forget().unwrap();
    runner.run(&Batch::images(&many, 40)).unwrap();
    runner.run(&Batch::images(&many, 40).at(remember)).unwrap();
    runner
        .times(&Batch::images(&many, 40).at(remember))
        .unwrap();
    assert_eq!(runner.run(&batch.at(remember)).unwrap(), once);
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

    let images = synthetic::images(configs::small(), 6, 5);
    let all = Batch::images(&images, 6);
    let [look, remember] = [LOOK, REMEMBER].map(|name| program.find(name).unwrap());
    let [batch, other] = [all.part(0..3), all.part(3..6)];
    let mut expected = Reference::new(Arc::clone(&program));
    let first = expected.run(&batch.at(remember)).unwrap();
    let second = expected.run(&other.at(remember)).unwrap();
    for (_, mut executor) in executors {
        let refused = |found: Result<Outputs, Error>, expected: &str| {
            let error = found.unwrap_err();
            assert!(matches!(error, Error::Run(_)), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        };
        refused(executor.run(&batch.at(3)), "one of 3 plans");
        // Nothing is kept yet.
        executor.run(&all).unwrap();
        assert_eq!(executor.run(&batch.at(remember)).unwrap(), first);
        let few = batch.part(0..2);
        refused(
            executor.run(&few.at(remember)),
            "expected a batch of 3 items",
        );
        refused(executor.run(&few.at(look)), "found 2 items");
        refused(executor.run(&few), "found 2 items");
        let error = executor.prepare(few.counts()).unwrap_err();
        assert!(error.to_string().contains("found 2 items"), "{error}");
        assert_eq!(executor.run(&other.at(remember)).unwrap(), second);
        executor.forget().unwrap();
        executor.run(&few.at(remember)).unwrap();
    }
}

#[test]
fn a_file_holds_plans_by_their_names() {
    let model = remembering::images(7);
    let read = IntModel::read(&model.to_bytes().unwrap()).unwrap();
    assert_eq!(read.model, model);
    assert_eq!((read.format, read.program.entries().len()), (4, 3));
    assert_eq!(read.program.find(LOOK), Some(1));
    assert_eq!(read.digest, model.digest().unwrap());
    // Weights are there once.
    let mut alone = model.clone();
    alone.plans.clear();
    let packed = alone.program().unwrap();
    assert_eq!(packed.weights(), read.program.weights());
    assert_ne!(alone.digest().unwrap(), read.digest);

    // What an image gives depends on no other: not in the plan that is run for whoever knows of no other.
    let mut keeping = model.clone();
    keeping.plan = keeping.plans.remove(REMEMBER).unwrap();
    let error = IntModel::read(&keeping.to_bytes().unwrap()).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("a main plan that keeps no state"),
        "{error}"
    );
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
            let names = (0..14).map(|at| at.to_string());
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
        "expected inputs to be no state, found image",
    );
    // What executors leave in scratch is theirs, and pixels may be -128.
    refused(
        &|model| {
            let plan = model.plans.get_mut(REMEMBER).unwrap();
            let mut steps = plan.steps.iter();
            let id = steps.find_map(|step| step.operation.scratch()).unwrap();
            plan.tensors[id].state = true;
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
