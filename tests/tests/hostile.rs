//! Plans and model files from strangers: refused with a sentence, or harmless.

use std::sync::Arc;

use intformer::{
    Error,
    architecture::{Activation, PerBlock, SwinConfig, VitConfig, Windowing},
    plan::{
        Epilogue, Format, IntModel, IntWeights, MAX_GELU_ONE, Operation, Plan, Program, Step,
        operation,
    },
    runtime::{Batch, Cpu, Executor, Reference},
};
use intformer_tests::synthetic::{self, Random};
use proptest::prelude::*;
use serde_json::Value;

fn config() -> SwinConfig {
    SwinConfig {
        image_size: [8, 8],
        in_channels: 1,
        patch_size: 2,
        embed_dim: 8,
        depths: vec![2, 1],
        heads: vec![2, 2],
        window_size: 2,
        mlp_ratio: 2.0,
        classes: 3,
        dense: false,
        qkv_bias: true,
        layer_norm_eps: 1e-5,
        windowing: Windowing::Timm,
        widths: None,
        activation: PerBlock::All(Activation::Gelu),
        fc1_bias: PerBlock::All(true),
    }
}

fn model() -> IntModel {
    synthetic::int_model(config(), 3).unwrap()
}

/// The first step whose operation `find` accepts.
fn step(plan: &Plan, find: impl Fn(&Operation) -> bool) -> usize {
    let found = plan.steps.iter().position(|step| find(&step.operation));
    found.expect("the plan has such a step")
}

fn norm_linear(plan: &Plan) -> usize {
    step(plan, |op| matches!(op, Operation::NormLinear(_)))
}

fn attention(plan: &Plan) -> usize {
    step(plan, |op| matches!(op, Operation::WindowAttention(_)))
}

/// Replaces the elements of a weight tensor.
fn put<T: intformer::plan::IntElement>(weights: &mut IntWeights, name: &str, value: T, at: usize) {
    let tensor = weights.0.get_mut(name).unwrap_or_else(|| panic!("{name}"));
    let mut values: Vec<T> = bytemuck::pod_collect_to_vec(&tensor.bytes);
    values[at] = value;
    tensor.bytes = bytemuck::cast_slice(&values).to_vec();
}

type Break = fn(&mut Plan, &mut IntWeights);

fn i_gelu(clip: u32, one: u32, shift: u8) -> Epilogue {
    Epilogue::IGelu {
        clip,
        one,
        multiplier: 40_000,
        shift,
    }
}

/// Gives fc1 of the first block another epilogue of bytes.
fn set_epilogue(plan: &mut Plan, other: Epilogue) {
    let at = step(
        plan,
        |op| matches!(op, Operation::NormLinear(p) if matches!(p.epilogue, Epilogue::Table { .. })),
    );
    if let Operation::NormLinear(p) = &mut plan.steps[at].operation {
        p.epilogue = other;
    }
}

/// Puts a ShiftGELU in place of the first product of bytes, over a tensor of the same extents.
fn pass_over(plan: &mut Plan, unit: u32, shift: u8) {
    let at = attention(plan);
    let mut copy = plan.tensors[plan.steps[at].operation.output()].clone();
    copy.name = "copy".to_owned();
    plan.tensors.push(copy);
    let pass = operation::ShiftGelu {
        input: plan.steps[at].operation.output(),
        output: plan.tensors.len() - 1,
        unit,
        multiplier: 40_000,
        shift,
    };
    let name = "pass".to_owned();
    let operation = pass.into();
    plan.steps.insert(at + 1, Step { name, operation });
}

/// One thing broken at a time, with a part of the sentence that must come.
const BREAKS: &[(&str, Break)] = &[
    ("arena of at most", |plan, _| {
        // Either fits alone.
        let mut large = plan.tensors[2].clone();
        large.rows = (1 << 28) / large.stride;
        plan.tensors[2].rows = large.rows;
        plan.tensors.push(large);
        let twin = plan.tensors.len() - 1;
        let mut step = plan.steps[1].clone();
        if let Operation::Linear(p) = &mut step.operation {
            p.output = twin;
        }
        plan.steps.insert(2, step);
    }),
    ("should have from 1 to", |plan, _| {
        plan.tensors[2].rows = usize::MAX
    }),
    ("should have from 1 to", |plan, _| plan.tensors[2].rows = 0),
    ("16-byte aligned", |plan, _| plan.tensors[2].stride += 1),
    ("16-byte aligned", |plan, _| plan.tensors[2].cols = 1 << 20),
    ("an input should be", |plan, _| plan.inputs[0].tensor = 9999),
    ("an input should be", |plan, _| {
        plan.tensors[0].format = Format::Int8
    }),
    ("an output should be", |plan, _| plan.outputs[0].tensor = 0),
    ("the end: expected", |plan, _| drop(plan.steps.pop())),
    ("the end: expected", |plan, _| plan.steps.clear()),
    ("expected at most", |plan, _| {
        let step = plan.steps[0].clone();
        plan.steps.resize(1 << 15, step);
    }),
    ("expected one of", |plan, _| {
        if let Operation::PatchGather(p) = &mut plan.steps[0].operation {
            p.input = 1 << 30;
        }
    }),
    ("overlapping", |plan, _| {
        let at = norm_linear(plan);
        if let Operation::NormLinear(p) = &mut plan.steps[at].operation {
            p.scratch = p.output;
        }
    }),
    // A norm may not overwrite its own rows, not even where a residual may.
    ("overlapping", |plan, _| {
        let at = norm_linear(plan);
        if let Operation::NormLinear(p) = &mut plan.steps[at].operation {
            p.output = p.input;
            p.epilogue = Epilogue::Residual { residual: p.input };
        }
    }),
    ("overwritten or never written", |plan, _| {
        plan.steps.swap(2, 3);
    }),
    ("overwritten or never written", |plan, _| {
        drop(plan.steps.remove(0))
    }),
    ("overwritten or never written", |plan, _| {
        // What a later step reads serves as scratch.
        pass_over(plan, 1 << 16, 8);
        let at = attention(plan);
        let (attended, pass) = (plan.steps[at].operation.output(), plan.steps.remove(at + 1));
        let norm = plan.steps[at..]
            .iter_mut()
            .position(|step| match &mut step.operation {
                Operation::NormLinear(p) => {
                    p.scratch = attended;
                    true
                }
                _ => false,
            });
        plan.steps
            .insert(at + norm.expect("a norm and a product") + 1, pass);
    }),
    ("do not fit its tensors", |plan, _| {
        if let Operation::PatchGather(p) = &mut plan.steps[0].operation {
            p.grid = [usize::MAX, 2];
        }
    }),
    ("do not fit its tensors", |plan, _| {
        let at = attention(plan);
        if let Operation::WindowAttention(p) = &mut plan.steps[at].operation {
            p.window = [0, 2];
        }
    }),
    ("do not fit its tensors", |plan, _| {
        let at = attention(plan);
        if let Operation::WindowAttention(p) = &mut plan.steps[at].operation {
            p.shift = [2, 0];
        }
    }),
    ("do not fit its tensors", |plan, _| {
        // Neither the map's rows nor those of the padded map.
        let at = attention(plan);
        if let Operation::WindowAttention(p) = &mut plan.steps[at].operation {
            p.roll = Some([p.map[0] + 1, p.map[1]]);
        }
    }),
    ("do not fit its tensors", |plan, _| {
        // A shift that goes round more than once.
        let at = attention(plan);
        if let Operation::WindowAttention(p) = &mut plan.steps[at].operation {
            p.window = [p.map[0] + 1, 1];
            p.shift = [p.map[0], 0];
            p.roll = None;
        }
    }),
    ("attn.padding", |plan, _| {
        // A map that leaves padding, of which the weights say nothing.
        let at = attention(plan);
        if let Operation::WindowAttention(p) = &mut plan.steps[at].operation {
            p.map = [1, p.map[0] * p.map[1]];
            p.shift = [0, 0];
        }
    }),
    ("do not fit its tensors", |plan, _| {
        let at = attention(plan);
        if let Operation::WindowAttention(p) = &mut plan.steps[at].operation {
            p.head_words = 1 << 62;
        }
    }),
    ("do not fit its tensors", |plan, _| {
        let at = step(
            plan,
            |op| matches!(op, Operation::LayerNorm(p) if p.merge.is_some()),
        );
        if let Operation::LayerNorm(p) = &mut plan.steps[at].operation {
            p.merge = Some([1, 16]);
        }
    }),
    ("should hold values from 1 to 30, found 31", |_, weights| {
        put(weights, "head.fc.shift", 31u8, 0);
    }),
    ("should hold values from 1 to 30, found 0", |_, weights| {
        put(weights, "layers.0.blocks.0.mlp.fc2.shift", 0u8, 3);
    }),
    ("should hold values from 1 to 22, found 23", |_, weights| {
        put(weights, "layers.0.blocks.0.attn.shift", 23u8, 1);
    }),
    ("should hold values from 0 to 3, found 4", |_, weights| {
        put(weights, "layers.0.blocks.0.norm1.exponent", 4u8, 0);
    }),
    ("should hold values from -32767", |_, weights| {
        put(weights, "layers.0.blocks.0.norm2.multiplier", -32768i16, 0);
    }),
    ("should hold values from -536870912", |_, weights| {
        put(weights, "norm.bias", i32::MIN, 0);
    }),
    ("found -128", |_, weights| {
        put(weights, "head.fc.weight", -128i8, 5)
    }),
    ("accumulators below", |_, weights| {
        put(weights, "head.fc.bias", 1i32 << 30, 1)
    }),
    ("logits below", |_, weights| {
        put(weights, "layers.0.blocks.0.attn.position_bias", i32::MIN, 1);
    }),
    ("should begin with 255", |_, weights| {
        let name = weights
            .0
            .keys()
            .find(|name| name.starts_with("exp."))
            .unwrap()
            .clone();
        put(weights, &name, 254u8, 0);
    }),
    ("found -128", |_, weights| {
        put(weights, "layers.0.blocks.0.mlp.act.table", -128i8, 7);
    }),
    ("is missing", |_, weights| {
        drop(weights.0.remove("pool.multiplier"))
    }),
    ("should be I8", |_, weights| {
        weights.0.get_mut("head.fc.weight").unwrap().shape = vec![1, 1];
    }),
    ("a one of GELU from 1 to", |plan, _| {
        set_epilogue(plan, i_gelu(5, MAX_GELU_ONE + 1, 3));
    }),
    ("a clip of GELU from 0 to 10", |plan, _| {
        set_epilogue(plan, i_gelu(11, 120, 3));
    }),
    ("a shift from 1 to 30", |plan, _| {
        set_epilogue(plan, i_gelu(5, 100, 31));
    }),
    ("a unit from 1 to 127", |plan, _| pass_over(plan, 0, 3)),
    ("a unit from 1 to 127", |plan, _| pass_over(plan, 128, 3)),
    ("a shift from 1 to 30", |plan, _| pass_over(plan, 1, 0)),
    // The same name for two uses: each is checked.
    ("values from 1 to 22", |plan, weights| {
        // A pool may shift by 23, attention with the same parameters may not.
        for name in ["position_bias", "head_multiplier", "head_shift"] {
            let tensor = weights.0[&format!("layers.0.blocks.0.attn.{name}")].clone();
            weights.0.insert(format!("pool.{name}"), tensor);
        }
        for name in ["multiplier", "shift"] {
            let tensor = weights.0[&format!("layers.0.blocks.0.attn.{name}")].clone();
            weights.0.insert(format!("pool.{name}"), tensor);
        }
        put(weights, "pool.shift", 23u8, 0);
        let at = attention(plan);
        if let Operation::WindowAttention(p) = &mut plan.steps[at].operation {
            p.weights = "pool".to_owned();
        }
    }),
    ("head.fc.weight should be", |plan, _| {
        let at = norm_linear(plan);
        if let Operation::NormLinear(p) = &mut plan.steps[at].operation {
            p.weights = "head.fc".to_owned();
        }
    }),
];

#[test]
fn what_is_broken_is_refused_with_its_sentence() {
    let sound = model();
    Program::new(&sound.plan, &sound.weights).unwrap();
    for change in [
        |plan: &mut Plan| set_epilogue(plan, i_gelu(10, 100, 3)),
        |plan: &mut Plan| pass_over(plan, 127, 30),
    ] {
        let mut plan = sound.plan.clone();
        change(&mut plan);
        Program::new(&plan, &sound.weights).unwrap();
    }
    for (at, (expected, change)) in BREAKS.iter().enumerate() {
        let (mut plan, mut weights) = (sound.plan.clone(), sound.weights.clone());
        change(&mut plan, &mut weights);
        let found = match Program::new(&plan, &weights) {
            Ok(_) => panic!("break {at} ({expected}) was accepted"),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "break {at}: {expected}: {found}");
    }
}

/// The same of a plan of a Vision Transformer, whose tensors are counted by items.
#[test]
fn what_is_broken_in_a_vit_is_refused_with_its_sentence() {
    let config = VitConfig {
        image_size: [8, 8],
        patch_size: 4,
        embed_dim: 8,
        depth: 1,
        heads: 2,
        hidden: 8,
        classes: 3,
        ..VitConfig::tiny()
    };
    let sound = synthetic::int_model(&config, 1).unwrap();
    let refused = |change: &dyn Fn(&mut Operation), expected: &str| {
        let mut plan = sound.plan.clone();
        plan.steps
            .iter_mut()
            .for_each(|step| change(&mut step.operation));
        let found = match Program::new(&plan, &sound.weights) {
            Ok(_) => panic!("accepted, not {expected}"),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{expected}: {found}");
    };
    Program::new(&sound.plan, &sound.weights).unwrap();
    let fits = "do not fit its tensors";
    refused(
        &|step| {
            if let Operation::PatchGather(p) = step {
                p.prefix = 2
            }
        },
        fits,
    );
    refused(
        &|step| {
            if let Operation::PatchGather(p) = step {
                p.prefix = 9
            }
        },
        fits,
    );
    refused(
        &|step| {
            if let Operation::GatherRows(p) = step {
                p.tokens = vec![5]
            }
        },
        fits,
    );
    refused(
        &|step| {
            if let Operation::GatherRows(p) = step {
                p.tokens.clear()
            }
        },
        fits,
    );
    refused(
        &|step| {
            if let Operation::GatherRows(p) = step {
                p.input = 0
            }
        },
        fits,
    );
    refused(
        &|step| {
            if let Operation::Attention(p) = step {
                p.starts[1] = usize::MAX
            }
        },
        fits,
    );
    refused(
        &|step| {
            if let Operation::Attention(p) = step {
                p.heads = 9
            }
        },
        fits,
    );
    refused(
        &|step| {
            if let Operation::RepeatRows(p) = step {
                p.weights = "head".to_owned()
            }
        },
        "head.rows is missing",
    );

    let mut weights = sound.weights.clone();
    let table = weights.0.get_mut("embed.rows").unwrap();
    // The last element of the first row, which is padding.
    table.bytes[31] = 1;
    let error = Program::new(&sound.plan, &weights).unwrap_err().to_string();
    assert!(
        error.contains("embed.rows should hold values from 0 to 0"),
        "{error}"
    );
    let mut weights = sound.weights.clone();
    let name = weights
        .0
        .keys()
        .find(|name| name.starts_with("softmax."))
        .unwrap()
        .clone();
    weights.0.get_mut(&name).unwrap().bytes[0] = 0;
    let error = Program::new(&sound.plan, &weights).unwrap_err().to_string();
    assert!(error.contains("should begin with 2047"), "{error}");
}

/// All numbers inside a JSON value.
fn numbers<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    match value {
        Value::Number(_) => found.push(value),
        Value::Array(values) => values.iter_mut().for_each(|v| numbers(v, found)),
        Value::Object(values) => values.values_mut().for_each(|v| numbers(v, found)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A plan with numbers changed is refused, or runs and gives the same bytes whatever an
    /// earlier run left in the arena.
    #[test]
    fn changed_plans_are_refused_or_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0u64..80, any::<bool>()), 1..3),
    ) {
        thread_local!(static MODEL: IntModel = model());
        MODEL.with(|model| {
            let mut json = serde_json::to_value(&model.plan).unwrap();
            let mut found = Vec::new();
            numbers(&mut json, &mut found);
            for (at, value, far) in changes {
                let at = at.index(found.len());
                *found[at] = (if far { value << 58 } else { value }).into();
            }
            let Ok(plan) = serde_json::from_value::<Plan>(json) else { return };
            let Ok(program) = Program::new(&plan, &model.weights) else { return };
            let program = Arc::new(program);
            let image = synthetic::images(&model.config, 1, 5);
            let mut used = Reference::new(Arc::clone(&program));
            let grey = vec![170; image.len()];
            used.run(&Batch::images(&grey, 1)).unwrap();
            let image = Batch::images(&image, 1);
            let fresh = Reference::new(Arc::clone(&program)).run(&image).unwrap();
            assert_eq!(used.run(&image).unwrap(), fresh);
            assert_eq!(Cpu::new(program).run(&image).unwrap(), fresh);
        });
    }

    /// Damaged files are refused.
    #[test]
    fn damaged_files_are_refused(seed: u64) {
        thread_local!(static BYTES: Vec<u8> = model().to_bytes().unwrap());
        BYTES.with(|bytes| {
            let mut random = Random(seed);
            let mut bytes = bytes.clone();
            let at = random.bits() as usize % bytes.len();
            match random.bits() % 3 {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << (random.bits() % 8),
                _ => bytes.splice(at..at, [random.bits() as u8]).for_each(drop),
            }
            match IntModel::from_bytes(&bytes) {
                Err(Error::ModelFile(sentence)) => assert!(!sentence.is_empty()),
                Err(other) => panic!("{other}"),
                // Spaces of the header's padding say nothing.
                Ok(read) => assert!(read == model(), "a damaged file reads as another model"),
            }
        });
    }
}

#[test]
fn a_newer_version_is_named() {
    let bytes = model().to_bytes().unwrap();
    let version = br#"{\"format\":2"#;
    let at = bytes
        .windows(version.len())
        .position(|found| found == version);
    let mut newer = bytes.clone();
    newer[at.expect("the version comes first") + version.len() - 1] = b'7';
    let error = IntModel::from_bytes(&newer).unwrap_err().to_string();
    assert!(error.contains("found 7: a newer intformer"), "{error}");
}
