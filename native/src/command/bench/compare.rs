//! `--compare-activations`: models that differ in the activation alone, measured in turn.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use anyhow::Result;
use intformer::{
    architecture::{Activation, Config, PerBlock},
    quant::{Gelu, QuantizeOptions, invented},
};
use serde::Serialize;
use serde_json::json;

use super::{
    operations::{self, OperationTime},
    quartiles,
};
use crate::{
    answer::Answer,
    cli::Globals,
    executor::{self, Choice, Runner, threads},
    inputs::{Inputs, Items},
    model::Model,
};

/// The activations; ReLU, which the others are compared with, is the first.
const VARIANTS: &[(Activation, Gelu)] = &[
    (Activation::Relu, Gelu::Table),
    (Activation::Gelu, Gelu::Table),
    (Activation::Gelu, Gelu::IGelu),
    (Activation::Gelu, Gelu::ShiftGelu),
    #[cfg(feature = "comparison")]
    (Activation::Gelu, Gelu::Float),
];

/// The name of an activation in the answer.
fn name((activation, gelu): (Activation, Gelu)) -> &'static str {
    if activation == Activation::Relu {
        "relu"
    } else {
        gelu.name()
    }
}

/// The times of one activation on one executor at one batch size.
#[derive(Serialize)]
pub struct Compared {
    /// The executor's name.
    pub executor: &'static str,
    /// What it runs on.
    pub device: String,
    /// Images of a run.
    pub batch: usize,
    /// Threads of the executor.
    pub threads: usize,
    /// The activation's name.
    pub activation: &'static str,
    /// Median over the rounds.
    pub median_ms: f64,
    /// First quartile.
    pub q1_ms: f64,
    /// Third quartile.
    pub q3_ms: f64,
    /// By what share ReLU takes less: lower end, median and upper end over the rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relu_takes_less: Option<[f64; 3]>,
    /// Of each round, in the order of the rounds.
    times_ms: Vec<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operations: Vec<OperationTime>,
}

/// What is measured on what.
pub struct Request<'a> {
    /// The executors.
    pub executors: &'a [Choice],
    /// Images of a run.
    pub batches: &'a [usize],
    /// Tokens of a text, for a model that takes texts.
    pub tokens: usize,
    /// Threads of the executors on the CPU, if not one.
    pub threads: Option<usize>,
    /// Rounds before those that are measured.
    pub warm_up: usize,
    /// Rounds that are measured.
    pub rounds: usize,
    /// Whether operations are timed one by one as well.
    pub by_op: bool,
}

/// Measures `config` with every activation on random weights.
pub fn measure(request: &Request, config: &Config, globals: &Globals) -> Result<Vec<Compared>> {
    let threads = threads::count(request.threads, 1)?;
    let mut variants: Vec<Vec<Runner>> = Vec::new();
    for &(activation, gelu) in VARIANTS {
        let mut config = config.clone();
        config.set_activation(PerBlock::All(activation));
        let options = QuantizeOptions {
            gelu,
            ..QuantizeOptions::default()
        };
        let model = Model::of(invented(&config, 0, &options)?)?;
        let runners = executor::several(&model, request.executors, threads, globals)?;
        threads::check(&runners, request.threads, request.batches)?;
        variants.push(runners);
    }
    let executors = variants[0].len();
    let rounds = request.warm_up + request.rounds;
    let work = executors * request.batches.len() * rounds * variants.len();
    let bar = globals.bar("measuring", work);
    let mut results = Vec::new();
    for executor in 0..executors {
        for &batch in request.batches {
            let inputs = Inputs::random(config, batch, request.tokens, 0)?;
            let items = inputs.items();
            let mut times = vec![Vec::with_capacity(request.rounds); variants.len()];
            for round in 0..rounds {
                for turn in 0..variants.len() {
                    // The order rotates, and turns round, so that none always follows another.
                    let turn = if round % 2 == 0 {
                        turn
                    } else {
                        variants.len() - 1 - turn
                    };
                    let at = (round + turn) % variants.len();
                    let time = time(&mut variants[at][executor], &items)?;
                    if round >= request.warm_up {
                        times[at].push(time);
                    }
                    bar.inc(1);
                }
            }
            for (at, variant) in variants.iter_mut().enumerate() {
                let runner = &mut variant[executor];
                let [q1_ms, median_ms, q3_ms] = quartiles(&mut times[at].clone());
                let less = saved(&times[at], &times[0]);
                let runs = if request.by_op { request.rounds } else { 0 };
                results.push(Compared {
                    executor: runner.name,
                    device: runner.device(),
                    batch,
                    threads: runner.threads,
                    activation: name(VARIANTS[at]),
                    median_ms,
                    q1_ms,
                    q3_ms,
                    relu_takes_less: (at > 0).then(|| median_interval(less)),
                    times_ms: times[at].iter().map(|t| 1e3 * t.as_secs_f64()).collect(),
                    operations: operations::measure(runner, &items, runs)?,
                });
            }
        }
    }
    bar.finish_and_clear();
    Ok(results)
}

/// The answer of `bench --compare-activations`.
pub fn run(request: &Request, config: &Config, globals: &Globals) -> Result<Answer> {
    let results = measure(request, config, globals)?;
    Answer::new(
        text(&results)?,
        &json!({ "weights": "random", "results": results }),
    )
}

/// The time of one run: of the kernels by the card's clock for the executor cuda, else from images in
/// memory to logits in memory.
fn time(runner: &mut Runner, items: &Items) -> Result<Duration> {
    #[cfg(feature = "cuda")]
    if let Some(times) = runner.transfer_times(items)? {
        return Ok(times.run);
    }
    let start = Instant::now();
    runner.logits(items)?;
    Ok(start.elapsed())
}

/// By what share of `times` those of the same rounds in `relu` are shorter.
fn saved(times: &[Duration], relu: &[Duration]) -> Vec<f64> {
    let pairs = times.iter().zip(relu);
    pairs
        .map(|(time, relu)| 1.0 - relu.as_secs_f64() / time.as_secs_f64())
        .collect()
}

/// The median between the ends of an interval that holds that of the population with at least 95 %:
/// the order statistics k and n + 1 - k with the largest k for which a fair coin thrown n times
/// shows fewer than k heads in at most 2.5 % of cases. Below six values, their smallest and largest.
fn median_interval(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len();
    let median = (values[(count - 1) / 2] + values[count / 2]) / 2.0;
    let (mut tail, mut fewer) = (0.0, 0);
    // The probability of exactly `fewer` heads, by its logarithm: 2^-n underflows.
    let mut log = -(count as f64) * std::f64::consts::LN_2;
    while fewer < count / 2 && tail + log.exp() <= 0.025 {
        tail += log.exp();
        log += ((count - fewer) as f64 / (fewer + 1) as f64).ln();
        fewer += 1;
    }
    let low = fewer.saturating_sub(1);
    [values[low], median, values[count - 1 - low]]
}

fn text(results: &[Compared]) -> Result<String> {
    let mut text = String::from("random weights: these times say nothing of accuracy\n");
    let mut devices: Vec<(&str, &str)> = Vec::new();
    for row in results {
        if !devices.contains(&(row.executor, &row.device)) {
            devices.push((row.executor, &row.device));
            writeln!(text, "{:<10} {}", row.executor, row.device)?;
        }
    }
    writeln!(
        text,
        "\n{:<10} {:>5} {:<11} {:>10} {:>10} {:>10}   ReLU takes less, % [interval]",
        "executor", "batch", "activation", "median ms", "q1 ms", "q3 ms"
    )?;
    for row in results {
        let less = row
            .relu_takes_less
            .map(|less| less.map(|share| 100.0 * share));
        let less = less.map(|[low, less, high]| format!("{less:5.1} [{low:.1}, {high:.1}]"));
        writeln!(
            text,
            "{:<10} {:>5} {:<11} {:>10.3} {:>10.3} {:>10.3}   {}",
            row.executor,
            row.batch,
            row.activation,
            row.median_ms,
            row.q1_ms,
            row.q3_ms,
            less.unwrap_or_default(),
        )?;
        text += &operations::text(&row.operations)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks from tables of the sign test.
    #[test]
    fn intervals_are_those_of_the_sign_test() {
        let ranks = |count: usize| median_interval((1..=count).map(|i| i as f64).collect());
        assert_eq!(ranks(5), [1.0, 3.0, 5.0]);
        assert_eq!(ranks(6), [1.0, 3.5, 6.0]);
        assert_eq!(ranks(9), [2.0, 5.0, 8.0]);
        assert_eq!(ranks(20), [6.0, 10.5, 15.0]);
        assert_eq!(ranks(100), [40.0, 50.5, 61.0]);
        assert_eq!(ranks(1), [1.0; 3]);
    }
}
