//! Times of the integer-only models, in one run.

use std::{fs, path::PathBuf, time::Instant};

use anyhow::Result;
use intformer::plan::IntModel;
use serde::{Deserialize, Serialize};

use super::{
    results::{Time, Times},
    study::{Study, tokens},
};
use crate::{
    cli::Globals,
    command::bench::quartiles_of,
    digest::sha256,
    executor::{self, Choice, Runner},
    inputs::Inputs,
    model::Model,
};

/// Rounds before those that count.
const WARM_UP: usize = 3;

/// Items at once.
const BATCHES: [usize; 2] = [1, 8];

/// Times that were taken, and of what.
#[derive(Serialize, Deserialize)]
struct Taken {
    /// SHA-256 of the files.
    files: Vec<String>,
    /// What each executor ran on.
    devices: Vec<String>,
    times: Vec<Times>,
}

/// The times of the models in `files`, each with its share, the whole one first: what is known of the same files and devices, or
/// `rounds` of each in turn on each executor.
pub fn times(
    study: &Study,
    files: &[(f64, PathBuf)],
    executors: &[Choice],
    rounds: usize,
    globals: &Globals,
) -> Result<Vec<Times>> {
    if executors.is_empty() || rounds == 0 || files.len() < 2 {
        return Ok(Vec::new());
    }
    let mut models: Vec<Vec<Runner>> = Vec::new();
    let mut digests = Vec::new();
    for (_, file) in files {
        let model = Model::of(IntModel::open(file)?.model)?;
        models.push(executor::several(&model, executors, 1, globals)?);
        digests.push(sha256(fs::read(file)?));
    }
    let devices: Vec<String> = models[0].iter().map(Runner::device).collect();
    let names: String = models[0]
        .iter()
        .map(|runner| format!("-{}", runner.name))
        .collect();
    let name = format!("times{names}-{rounds}.json");
    if let Some(known) = study.folder.read::<Taken>(&name)?
        && (&known.files, &known.devices) == (&digests, &devices)
    {
        return Ok(known.times);
    }
    let tokens = tokens(&study.data.test);
    let count = models[0].len() * BATCHES.len() * (WARM_UP + rounds);
    let bar = globals.bar("measuring", count);
    let mut found = Vec::new();
    for executor in 0..models[0].len() {
        for batch in BATCHES {
            let config = &study.model.config;
            let inputs = Inputs::random(config, batch, tokens.unwrap_or(1), 0)?;
            let items = inputs.items();
            let mut times = vec![Vec::new(); models.len()];
            for round in 0..WARM_UP + rounds {
                for turn in 0..models.len() {
                    // The order rotates, so that none always follows another.
                    let at = (round + turn) % models.len();
                    let began = Instant::now();
                    models[at][executor].logits(&items)?;
                    if round >= WARM_UP {
                        times[at].push(1e3 * began.elapsed().as_secs_f64());
                    }
                }
                bar.inc(1);
            }
            let runner = &models[0][executor];
            let each = files.iter().zip(&times).map(|((share, _), of)| {
                let ratios = of.iter().zip(&times[0]).map(|(time, whole)| time / whole);
                let [_, ratio, _] = quartiles_of(ratios.collect());
                Time {
                    share: *share,
                    quartiles_ms: quartiles_of(of.clone()),
                    ratio,
                }
            });
            found.push(Times {
                executor: runner.name.to_owned(),
                device: runner.device(),
                threads: runner.threads,
                batch,
                tokens,
                rounds,
                models: each.collect(),
            });
        }
    }
    bar.finish_and_clear();
    let taken = Taken {
        files: digests,
        devices,
        times: found,
    };
    study.folder.write_json(name, &taken)?;
    Ok(taken.times)
}
