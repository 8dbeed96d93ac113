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
    digest::sha256,
    store::Store,
};

/// What all runs are of.
#[derive(Args)]
pub struct RunArguments {
    /// The folder of the runs, or its URL (file://, s3://, gs://, az://): run-SEED.parquet of each that is done.
    #[arg(long, short)]
    pub out: String,
    /// The folder of the states of runs that are under way: by default --out, with run-SEED.state of each; of a URL
    /// intformer-runs. Another than --out has a folder in it for each study.
    #[arg(long)]
    state: Option<PathBuf>,
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
            self.runs.out
        );
        let json = json!({ "out": self.runs.out, "seeds": self.seeds, "made": made });
        Answer::new(text, &json)
    }
}

impl RunArguments {
    /// Makes the run of `seed`, unless it is there, or it is said to `collect` those that are.
    pub fn make(&self, seed: u64, collect: bool, globals: &Globals) -> Result<Found> {
        if self.task.masks.is_some() {
            bail!("expected --data, as answers to pixels are not recorded, found --masks");
        }
        let task = self.task.prepare(seed, globals)?;
        let data = task.digest()?;
        let store = self.store()?;
        let options = TrainOptions {
            resume: true,
            record: true,
            // What the weights are good for is of no use here.
            last: true,
            data: task.told_apart(None)?,
            ..task.options.clone()
        };
        let settings = task.settings(&options)?;
        // A folder of runs has their states, too; any other may be one of several studies.
        let states = match (&self.state, store.folder()) {
            (None, Some(folder)) => folder.to_owned(),
            (state, _) => {
                let place = state.as_deref().unwrap_or("intformer-runs".as_ref());
                let told = format!("{} {:?} {settings}", self.out, options.data);
                place.join(&sha256(told)[..16])
            }
        };
        let state = states.join(format!("run-{seed}.state"));
        let options = TrainOptions {
            out: state.clone(),
            ..options
        };
        let file = file(seed);
        let is_there = || -> Result<bool> {
            let Some(path) = store.fetch(&file)? else {
                return Ok(false);
            };
            let log = RunLog::load(&path).with_context(|| store.shown(&file))?;
            log.check(&data, &settings).with_context(|| {
                format!("{}: another place for --out keeps both", store.shown(&file))
            })?;
            if !collect {
                // Left by another process, or by one that was killed between the two.
                let _ = fs::remove_dir_all(&state);
            }
            Ok(true)
        };
        if is_there()? {
            globals.note(&format!("run {seed} is there"));
            return Ok(Found::There);
        }
        if collect {
            return Ok(Found::Missing);
        }
        fs::create_dir_all(&states).with_context(|| states.display().to_string())?;
        let mut ui = train::ui(self.plain, globals);
        let trained = task.train(&options, None, &mut *ui);
        drop(ui);
        let trained = match trained {
            // Another process made the same run and took the state away.
            Err(_) if is_there().unwrap_or(false) => return Ok(Found::There),
            trained => trained?,
        };
        let log = task.log(&options, &trained)?;
        store.keep(&file, |path| Ok(log.save(path)?))?;
        let _ = fs::remove_dir_all(&state);
        if store.folder() != Some(&states) {
            // Empty, unless other runs are under way.
            let _ = fs::remove_dir(&states);
        }
        Ok(Found::Made)
    }

    /// Where the runs are.
    pub fn store(&self) -> Result<Store> {
        Store::open(&self.out)
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

/// The file of the run of `seed`.
pub fn file(seed: u64) -> String {
    format!("run-{seed}.parquet")
}

/// The logs at `places`: files, or all runs of a folder or a URL, in order.
pub fn logs(places: &[String]) -> Result<Vec<RunLog>> {
    let mut logs = Vec::new();
    for place in places {
        if Path::new(place).is_file() {
            logs.push(RunLog::load(place)?);
            continue;
        }
        let store = Store::open(place)?;
        let is_run = |name: &String| {
            let ending = Path::new(name)
                .extension()
                .and_then(|ending| ending.to_str());
            name.starts_with("run-") && RunLog::ENDINGS.map(Some).contains(&ending)
        };
        let names: Vec<_> = store.names()?.into_iter().filter(is_run).collect();
        if names.is_empty() {
            bail!(
                "expected a log of a run, or a folder of runs (run-*.{}), found none in {place}",
                RunLog::ENDINGS.join(", run-*.")
            );
        }
        for name in names {
            logs.push(load(&store, &name)?);
        }
    }
    Ok(logs)
}

/// The log `name` of `store`.
pub fn load(store: &Store, name: &str) -> Result<RunLog> {
    match store.fetch(name)? {
        Some(path) => RunLog::load(path).with_context(|| store.shown(name)),
        None => bail!("expected {}, found none", store.shown(name)),
    }
}
