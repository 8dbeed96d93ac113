//! `intformer verify`: the same bits on every executor, tensor by tensor.

use std::{fmt::Write, path::PathBuf};

use anyhow::Result;
use clap::Args;
use intformer::plan::IntModel;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    cli::{Globals, within},
    executor::{self, Choice, Runner},
    images,
    inputs::Inputs,
    model::{self, Model},
    reading::Reading,
};

/// Runs every step of a compressed model's plan on every executor and compares what they wrote.
///
/// The first tensor that differs from the first executor's is named, and the exit code is 1. Where
/// fewer than two executors run, nothing is compared: `equal` is null in JSON, the exit code 3.
///
/// Example: intformer verify models/glyphs.safetensors --random 4
///
/// Example: intformer verify swin-t --random 30 --executor cpu,cuda
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The compressed model's file; or a published size with random weights, such as swin-t or vit-b
    /// (an unknown one lists all).
    model: String,
    /// Image files to run on; without any, black, white and random images are used, or texts of random
    /// tokens.
    #[arg(long, short)]
    image: Vec<PathBuf>,
    /// Random images beside the black and the white one; texts of random tokens beside one of a single token.
    #[arg(long, short, default_value_t = 2, conflicts_with = "image", value_parser = within(0..=65536))]
    random: usize,
    /// Seed of the random images.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The executors; several are separated by commas.
    #[arg(long, short, value_enum, value_delimiter = ',', default_value = "all")]
    executor: Vec<Choice>,
}

/// Where an executor first departs from the first one.
struct Difference {
    executor: &'static str,
    step: usize,
    name: String,
    word: usize,
    expected: u32,
    found: u32,
}

impl Options {
    /// Runs and compares.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = match model::named(&self.model)? {
            Some(config) => Model::invented(&config)?,
            None => Model::load(&self.model, &Reading::default(), globals)?,
        };
        let inputs = self.inputs(&model)?;
        let items = inputs.items();
        let compressed = model.compressed()?;
        let mut runners = executor::several(&model, &self.executor, 1, globals)?;

        let bar = globals.bar("verifying", runners.len());
        let mut digests = Vec::new();
        let mut difference = None;
        let mut expected = Vec::new();
        for runner in &mut runners {
            digests.push(runner.logits(&items)?.digest());
            let trace = runner.trace(&items)?;
            if expected.is_empty() {
                expected = trace;
            } else if difference.is_none() {
                difference = first_difference(compressed, runner.name, &expected, &trace);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let same = difference.is_none() && digests.iter().all(|digest| *digest == digests[0]);
        let equal = (runners.len() > 1).then_some(same);
        self.answer(
            &runners,
            &digests,
            inputs.len(),
            expected.len(),
            difference.as_ref(),
            equal,
        )
    }

    /// What is run: images, or texts of random tokens, the first of one token and the last of as many as can be.
    fn inputs(&self, model: &Model) -> Result<Inputs> {
        if !self.image.is_empty() {
            return images::read(&self.image, model).map(Inputs::Images);
        }
        if let Ok(limits) = model.config().text() {
            let most = limits.positions as usize;
            let length = |at: usize| 1 + at * (most - 1) / self.random.max(1);
            let lengths: Vec<usize> = (0..=self.random).map(length).collect();
            return Inputs::texts(limits, &lengths, self.seed);
        }
        let shape = &model.config().image()?;
        let mut images = vec![images::plain(shape, 0), images::plain(shape, 255)];
        images.extend(images::random(shape, self.random, self.seed)?);
        Ok(Inputs::Images(images))
    }

    fn answer(
        &self,
        runners: &[Runner],
        digests: &[String],
        items: usize,
        steps: usize,
        difference: Option<&Difference>,
        equal: Option<bool>,
    ) -> Result<Answer> {
        let mut text = String::new();
        let mut list = Vec::new();
        for (runner, digest) in runners.iter().zip(digests) {
            writeln!(text, "{:<10} {digest}  {}", runner.name, runner.device())?;
            list.push(json!({ "name": runner.name, "digest": digest, "device": runner.device() }));
        }
        let detail = match difference {
            Some(found) => {
                writeln!(
                    text,
                    "{} differs from {} first in {} (step {}), word {}: expected {:#010x}, found {:#010x}",
                    found.executor,
                    runners[0].name,
                    found.name,
                    found.step,
                    found.word,
                    found.expected,
                    found.found
                )?;
                json!({
                    "executor": found.executor, "tensor": found.name, "step": found.step,
                    "word": found.word, "expected": found.expected, "found": found.found,
                })
            }
            None => Value::Null,
        };
        let verdict = match equal {
            Some(true) => format!(
                "equal: {steps} tensors, {items} items, {} executors",
                runners.len()
            ),
            Some(false) => "NOT EQUAL".to_owned(),
            None => "NOT COMPARED: expected two executors, found one".to_owned(),
        };
        writeln!(text, "{verdict}")?;
        let json = json!({
            "executors": list, "equal": equal, "difference": detail, "images": items,
            "steps": steps,
        });
        Ok(Answer::new(text, &json)?.check(equal))
    }
}

/// The first word of the first tensor that differs.
fn first_difference(
    model: &IntModel,
    executor: &'static str,
    expected: &[Vec<u32>],
    found: &[Vec<u32>],
) -> Option<Difference> {
    let mut tensors = expected.iter().zip(found).enumerate();
    tensors.find_map(|(step, (expected, found))| {
        let mut words = expected.iter().zip(found).enumerate();
        let (word, (expected, found)) = words.find(|(_, (expected, found))| expected != found)?;
        let operation = &model.plan.steps[step].operation;
        Some(Difference {
            executor,
            step,
            name: model.plan.tensors[operation.output()].name.clone(),
            word,
            expected: *expected,
            found: *found,
        })
    })
}
