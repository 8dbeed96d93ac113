//! What must stay as it is: bytes of models and answers, and plans as people read them.
//!
//! A difference here is a change of meaning. If it is wanted, `INSTA_UPDATE=always cargo test -p
//! intformer-tests --test golden` writes the snapshots anew, and `git diff` shows what changed.

use std::{fmt::Write, path::Path, sync::Arc};

use intformer::{
    architecture::{Activation, PerBlock, SwinConfig, Windowing},
    digest, picture,
    plan::{IntModel, IntType, Layout, Operation, Plan},
    quant::{Gelu, QuantizeOptions, invented},
    runtime::{Batch, Cpu, Executor},
};
use intformer_tests::{configs, synthetic};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

/// Random models of the list.
const MODELS: usize = 200;

/// The digest of a model and that of its answers to `images`.
fn digests(model: &IntModel, images: &[u8], batch: usize) -> [String; 2] {
    let program = Arc::new(model.program().unwrap());
    let logits = Cpu::new(program)
        .run(&Batch::images(images, batch))
        .unwrap()
        .into_first();
    [model.digest().unwrap(), digest(&logits)]
}

/// A plan, a line for each tensor and each step.
fn written(plan: &Plan) -> String {
    let layout = Layout::of(plan).unwrap();
    let mut text = format!(
        "{} tensors, {} steps, arena of {} words, from {} to {}\n\n",
        plan.tensors.len(),
        plan.steps.len(),
        layout.item_words,
        plan.tensors[plan.inputs[0].tensor].name,
        plan.tensors[plan.outputs[0].tensor].name,
    );
    for (id, tensor) in plan.tensors.iter().enumerate() {
        let (rows, cols, format) = (tensor.rows, tensor.cols, tensor.format);
        let format = format!("{format:?}").to_lowercase();
        let (stride, offset) = (tensor.stride, layout.offsets[id]);
        let name = &tensor.name;
        writeln!(
            text,
            "{id:3} {name}: {rows} x {cols} {format}, {stride} words a row at {offset}"
        )
        .unwrap();
    }
    text.push('\n');
    for step in &plan.steps {
        writeln!(text, "{}: {}", step.name, operation(&step.operation)).unwrap();
    }
    text
}

/// An operation as the model file has it.
fn operation(operation: &Operation) -> String {
    serde_json::to_string(operation).unwrap()
}

/// A plan of many steps: the steps alone, without what they say more than once.
fn outline(plan: &Plan) -> String {
    let layout = Layout::of(plan).unwrap();
    let mut text = String::new();
    for step in &plan.steps {
        let named = |id: usize| {
            let tensor = &plan.tensors[id];
            format!(
                "{} {}x{}@{}",
                tensor.name, tensor.rows, tensor.cols, layout.offsets[id]
            )
        };
        let value = serde_json::to_value(&step.operation).unwrap();
        let reads: Vec<_> = step.operation.inputs().into_iter().map(named).collect();
        let writes = named(step.operation.output());
        let (name, op) = (&step.name, value["op"].as_str().unwrap());
        writeln!(text, "{name}: {op} {} -> {writes}", reads.join(" + ")).unwrap();
    }
    text
}

/// The tensors of a model with their values.
fn weights(model: &IntModel) -> String {
    let mut text = String::new();
    for (name, tensor) in &model.weights.0 {
        let size = tensor.kind.size();
        let values = tensor.bytes.chunks(size).map(|bytes| {
            let mut word = [0; 4];
            word[..size].copy_from_slice(bytes);
            let unsigned = u32::from_le_bytes(word);
            match tensor.kind {
                IntType::I8 => (unsigned as u8 as i8).to_string(),
                IntType::I16 => (unsigned as u16 as i16).to_string(),
                IntType::I32 => (unsigned as i32).to_string(),
                IntType::U8 | IntType::U16 => unsigned.to_string(),
            }
        });
        let values: Vec<_> = values.collect();
        writeln!(text, "{name} {:?} {:?}", tensor.kind, tensor.shape).unwrap();
        for line in values.chunks(*tensor.shape.last().unwrap_or(&1)) {
            writeln!(text, "  {}", line.join(" ")).unwrap();
        }
    }
    text
}

/// The smallest model with all that a Swin has: two stages, a shift, maps that windows do not divide.
fn tiny() -> SwinConfig {
    SwinConfig {
        image_size: [10, 6],
        in_channels: 1,
        patch_size: 2,
        embed_dim: 4,
        depths: vec![2, 1],
        heads: vec![1, 2],
        window_size: 2,
        mlp_ratio: 2.0,
        classes: 3,
        windowing: Windowing::Torchvision,
        widths: None,
        activation: PerBlock::Each(vec![
            vec![Activation::Gelu, Activation::Relu],
            vec![Activation::Gelu],
        ]),
        fc1_bias: PerBlock::Each(vec![vec![true, false], vec![true]]),
        ..SwinConfig::tiny()
    }
}

fn tiny_model(gelu: Gelu) -> IntModel {
    let options = QuantizeOptions {
        gelu,
        ..QuantizeOptions::default()
    };
    invented(tiny(), 1, &options).unwrap()
}

#[test]
fn shipped_models_and_their_answers() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let mut samples: Vec<_> = models
        .join("samples")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    samples.sort();
    let mut text = String::new();
    for name in ["glyphs", "glyphs-gelu"] {
        let model = IntModel::load(models.join(name).with_extension("safetensors")).unwrap();
        let mut images = Vec::new();
        for sample in &samples {
            images.extend(
                picture::load(sample, &model.config.image().unwrap(), &model.preprocessing)
                    .unwrap()
                    .data,
            );
        }
        let [of_model, of_logits] = digests(&model, &images, samples.len());
        let count = samples.len();
        writeln!(
            text,
            "{name}: model {of_model}\n  logits of {count} samples {of_logits}"
        )
        .unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn random_models_and_their_answers() {
    let mut runner = TestRunner::deterministic();
    let mut text = String::new();
    for seed in 0..MODELS as u64 {
        let config = configs::config().new_tree(&mut runner).unwrap().current();
        let gelu = Gelu::INTEGER[seed as usize % 3];
        let model = synthetic::int_model_with(&config, seed, gelu).unwrap();
        let batch = 1 + seed as usize % 3;
        let images = synthetic::images(&config, batch, seed);
        let [of_model, of_logits] = digests(&model, &images, batch);
        let [height, width] = config.image_size;
        let (channels, dim, depths) = (config.in_channels, config.embed_dim, &config.depths);
        writeln!(
            text,
            "{seed:3} {height}x{width}x{channels} {dim} {depths:?} {}: {} {}",
            gelu.name(),
            &of_model[..16],
            &of_logits[..16]
        )
        .unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_plan_of_the_shipped_model() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let model = IntModel::load(models.join("glyphs.safetensors")).unwrap();
    insta::assert_snapshot!(written(&model.plan));
}

#[test]
fn the_plan_of_swin_t() {
    let model = synthetic::int_model(SwinConfig::tiny(), 1).unwrap();
    insta::assert_snapshot!(outline(&model.plan));
}

#[test]
fn a_tiny_model_lowered() {
    let model = tiny_model(Gelu::Table);
    let scale = model.logit_scale;
    let text = format!(
        "{}\nlogits in {scale:.9}\n\n{}",
        written(&model.plan),
        weights(&model)
    );
    insta::assert_snapshot!(text);
}

/// The forms of GELU differ in the first block alone.
#[test]
fn a_tiny_model_with_other_forms_of_gelu() {
    for gelu in [Gelu::IGelu, Gelu::ShiftGelu] {
        let model = tiny_model(gelu);
        insta::assert_snapshot!(gelu.name(), written(&model.plan));
    }
}
