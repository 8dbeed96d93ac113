//! Runs of training, each with its seed as its key, and the files that they leave.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::{float::train::TrainOptions, method::hscore::RunLog};
use serde_json::json;

use crate::{
    answer::Answer,
    cli::Globals,
    command::train::{self, TaskArguments},
};

/// What all runs are of.
#[derive(Args)]
pub struct RunArguments {
    /// The folder of the runs: run-SEED.parquet of each that is done, run-SEED.state of others.
    #[arg(long, short)]
    pub out: PathBuf,
    #[command(flatten)]
    pub task: TaskArguments,
    /// Lines in place of the dashboard.
    #[arg(long)]
    plain: bool,
}

/// Options of `intformer prune-data run`.
#[derive(Args)]
pub struct Run {
    /// The seeds of the runs to make, separated by commas.
    #[arg(long, required = true, value_delimiter = ',')]
    seeds: Vec<u64>,
    #[command(flatten)]
    runs: RunArguments,
}

impl Run {
    /// Makes the runs.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let mut made = Vec::new();
        for &seed in &self.seeds {
            if self.runs.make(seed, false, globals)? == Found::Made {
                made.push(seed);
            }
        }
        let there = self.seeds.len() - made.len();
        let text = format!(
            "{} of {} runs made, {there} were there: {}\n",
            made.len(),
            self.seeds.len(),
            self.runs.out.display()
        );
        let json = json!({ "out": self.runs.out, "seeds": self.seeds, "made": made });
        Answer::new(text, &json)
    }
}

impl RunArguments {
    /// Makes the run of `seed`, unless it is there, or it is said to `collect` those that are.
    pub fn make(&self, seed: u64, collect: bool, globals: &Globals) -> Result<Found> {
        let task = self.task.prepare(seed, globals)?;
        let data = task.digest()?;
        let state = self.out.join(format!("run-{seed}.state"));
        let options = TrainOptions {
            out: state.clone(),
            resume: true,
            record: true,
            // What the weights are good for is of no use here.
            last: true,
            data: task.told_apart(None)?,
            ..task.options.clone()
        };
        let settings = task.settings(&options)?;
        let file = file(&self.out, seed);
        let is_there = || -> Result<bool> {
            if !file.exists() {
                return Ok(false);
            }
            let log = RunLog::load(&file)?;
            log.check(&data, &settings).with_context(|| {
                format!("{}: another folder for --out keeps both", file.display())
            })?;
            // Left by another process, or by one that was killed between the two.
            let _ = fs::remove_dir_all(&state);
            Ok(true)
        };
        if is_there()? {
            globals.note(&format!("run {seed} is there"));
            return Ok(Found::There);
        }
        if collect {
            return Ok(Found::Missing);
        }
        fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let mut ui = train::ui(self.plain, globals);
        let trained = task.train(&options, None, &mut *ui);
        drop(ui);
        let trained = match trained {
            // Another process made the same run and took the state away.
            Err(_) if is_there()? => return Ok(Found::There),
            trained => trained?,
        };
        task.log(&options, &trained)?.save(&file)?;
        let _ = fs::remove_dir_all(&state);
        Ok(Found::Made)
    }
}

/// What became of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It was there.
    There,
    /// It was made.
    Made,
    /// It is not there.
    Missing,
}

/// Where the run of `seed` is.
pub fn file(folder: &Path, seed: u64) -> PathBuf {
    folder.join(format!("run-{seed}.parquet"))
}

/// The logs at `paths`: files, or all runs of a folder, in order.
pub fn logs(paths: &[PathBuf]) -> Result<Vec<RunLog>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).with_context(|| path.display().to_string())?;
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if name.starts_with("run-") && RunLog::ENDINGS.map(Some).contains(&ending) {
                found.push(path);
            }
        }
        if found.is_empty() {
            bail!(
                "expected runs (run-*.{}) in {}, found none",
                RunLog::ENDINGS.join(", run-*."),
                path.display()
            );
        }
        found.sort();
        files.extend(found);
    }
    let load = |file: &PathBuf| Ok(RunLog::load(file)?);
    files.iter().map(load).collect()
}
