//! `intformer bench`: how long a model takes.

#[cfg(feature = "cuda")]
mod card;
pub mod compare;
mod operations;

use std::{
    fmt::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;
use intformer::architecture::InputShape;
use operations::OperationTime;
use serde::Serialize;
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, within},
    executor::{self, Choice, Runner, threads},
    inputs::Inputs,
    model::{self, Model},
    reading::Reading,
    texts::{self, Column},
};

/// Measures how long a model takes on random images or texts: median and quartiles.
///
/// Each run takes the items of a batch from memory and ends with the logits in memory. For the
/// executor cuda the card's own clock tells in addition how long the kernels took, as one graph, and
/// how long the transfers. With --by-op, rates are of the least work: int8 multiply-adds, and bytes of
/// tensors and weights each moved once.
///
/// Example: intformer bench models/glyphs.safetensors --executor wgpu --batch 1,8,64
///
/// Example: intformer bench models/glyphs.safetensors --executor reference --by-op
///
/// Example: intformer bench minilm-l6 --executor cpu --batch 1 --tokens 16,64,256
///
/// Example: intformer bench minilm.safetensors --executor cpu --text-file questions.txt --threads 2
///
/// With --compare-activations, models with random weights that differ in the activation alone run in
/// turn: in each round every one once, in an order that rotates and turns round. By how much ReLU
/// takes less (on cuda of the kernels' time alone, by the card's clock) is the median over the
/// rounds, between the order statistics that hold it with 95 % (by the binomial distribution; below
/// six rounds the smallest and the largest).
///
/// Example: intformer bench swin-t --executor cpu --batch 1 --compare-activations
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id; or a published size with random
    /// weights, such as swin-t or vit-b (an unknown one lists all).
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// The executors; several are separated by commas.
    #[arg(long, short, value_enum, value_delimiter = ',', default_value = "all")]
    executor: Vec<Choice>,
    /// Images or texts of a run; several counts are separated by commas. A device that they do not fit
    /// takes them in parts.
    #[arg(long, short, value_delimiter = ',', default_value = "1,8", value_parser = within(1..=65536))]
    batch: Vec<usize>,
    /// Tokens of a text, for a model that takes texts; several lengths are separated by commas.
    #[arg(long, short, value_delimiter = ',', default_value = "64", value_parser = within(1..=4096))]
    tokens: Vec<usize>,
    /// Texts for a run to take, all of them at once, in place of random ones: one a line, or the column
    /// --column of a .csv, .tsv, .jsonl or .parquet.
    #[arg(long, short = 'F', value_name = "FILE", conflicts_with_all = ["batch", "tokens", "compare_activations"])]
    text_file: Option<PathBuf>,
    #[command(flatten)]
    column: Column,
    /// Threads of the executors reference and cpu, which share the items of a batch; one by default,
    /// at most one an item.
    #[arg(long, value_parser = within(1..=1024))]
    threads: Option<usize>,
    /// Runs that are measured.
    #[arg(long, short = 'n', default_value_t = 20, value_parser = within(1..=1_000_000))]
    runs: usize,
    /// Runs before those.
    #[arg(long, default_value_t = 3, value_parser = within(0..=1_000_000))]
    warm_up: usize,
    /// Times the operations one by one as well, where the executor can.
    #[arg(long)]
    by_op: bool,
    /// Compares ReLU with the forms of GELU in models of this one's configuration.
    #[arg(long)]
    compare_activations: bool,
}

/// The times of one executor at one batch size.
#[derive(Serialize)]
struct Measured {
    executor: &'static str,
    /// What it runs on.
    device: String,
    batch: usize,
    /// Of all texts of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<usize>,
    threads: usize,
    median_ms: f64,
    q1_ms: f64,
    q3_ms: f64,
    /// Of each run, in ascending order.
    times_ms: Vec<f64>,
    /// By the card's own clock, for the executor cuda.
    #[cfg(feature = "cuda")]
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<card::CardTimes>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operations: Vec<OperationTime>,
}

impl Options {
    /// Measures.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let named = model::named(&self.model)?;
        #[cfg(feature = "float")]
        if named.is_some() {
            self.reading.refuse("the name of a model")?;
        }
        if self.compare_activations {
            let config = match &named {
                Some(config) => config.clone(),
                None => Model::load(&self.model, &self.reading, globals)?
                    .config()
                    .clone(),
            };
            let &[tokens] = self.tokens.as_slice() else {
                bail!("expected one length of texts (--tokens) with --compare-activations");
            };
            let request = compare::Request {
                executors: &self.executor,
                batches: &self.batch,
                tokens,
                threads: self.threads,
                warm_up: self.warm_up,
                rounds: self.runs,
                by_op: self.by_op,
            };
            return compare::run(&request, &config, globals);
        }
        let model = match &named {
            Some(config) => Model::invented(config)?,
            None => Model::load(&self.model, &self.reading, globals)?,
        };
        let threads = threads::count(self.threads, 1)?;
        let mut runners = executor::several(&model, &self.executor, threads, globals)?;
        let own = self.own_texts(&model, globals)?;
        let sizes = match &own {
            Some(own) => vec![(own.len(), 0)],
            None => self.sizes(&model),
        };
        let batches: Vec<_> = sizes.iter().map(|&(batch, _)| batch).collect();
        threads::check(&runners, self.threads, &batches)?;
        let work = runners.len() * sizes.len() * (self.warm_up + self.runs);
        let bar = globals.bar("measuring", work);
        let mut results = Vec::new();
        let runs = if self.by_op { self.runs } else { 0 };
        for runner in &mut runners {
            for &(batch, tokens) in &sizes {
                let random;
                let inputs = match &own {
                    Some(own) => own,
                    None => {
                        random = Inputs::random(model.config(), batch, tokens, 0)?;
                        &random
                    }
                };
                let items = inputs.items();
                let mut times = Vec::with_capacity(self.runs);
                for at in 0..self.warm_up + self.runs {
                    let start = Instant::now();
                    runner.logits(&items)?;
                    if at >= self.warm_up {
                        times.push(start.elapsed());
                    }
                    bar.inc(1);
                }
                let [q1_ms, median_ms, q3_ms] = quartiles(&mut times);
                results.push(Measured {
                    executor: runner.name,
                    device: runner.device(),
                    batch: inputs.len(),
                    tokens: inputs.tokens(),
                    threads: runner.threads,
                    median_ms,
                    q1_ms,
                    q3_ms,
                    times_ms: times.iter().map(|time| 1e3 * time.as_secs_f64()).collect(),
                    #[cfg(feature = "cuda")]
                    card: card::measure(runner, &items, self.runs)?,
                    operations: operations::measure(runner, &items, runs)?,
                });
            }
        }
        bar.finish_and_clear();
        let mut text = text(&runners, &results)?;
        let mut json = json!({ "results": results });
        if named.is_some() {
            text.insert_str(0, "random weights: these times say nothing of accuracy\n");
            json["weights"] = "random".into();
        }
        Answer::new(text, &json)
    }

    /// The texts of --text-file.
    fn own_texts(&self, model: &Model, globals: &Globals) -> Result<Option<Inputs>> {
        let Some(path) = &self.text_file else {
            return Ok(None);
        };
        let tokenizer = texts::tokenizer_of(model)?;
        let texts = texts::encode(&tokenizer, self.column.read(path)?.texts, globals)?;
        Ok(Some(Inputs::Texts(texts::tokens(&texts))))
    }

    /// Items of each run, and tokens of each of them.
    fn sizes(&self, model: &Model) -> Vec<(usize, usize)> {
        // An image has no length to choose.
        let lengths = match model.config().input() {
            InputShape::Text(_) => self.tokens.as_slice(),
            _ => &[0],
        };
        let each = |&tokens: &usize| self.batch.iter().map(move |&batch| (batch, tokens));
        lengths.iter().flat_map(each).collect()
    }
}

fn text(runners: &[Runner], results: &[Measured]) -> Result<String> {
    let mut text = String::new();
    for runner in runners {
        writeln!(text, "{:<10} {}", runner.name, runner.device())?;
    }
    let texts = results.iter().any(|row| row.tokens.is_some());
    let tokens = if texts { "  tokens" } else { "" };
    writeln!(
        text,
        "\n{:<10} {:>6}{tokens} {:>8} {:>12} {:>10} {:>10} {:>10}",
        "executor", "batch", "threads", "median ms", "q1 ms", "q3 ms", "items/s"
    )?;
    for row in results {
        let tokens = row
            .tokens
            .map_or_else(String::new, |count| format!("{count:>8}"));
        writeln!(
            text,
            "{:<10} {:>6}{tokens} {:>8} {:>12.3} {:>10.3} {:>10.3} {:>10.1}",
            row.executor,
            row.batch,
            row.threads,
            row.median_ms,
            row.q1_ms,
            row.q3_ms,
            1e3 * row.batch as f64 / row.median_ms
        )?;
        #[cfg(feature = "cuda")]
        if let Some(card) = &row.card {
            text += &card::text(card)?;
        }
        text += &operations::text(&row.operations)?;
    }
    Ok(text)
}

/// First quartile, median and third quartile in milliseconds; between two times, their mean.
fn quartiles(times: &mut [Duration]) -> [f64; 3] {
    let times = times.iter().map(|time| 1e3 * time.as_secs_f64());
    quartiles_of(times.collect())
}

/// First quartile, median and third quartile of some values; between two, their mean.
pub fn quartiles_of(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_unstable_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| {
        let at = share * (values.len() - 1) as f64;
        let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
        low + (high - low) * at.fract()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_interpolate() {
        let mut times = [4, 1, 3, 2].map(Duration::from_secs);
        assert_eq!(quartiles(&mut times), [1750.0, 2500.0, 3250.0]);
        assert_eq!(quartiles(&mut [Duration::from_secs(1)]), [1000.0; 3]);
    }
}
