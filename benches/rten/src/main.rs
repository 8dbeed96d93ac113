//! How long rten takes for a sentence encoder in ONNX, from ids to embeddings.
//!
//!     rten-encoder MODEL.onnx CASES.json THREADS RUNS...
//!
//! CASES.json is of `benches/texts/export.py`; RUNS are of each of its cases, and of the last one text by text. Prints
//! the milliseconds of each run of each case as JSON.

use std::{env, fs, time::Instant};

use anyhow::{Context, Result, ensure};
use rten::{Model, ModelOptions, RunOptions, ThreadPool};
use rten_tensor::{NdTensor, prelude::*};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    ids: Vec<Vec<i32>>,
    embeddings: Vec<Vec<f32>>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, cases, threads, runs @ ..] = arguments.as_slice() else {
        anyhow::bail!("expected MODEL.onnx CASES.json THREADS RUNS...");
    };
    let model = ModelOptions::with_all_ops().load_file(model)?;
    let cases: Vec<Case> = serde_json::from_slice(&fs::read(cases)?)?;
    let pool = ThreadPool::with_num_threads(threads.parse()?);
    let options = RunOptions::default().with_thread_pool(Some(pool.into()));
    let many = cases.last().context("expected cases, found none")?;
    let alone: Vec<&[Vec<i32>]> = many.ids.chunks(1).collect();
    let mut calls: Vec<Vec<&[Vec<i32>]>> =
        cases.iter().map(|case| vec![case.ids.as_slice()]).collect();
    calls.push(alone);
    ensure!(
        runs.len() == calls.len(),
        "expected {} counts of runs",
        calls.len()
    );

    let found = embed(&model, &many.ids, &options)?;
    for (found, expected) in found.iter().zip(&many.embeddings) {
        let cosine: f32 = found.iter().zip(expected).map(|(a, b)| a * b).sum();
        ensure!(
            cosine > 0.8,
            "expected embeddings of this encoder, found a cosine of {cosine}"
        );
    }
    let mut times = Vec::new();
    for (batches, runs) in calls.iter().zip(runs) {
        let mut of_case = Vec::new();
        // The first run of a shape makes room for it.
        for at in 0..=runs.parse::<usize>()? {
            let start = Instant::now();
            for ids in batches {
                embed(&model, ids, &options)?;
            }
            if at > 0 {
                of_case.push(1e3 * start.elapsed().as_secs_f64());
            }
        }
        times.push(of_case);
    }
    println!("{}", serde_json::to_string(&times)?);
    Ok(())
}

/// Embeddings of length 1, of texts that are padded to the longest.
fn embed(model: &Model, ids: &[Vec<i32>], options: &RunOptions) -> Result<Vec<Vec<f32>>> {
    let longest = ids
        .iter()
        .map(Vec::len)
        .max()
        .context("expected texts, found none")?;
    let shape = [ids.len(), longest];
    let padded = NdTensor::from_fn(shape, |[text, at]| ids[text].get(at).copied().unwrap_or(0));
    let mask = NdTensor::from_fn(shape, |[text, at]| i32::from(at < ids[text].len()));
    let segments = NdTensor::<i32, 2>::zeros(shape);
    let inputs = vec![
        (model.node_id("input_ids")?, padded.into()),
        (model.node_id("attention_mask")?, mask.into()),
        (model.node_id("token_type_ids")?, segments.into()),
    ];
    let [output] = model.run_n(
        inputs,
        [model.node_id("last_hidden_state")?],
        Some(options.clone()),
    )?;
    let tokens: NdTensor<f32, 3> = output.try_into()?;
    let width = tokens.size(2);
    let embedding = |(text, ids): (usize, &Vec<i32>)| {
        let mean: Vec<f32> = (0..width)
            .map(|channel| (0..ids.len()).map(|at| tokens[[text, at, channel]]).sum())
            .collect();
        let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
        mean.iter().map(|value| value / length).collect()
    };
    Ok(ids.iter().enumerate().map(embedding).collect())
}
