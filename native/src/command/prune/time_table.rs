//! Times of a model's layers on an executor, by how many units they have.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use intformer::{
    architecture::{Block, Config, PerBlock, Widths},
    method::prune::{GroupTimes, TimeTable},
};

use crate::{
    cli::{Globals, within},
    command::bench::quartiles_of,
    executor::{self, Choice},
    inputs::Inputs,
    model::Model,
    study::folder::Folder,
};

/// Steps of widths that are measured, from one of so many parts of the units to all.
const LEVELS: usize = 8;

/// Runs before those that count.
const WARM_UP: usize = 3;

/// A budget of time.
#[derive(Args)]
#[command(next_help_heading = "Budget of time")]
pub struct TimeBudget {
    /// Time of a run of the integer-only model over that of the model's, in place of --flops: layers are measured on --executor with
    /// several numbers of units, and what is counted is the sum of their times.
    #[arg(long, value_name = "SHARE", conflicts_with = "flops")]
    pub time: Option<f64>,
    /// The executor that layers are measured on.
    #[arg(long, short, value_enum, default_value_t = Choice::Cpu, requires = "time")]
    executor: Choice,
    /// Items of a run that is measured.
    #[arg(long, default_value_t = 1, requires = "time", value_parser = within(1..=4096))]
    time_batch: usize,
    /// Runs of each width that is measured.
    #[arg(long, default_value_t = 20, requires = "time", value_parser = within(1..=100_000))]
    time_runs: usize,
    /// The file of the times: written if it is not there, else read in place of measuring, so that the same budget gives the same
    /// model.
    #[arg(long, value_name = "FILE", requires = "time")]
    time_table: Option<PathBuf>,
}

impl TimeBudget {
    /// Checks a budget of `time` that is reached in `rounds`, before any time is measured.
    pub fn check(&self, time: f64, rounds: usize) -> Result<()> {
        if !(time > 0.0 && time <= 1.0) {
            bail!("expected a share of the time above 0 and up to 1, found {time}");
        }
        if rounds > 1 {
            bail!(
                "expected one round with --time, as times are known of the whole model's layers, found {rounds}"
            );
        }
        Ok(())
    }

    /// The times of `config`, for texts of `tokens` tokens.
    pub fn table(&self, config: &Config, tokens: usize, globals: &Globals) -> Result<TimeTable> {
        if let Some(path) = self.time_table.as_ref().filter(|path| path.exists()) {
            let table = read(path).with_context(|| path.display().to_string())?;
            let measured = self.measured(config, tokens);
            if table.measured != measured {
                bail!(
                    "{}: expected times of {measured}, found those of {}",
                    path.display(),
                    table.measured
                );
            }
            return Ok(table);
        }
        let table = self.measure(config, tokens, globals)?;
        if let Some(path) = &self.time_table {
            let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
            let folder = Folder::plain(folder.unwrap_or(Path::new(".")))?;
            let name = path.file_name().context("expected the name of a file")?;
            folder.write_json(name, &table)?;
        }
        Ok(table)
    }

    /// What is measured, but for the machine.
    fn measured(&self, config: &Config, tokens: usize) -> String {
        let texts = match config.text() {
            Ok(_) => format!(" texts of {tokens} tokens"),
            Err(_) => " images".to_owned(),
        };
        let value = self.executor.to_possible_value();
        let executor = value
            .as_ref()
            .map_or("an executor", |value| value.get_name());
        format!("{config}: {}{texts} on {executor}", self.time_batch)
    }

    fn measure(&self, config: &Config, tokens: usize, globals: &Globals) -> Result<TimeTable> {
        let graph = config.graph();
        let groups = graph.units();
        let inputs = Inputs::random(config, self.time_batch, tokens, 0)?;
        let items = inputs.items();
        let bar = globals.bar("measuring", LEVELS * (WARM_UP + self.time_runs));
        let mut times: Vec<Vec<(usize, u64)>> = vec![Vec::new(); groups.len()];
        let (mut fixed, mut machine) = (0, String::new());
        for level in 1..=LEVELS {
            let part = |all: usize| (all * level).div_ceil(LEVELS);
            let mut of = config.clone();
            of.set_widths(PerBlock::each(config.depths(), |stage, block| {
                let widths = config.widths(Block { stage, block });
                Widths {
                    heads: part(widths.heads),
                    hidden: part(widths.hidden),
                    ..widths
                }
            }));
            let mut runner = executor::one(&Model::invented(&of)?, self.executor, 1, globals)?;
            let mut runs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
            for run in 0..WARM_UP + self.time_runs {
                let steps = runner.times(&items)?.unwrap_or_default();
                for step in steps.into_iter().filter(|_| run >= WARM_UP) {
                    let nanoseconds = step.time.as_nanos() as f64;
                    runs.entry(step.name).or_default().push(nanoseconds);
                }
                bar.inc(1);
            }
            let mut medians: BTreeMap<String, f64> = runs
                .into_iter()
                .map(|(name, times)| (name, quartiles_of(times)[1]))
                .collect();
            for (units, times) in groups.iter().zip(&mut times) {
                let nodes = [units.before, units.node, units.after];
                let nodes = nodes.map(|id| medians.remove(&graph.nodes()[id].site));
                // An activation is mostly part of the layer before it.
                let [Some(before), node, Some(after)] = nodes else {
                    bail!(
                        "expected an executor that tells the time of each step, found {}",
                        runner.name
                    );
                };
                let sum = before + node.unwrap_or(0.0) + after;
                let units = part(units.count);
                // Few units have fewer widths than there are levels.
                times.retain(|(known, _)| *known != units);
                times.push((units, sum.round() as u64));
            }
            fixed = medians.values().sum::<f64>().round() as u64;
            machine = format!("{} ({}), one thread", runner.name, runner.device());
        }
        bar.finish_and_clear();
        let groups = groups.iter().zip(times).map(|(units, points)| GroupTimes {
            site: graph.nodes()[units.node].site.clone(),
            points,
        });
        Ok(TimeTable {
            measured: self.measured(config, tokens),
            machine,
            fixed,
            groups: groups.collect(),
        })
    }
}

fn read(path: &Path) -> Result<TimeTable> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}
