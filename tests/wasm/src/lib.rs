//! What `check.mjs` calls: comparisons of the CPU executor with the reference inside WebAssembly,
//! and single steps of a Swin-T or a MiniLM to be timed.

// Only numbers cross the border, so that no binding generator is needed.
#![allow(
    unsafe_code,
    reason = "exported names have the attribute `unsafe(no_mangle)`"
)]

#[allow(dead_code, reason = "tests outside use more")]
#[path = "../../src/cases.rs"]
mod cases;
#[path = "../../src/synthetic.rs"]
mod synthetic;
#[path = "../../src/texts.rs"]
mod texts;

use std::cell::RefCell;
use std::sync::Arc;

use intformer::architecture::{
    Activation, BertConfig, Config, InputShape, PerBlock, SwinConfig, TextHead, TextPooling,
    VitConfig, VitPooling, Windowing,
};
use intformer::plan::Program;
use intformer::runtime::cpu::Kernels;
use intformer::runtime::{Batch, Cpu, Executor, Reference, Token};
use intformer_shaders::Dispatch;

/// Words that differ between the twin and the CPU kernel, over the random dispatches `first` to
/// `first + count`.
#[unsafe(no_mangle)]
pub extern "C" fn kernels(first: u32, count: u32) -> u32 {
    let mut cpu = Kernels::default();
    let mut different = 0;
    for seed in first..first + count {
        let mut case = cases::Case::random(u64::from(seed));
        let mut found = case.arena.clone();
        cpu.run(&case.dispatch, &case.weights, &mut found);
        case.dispatch.run_twin(&case.weights, &mut case.arena);
        different += case.different(&found).len() as u32;
    }
    different
}

/// Words of all tensors that differ between the reference and the CPU executor, over small models of a
/// family (0 Swin, 1 ViT, 2 BERT) with batches of 1 to 5.
#[unsafe(no_mangle)]
pub extern "C" fn models(family: u32, first: u32, count: u32) -> u32 {
    (first..first + count)
        .map(|seed| {
            let config: Config = match family {
                0 => swin(seed).into(),
                1 => vit(seed).into(),
                _ => bert(seed).into(),
            };
            different(&config, seed % 5 + 1, seed)
        })
        .sum()
}

/// The same for texts of any lengths, three batches one after the other.
#[unsafe(no_mangle)]
pub extern "C" fn texts(first: u32, count: u32) -> u32 {
    let of_seed = |seed: u32| {
        let (plan, weights, limits) = texts::plan(u64::from(seed));
        let program = Arc::new(Program::new(&plan, &weights).expect("a program"));
        let mut reference = Reference::new(Arc::clone(&program));
        let mut cpu = Cpu::new(program);
        let words = (0..3).map(|at| {
            let texts =
                texts::Texts::random(limits, 1 + (seed + at) as usize % 5, u64::from(seed + at));
            apart(reference.trace(&texts.batch()), cpu.trace(&texts.batch()))
        });
        words.sum::<u32>()
    };
    (first..first + count).map(of_seed).sum()
}

/// The same for a Swin-T of random weights.
#[unsafe(no_mangle)]
pub extern "C" fn swin_t() -> u32 {
    different(&SwinConfig::tiny().into(), 1, 1)
}

/// A Swin of odd extents.
fn swin(seed: u32) -> SwinConfig {
    let pick = |prime: u32, most: u32| (seed / prime % most + 1) as usize;
    let (window, patch, heads) = (pick(1, 5), pick(2, 4), pick(3, 3));
    let stages = pick(5, 3);
    let side = |factor: usize| ((window * factor) << (stages - 1)) * patch;
    SwinConfig {
        image_size: [side(pick(7, 2)), side(pick(11, 2))],
        in_channels: pick(3, 3),
        patch_size: patch,
        embed_dim: heads * pick(1, 9),
        depths: vec![2; stages],
        heads: (0..stages).map(|stage| heads << stage).collect(),
        window_size: window,
        mlp_ratio: pick(13, 4) as f64,
        classes: pick(1, 20),
        dense: false,
        qkv_bias: seed.is_multiple_of(2),
        layer_norm_eps: 1e-5,
        windowing: Windowing::Timm,
        widths: None,
        activation: PerBlock::All([Activation::Relu, Activation::Gelu][(seed / 2 % 2) as usize]),
        fc1_bias: PerBlock::All(true),
    }
}

/// The same number, 1 to `most`, from the same seed.
fn pick(random: &mut synthetic::Random, most: u64) -> usize {
    (random.bits() % most + 1) as usize
}

/// A ViT of odd extents, with each way to pool.
fn vit(seed: u32) -> VitConfig {
    let mut random = synthetic::Random(u64::from(seed));
    let mut pick = |most| pick(&mut random, most);
    let (patch, heads, depth) = (pick(5), pick(3), pick(3));
    let (pooling, distilled, prefix) = match pick(4) {
        1 => (VitPooling::First, false, pick(3)),
        2 => (VitPooling::First, true, pick(2) + 1),
        3 => (VitPooling::Mean, false, pick(4) - 1),
        _ => (VitPooling::MeanOfNormalized, false, 0),
    };
    let grid = [pick(6), pick(6)];
    let mut patch_depth: Vec<usize> = (0..grid[0] * grid[1]).map(|_| pick(depth as u64)).collect();
    // One goes through all blocks.
    patch_depth[0] = depth;
    VitConfig {
        image_size: grid.map(|patches| patches * patch),
        in_channels: pick(3),
        patch_size: patch,
        prefix,
        pooling,
        distilled,
        embed_dim: heads * pick(18),
        depth,
        heads,
        hidden: pick(40),
        classes: if distilled { pick(20) } else { pick(20) - 1 },
        dense: false,
        patch_depth: (pick(2) == 1).then_some(patch_depth),
        qkv_bias: pick(2) == 1,
        layer_norm_eps: 1e-6,
        activation: PerBlock::All([Activation::Relu, Activation::Gelu][pick(2) - 1]),
        fc1_bias: PerBlock::All(pick(2) == 1),
        widths: None,
    }
}

/// An encoder of texts of odd extents, with each head.
fn bert(seed: u32) -> BertConfig {
    let mut random = synthetic::Random(u64::from(seed));
    let mut pick = |most| pick(&mut random, most);
    let activation = |at: usize| {
        [
            Activation::Gelu,
            Activation::GeluTanh,
            Activation::Relu,
            Activation::Tanh,
        ][at - 1]
    };
    let (heads, depth) = (pick(3), pick(2));
    let poolings = [TextPooling::First, TextPooling::Mean, TextPooling::Max];
    let (head, classes) = match pick(4) {
        1 => {
            let pooling = poolings[pick(3) - 1];
            (
                TextHead::Embedding {
                    pooling,
                    normalized: true,
                },
                0,
            )
        }
        2 => {
            let dense = Some(activation(pick(4)));
            let pooling = TextPooling::First;
            (TextHead::Text { pooling, dense }, pick(20))
        }
        3 => {
            let pooling = poolings[pick(2) - 1];
            (
                TextHead::Text {
                    pooling,
                    dense: None,
                },
                pick(20),
            )
        }
        _ => (TextHead::Tokens, pick(20)),
    };
    BertConfig {
        vocabulary: pick(40),
        positions: pick(40),
        segments: pick(2),
        embed_dim: heads * pick(18),
        embedding_dim: [None, Some(pick(30))][pick(2) - 1],
        depth,
        heads,
        hidden: pick(40),
        head,
        classes,
        layer_norm_eps: 1e-12,
        activation: PerBlock::All(activation(pick(4))),
        fc1_bias: PerBlock::All(pick(2) == 1),
        widths: None,
    }
}

fn program(config: &Config, seed: u32) -> Arc<Program> {
    let model = synthetic::int_model(config, u64::from(seed)).expect("a model");
    Arc::new(model.program().expect("a program"))
}

fn different(config: &Config, batch: u32, seed: u32) -> u32 {
    let program = program(config, seed);
    let (batch, seed) = (batch as usize, u64::from(seed));
    let (images, texts);
    let items = match config.input() {
        InputShape::Text(limits) => {
            texts = texts::Texts::random(limits, batch, seed);
            texts.batch()
        }
        _ => {
            images = synthetic::images(config, batch, seed);
            Batch::images(&images, batch)
        }
    };
    let expected = Reference::new(Arc::clone(&program)).trace(&items);
    apart(expected, Cpu::new(program).trace(&items))
}

/// Words that differ.
fn apart(
    expected: intformer::Result<Vec<Vec<u32>>>,
    found: intformer::Result<Vec<Vec<u32>>>,
) -> u32 {
    let pairs = expected
        .expect("a run")
        .into_iter()
        .zip(found.expect("a run"));
    let words = pairs.flat_map(|(expected, found)| expected.into_iter().zip(found));
    words.filter(|(expected, found)| expected != found).count() as u32
}

/// A model that is run step by step.
struct Bench {
    program: Arc<Program>,
    dispatches: Vec<Dispatch>,
    arena: Vec<u32>,
    kernels: Kernels,
}

thread_local! {
    static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
}

/// Makes a Swin-T of random weights for `batch` images; returns its steps.
#[unsafe(no_mangle)]
pub extern "C" fn bench_images(batch: u32) -> u32 {
    let config: Config = SwinConfig::tiny().into();
    let images = synthetic::images(&config, batch as usize, 1);
    make_bench(&config, &Batch::images(&images, batch as usize))
}

/// The same of a MiniLM for a text of `count` tokens.
#[unsafe(no_mangle)]
pub extern "C" fn bench_text(count: u32) -> u32 {
    let tokens: Vec<Token> = (0..count).map(|id| Token { id, segment: 0 }).collect();
    make_bench(
        &BertConfig::minilm().into(),
        &Batch::texts(&tokens, &[0, tokens.len()]),
    )
}

fn make_bench(config: &Config, batch: &Batch) -> u32 {
    let program = program(config, 1);
    let counts = batch.counts();
    let room = program.room(counts);
    let mut arena = vec![0; room.words()];
    let placed = program.place(batch, room, &mut arena);
    placed.expect("a batch that fits");
    let dispatches = program.main().dispatches(room, counts);
    let steps = dispatches.len() as u32;
    let bench = Bench {
        program,
        dispatches,
        arena,
        kernels: Kernels::default(),
    };
    BENCH.set(Some(bench));
    steps
}

fn with_bench<T>(body: impl FnOnce(&mut Bench) -> T) -> T {
    BENCH.with_borrow_mut(|bench| {
        body(
            bench
                .as_mut()
                .expect("a call of bench_images or bench_text before"),
        )
    })
}

/// Runs one step of the model.
#[unsafe(no_mangle)]
pub extern "C" fn step(at: u32) {
    with_bench(|bench| {
        let dispatch = &bench.dispatches[at as usize];
        bench
            .kernels
            .run(dispatch, bench.program.weights(), &mut bench.arena);
    });
}

/// The operation of a step: its place in the list of operations.
#[unsafe(no_mangle)]
pub extern "C" fn operation(at: u32) -> u32 {
    with_bench(|bench| {
        let name = bench.dispatches[at as usize].name();
        let place = Dispatch::NAMES.iter().position(|&other| other == name);
        place.expect("an operation") as u32
    })
}

/// How many operations there are.
#[unsafe(no_mangle)]
pub extern "C" fn operations() -> u32 {
    Dispatch::NAMES.len() as u32
}

/// A letter of an operation's name; 0 behind its end.
#[unsafe(no_mangle)]
pub extern "C" fn letter(operation: u32, at: u32) -> u32 {
    let name = Dispatch::NAMES[operation as usize].as_bytes();
    name.get(at as usize).copied().unwrap_or(0).into()
}

/// Rows, inputs and outputs of a step's matrix product, multiplied; 0 if it has none.
#[unsafe(no_mangle)]
pub extern "C" fn products(at: u32) -> f64 {
    with_bench(|bench| match &bench.dispatches[at as usize] {
        Dispatch::Linear(p) | Dispatch::NormLinear(p) => {
            f64::from(p.rows) * f64::from(4 * p.k_words) * f64::from(p.cols)
        }
        _ => 0.0,
    })
}
