//! The examples that models are tested on and made integer-only by.

use anyhow::Result;
use intformer::{
    FloatModel, float,
    plan::IntModel,
    quant::{QuantizeOptions, quantize},
};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

use super::results::{Integer, Score};
use crate::{
    cli::Globals,
    executor::{Choice, Logits, Runner},
    inputs::Inputs,
    largest::largest,
    model::Model,
    study::examples::{Data, Set},
};

/// Examples that ranges are told on.
const CALIBRATION: usize = 128;

/// Items that run at once.
const BATCH: usize = 32;

/// Right answers and the answers themselves.
pub struct Answers {
    /// The answer to each example.
    pub named: Vec<usize>,
    /// Whether it is right.
    pub score: Score,
}

fn answers(named: Vec<usize>, test: &Set) -> Answers {
    let pairs = named.iter().zip(test.classes());
    let score = Score(pairs.map(|(named, class)| named == class).collect());
    Answers { named, score }
}

/// The answers of `model` to all examples of `set`.
pub fn answered_by(model: &FloatModel, set: &Set) -> Result<Vec<usize>> {
    let inputs = all(set);
    let logits = float::logits(model, inputs.items().samples())?;
    Ok(logits.iter().map(|row| largest(row)).collect())
}

/// The answers of `model` to the test.
pub fn float_answers(model: &FloatModel, data: &Data) -> Result<Answers> {
    Ok(answers(answered_by(model, &data.test)?, &data.test))
}

/// `model` made integer-only, and what it answers.
pub fn made_integer(
    model: &FloatModel,
    data: &Data,
    globals: &Globals,
) -> Result<(IntModel, Integer)> {
    let seen = draw(&data.train, CALIBRATION, 0);
    let inputs = data.train.inputs(seen.iter().copied());
    let calibration = float::calibrate(model, inputs.items().samples(), |_| ())?;
    let options = QuantizeOptions::default();
    let integer = quantize(
        model,
        &calibration,
        &options,
        "examples to train on",
        inputs.len(),
    )?;
    let steps = integer.plan.steps.len();
    let mut runner = Runner::open(&Model::of(integer.clone())?, Choice::Cpu, 1, globals)?;
    let inputs = all(&data.test);
    let mut logits = Vec::new();
    for start in (0..inputs.len()).step_by(BATCH) {
        let part = start..inputs.len().min(start + BATCH);
        match runner.logits(&inputs.some(part))? {
            Logits::Integer(some) => logits.extend(some),
            Logits::Float(_) => anyhow::bail!("expected integer logits"),
        }
    }
    let rows = logits.chunks(integer.config.classes());
    let answers = answers(rows.map(largest).collect(), &data.test);
    let integer_run = Integer {
        score: answers.score,
        digest: intformer::digest(&logits),
        steps,
    };
    Ok((integer, integer_run))
}

/// All examples of `set`.
fn all(set: &Set) -> Inputs {
    set.inputs(0..set.classes().len())
}

/// The places of `count` examples of `set`, or of all if there are fewer, drawn by `seed`, rising.
pub fn draw(set: &Set, count: usize, seed: u64) -> Vec<usize> {
    let of = set.classes().len();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut places = index::sample(&mut random, of, count.min(of)).into_vec();
    places.sort_unstable();
    places
}
