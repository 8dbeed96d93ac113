//! Batches of texts: any lengths, on every executor, one after the other.

use std::sync::Arc;

use intformer::{
    Error, Result,
    plan::{
        Axis, Counts, Format, InputKind, Operation, Plan, Port, Program, TokenLimits, operation,
    },
    runtime::{
        Batch, Cpu, Executor, Outputs, Reference, Runner, Token,
        wgpu::{Options, Wgpu},
    },
};
#[cfg(feature = "cuda")]
use intformer_tests::executors::cuda;
use intformer_tests::{
    executors::wgpu,
    texts::{self, Texts},
};
use proptest::prelude::*;

fn program(seed: u64) -> (Arc<Program>, TokenLimits) {
    let (plan, weights, limits) = texts::plan(seed);
    (Arc::new(Program::new(&plan, &weights).unwrap()), limits)
}

/// Batches of other lengths one after the other on one executor: every tensor is that of the reference.
fn compare<E: Executor>(seed: u64, sizes: &[usize], make: impl FnOnce(Arc<Program>) -> E) {
    let (program, limits) = program(seed);
    let mut reference = Reference::new(Arc::clone(&program));
    let mut executor = make(Arc::clone(&program));
    for (at, &items) in sizes.iter().enumerate() {
        let texts = Texts::random(limits, items, seed ^ at as u64);
        let expected = reference.trace(&texts.batch()).unwrap();
        let found = executor.trace(&texts.batch()).unwrap();
        assert_eq!(expected.len(), found.len());
        for ((step, expected), found) in program.main().steps().iter().zip(&expected).zip(&found) {
            assert!(expected == found, "{} differs with seed {seed}", step.name);
        }
        let expected = reference.run(&texts.batch()).unwrap();
        assert_eq!(executor.run(&texts.batch()).unwrap(), expected);
        let times = executor.times(&texts.batch()).unwrap();
        assert_eq!(times.len(), found.len());
        // What measuring left there changes nothing.
        assert_eq!(executor.run(&texts.batch()).unwrap(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn cpu_equals_the_reference(seed: u64, sizes in prop::collection::vec(1usize..9, 1..6)) {
        compare(seed, &sizes, Cpu::new);
    }

    #[test]
    fn wgpu_equals_the_reference(seed: u64, sizes in prop::collection::vec(1usize..9, 1..6)) {
        compare(seed, &sizes, wgpu);
    }

    /// A text alone, among others, and in a runner that cuts and shares the batch.
    #[test]
    fn what_an_item_gives_depends_on_no_other(seed: u64, items in 2usize..80, threads in 1usize..4) {
        let (program, limits) = program(seed);
        let texts = Texts::random(limits, items, seed);
        let whole = Reference::new(Arc::clone(&program)).run(&texts.batch()).unwrap();
        prop_assert_eq!(Runner::cpu(&program, threads).run(&texts.batch()).unwrap(), whole.clone());
        let mut cpu = Cpu::new(program);
        let mut alone = Outputs::default();
        for item in 0..items {
            alone.extend(cpu.run(&texts.batch().part(item..item + 1)).unwrap());
        }
        prop_assert_eq!(alone, whole);
    }
}

#[cfg(feature = "cuda")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 30, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn cuda_equals_the_reference(seed: u64, sizes in prop::collection::vec(1usize..9, 1..5)) {
        compare(seed, &sizes, cuda);
    }
}

/// Texts of so many tokens each.
fn lengths(lengths: &[usize]) -> Texts {
    let mut texts = Texts {
        starts: vec![0],
        ..Texts::default()
    };
    for length in lengths {
        texts.tokens.extend(vec![Token::default(); *length]);
        texts.starts.push(texts.tokens.len());
    }
    texts
}

/// A plan whose texts may be of 20 tokens at least.
fn long() -> (Arc<Program>, TokenLimits) {
    let fitting = |seed: &u64| texts::plan(*seed).2.positions >= 20;
    program((0..100).find(fitting).expect("one of a hundred"))
}

#[test]
fn other_lengths_find_room_made_and_kernels_chosen() {
    let (program, _) = long();
    let first = lengths(&[20, 13, 9]);
    let others = [vec![1], vec![20, 20], vec![3, 2, 20, 17]];

    let mut cpu = Cpu::new(Arc::clone(&program));
    cpu.run(&first.batch()).unwrap();
    let held = cpu.memory();
    // Measures kernels, unlike the others here.
    let mut gpu = Wgpu::new_blocking(Arc::clone(&program), Options::default()).unwrap();
    gpu.run(&first.batch()).unwrap();
    let (on_device, chosen) = (gpu.memory(), gpu.chosen().len());
    for other in others {
        cpu.run(&lengths(&other).batch()).unwrap();
        gpu.run(&lengths(&other).batch()).unwrap();
    }
    assert_eq!(cpu.memory(), held);
    assert_eq!((gpu.memory(), gpu.chosen().len()), (on_device, chosen));
    // More of them is another matter, and stays.
    gpu.run(&lengths(&[20; 6]).batch()).unwrap();
    let more = gpu.memory();
    let found = gpu.run(&first.batch()).unwrap();
    assert!(more > on_device && gpu.memory() == more);
    assert_eq!(found, Reference::new(program).run(&first.batch()).unwrap());
    // A trace reads back what the batch has, not what there is room for.
    gpu.trace(&lengths(&[1]).batch()).unwrap();
    let little = gpu.memory();
    gpu.trace(&lengths(&[20; 6]).batch()).unwrap();
    assert!(more < little && little < gpu.memory());
}

#[test]
fn room_is_made_for_what_is_said_to_fit_and_for_next_to_nothing() {
    let (program, _) = long();
    let mut executors: Vec<Box<dyn Executor>> = vec![
        Box::new(Cpu::new(Arc::clone(&program))),
        Box::new(wgpu(Arc::clone(&program))),
    ];
    #[cfg(feature = "cuda")]
    executors.push(Box::new(cuda(program)));
    for executor in &mut executors {
        executor.prepare(Counts::of_items(1)).unwrap();
        executor.prepare(Counts::default()).unwrap();
        let most = executor.max_batch();
        assert!(1 <= most.items && 1 <= most.tokens);
        executor.run(&lengths(&[3, 1]).batch()).unwrap();
    }
}

#[test]
fn what_no_plan_takes_is_a_sentence() {
    let (program, limits) = long();
    let mut cpu = Cpu::new(Arc::clone(&program));
    let mut refused = |batch: &Batch, expected: &str| {
        let error = cpu.run(batch).unwrap_err();
        assert!(matches!(error, Error::Text(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        let error = Runner::cpu(&program, 2).run(batch).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let token = Token::default();
    let some = [token; 200];
    refused(&Batch::texts(&some, &[]), "at least 1 text");
    refused(&Batch::texts(&some, &[3]), "at least 1 text");
    refused(&Batch::texts(&some, &[0, 5, 5]), "found one from 5 to 5");
    refused(&Batch::texts(&some, &[0, 9, 5]), "found one from 9 to 5");
    refused(&Batch::texts(&some, &[190, 201]), "of 200 in all");
    refused(&Batch::texts(&some, &[0, usize::MAX]), "of 200 in all");
    refused(&Batch::images(&[0; 16], 1), "found images");
    let long = limits.positions as usize + 1;
    let found = format!(
        "text 1: expected 1 to {} tokens, found {long}",
        limits.positions
    );
    refused(&Batch::texts(&some, &[0, 1, 1 + long]), &found);
    let beyond = Token {
        id: limits.vocabulary,
        ..token
    };
    refused(
        &Batch::texts(&[token, beyond], &[0, 2]),
        "text 0: expected tokens below",
    );
    let beyond = Token {
        segment: limits.segments,
        ..token
    };
    refused(&Batch::texts(&[beyond], &[0, 1]), "in segments below");
    // And goes on; what lies before the first text is left out.
    let texts = Batch::texts(&some, &[100, 101, 110]);
    assert_eq!(
        cpu.run(&texts).unwrap(),
        cpu.run(&lengths(&[1, 9]).batch()).unwrap()
    );
    let error = cpu
        .prepare(Counts {
            items: 1,
            tokens: 1 << 40,
        })
        .unwrap_err();
    assert!(matches!(error, Error::OutOfMemory(_)), "{error}");
}

/// Changes of a plan that would let a kernel go where it should not, or take what nothing wrote.
#[test]
fn plans_over_tokens_are_checked() {
    let refused = |change: &dyn Fn(&mut Plan), expected: &str| {
        let (mut plan, weights, _) = texts::plan(7);
        change(&mut plan);
        let error = match Program::new(&plan, &weights) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("expected {expected}"),
        };
        assert!(error.contains(expected), "{expected}: {error}");
    };
    let (tokens, spans, stream) = (0, 1, 2);
    refused(
        &|plan| {
            plan.inputs.remove(0);
        },
        "expected inputs of images, or of tokens and spans",
    );
    refused(
        &|plan| plan.inputs.clear(),
        "expected an input of tokens, as tokens has a row",
    );
    refused(
        &|plan| plan.inputs[1].tensor = tokens,
        "an input should be one row of Int32 for each Item",
    );
    refused(
        &|plan| plan.inputs.push(plan.inputs[1]),
        "a tensor of its own",
    );
    refused(
        &|plan| plan.inputs.extend(vec![plan.inputs[1]; 12]),
        "at most 16 inputs and outputs, found 17",
    );
    refused(&|plan| plan.inputs[0].kind = InputKind::Pixels, "Uint8");
    refused(
        &|plan| plan.tensors[tokens].cols = 3,
        "an input should be one row",
    );
    refused(
        &|plan| plan.tensors[spans].axis = Axis::Token,
        "for each Item",
    );
    refused(&|plan| plan.tensors[stream].axis = Axis::Item, "do not fit");
    refused(
        &|plan| plan.outputs[0].kind = plan.outputs[2].kind,
        "an output should be",
    );
    // Tables that are shorter than what comes in.
    let limits = |limits: TokenLimits| {
        move |plan: &mut Plan| plan.inputs[0].kind = InputKind::Tokens(limits)
    };
    let (_, _, allowed) = texts::plan(7);
    let more = TokenLimits {
        vocabulary: allowed.vocabulary + 1,
        ..allowed
    };
    refused(&limits(more), "embed.word should be I8");
    // A name that makes an embedding's table that of something else.
    refused(
        &|plan| {
            if let Operation::Embedding(embedding) = &mut plan.steps[0].operation {
                embedding.weights = "bias embed 1".to_owned();
            }
        },
        "bias embed 1.word is missing",
    );
    refused(
        &|plan| {
            if let Operation::GatherRows(gather) = &mut plan.steps[8].operation {
                gather.index = Some(plan.outputs[2].tensor);
            }
        },
        "step first: the extents",
    );
    // Heads beyond their rows, spans that are none, texts too long for the sums, exponentials of another table.
    type Change = fn(&mut operation::Attention);
    let attention = |change: Change| {
        move |plan: &mut Plan| {
            if let Operation::Attention(attention) = &mut plan.steps[2].operation {
                change(attention);
            }
        }
    };
    let changes: [Change; 7] = [
        |attention| attention.starts[2] += 1000,
        |attention| attention.head_words = 17,
        |attention| attention.heads = 0,
        |attention| attention.heads = usize::MAX,
        |attention| attention.items = None,
        |attention| {
            attention.items = attention.items.map(|items| operation::Items {
                spans: items.tokens,
                ..items
            })
        },
        |attention| attention.output = attention.inputs[0],
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let expected = if at == 6 {
            "found them overlapping"
        } else {
            "step attn: the extents"
        };
        refused(&attention(change), expected);
    }
    refused(
        &attention(|attention| attention.exp = "attn.multiplier".to_owned()),
        "attn.multiplier should be U16",
    );
    refused(
        &|plan| {
            let InputKind::Tokens(limits) = &mut plan.inputs[0].kind else {
                return;
            };
            limits.positions = 4097;
        },
        "step attn: the extents",
    );
    // What lies in the inputs depends on what else is in the batch.
    refused(
        &|plan| plan.outputs[0].tensor = tokens,
        "an output should be what a step wrote",
    );
    refused(
        &|plan| {
            let output = plan.tensors.len();
            plan.tensors.push(plan.tensors[spans].clone());
            if let Operation::GatherRows(gather) = &mut plan.steps[8].operation {
                (gather.input, gather.output) = (tokens, output);
            }
        },
        "step first: expected values that a step wrote, found the input tokens",
    );
    refused(
        &|plan| {
            let mut image = plan.tensors[spans].clone();
            (image.format, image.cols) = (Format::Uint8, 16);
            plan.tensors.push(image);
            plan.inputs.push(Port {
                kind: InputKind::Pixels,
                tensor: plan.tensors.len() - 1,
            });
        },
        "expected inputs of images, or of tokens and spans",
    );
}

#[test]
fn a_plan_over_tokens_is_json_like_any_other() -> Result<()> {
    let (plan, _, _) = texts::plan(3);
    let text = serde_json::to_string(&plan).unwrap();
    assert!(text.contains(r#"{"kind":"spans","tensor":1}"#), "{text}");
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    Ok(())
}
