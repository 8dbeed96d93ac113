//! Pruning without training: OPTIN (arXiv 2403.17921) and its rivals, on texts and images.

mod report;
mod results;
mod study;
mod tasks;
mod test_set;
mod times;
mod whole;

use std::{fmt::Write, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use self::{
    results::{Results, Settings},
    study::Study,
    tasks::{Arm, Task},
};
use crate::{
    answer::Answer,
    cli::{Globals, count, within},
    executor::Choice,
    study::{folder::Folder, machine::Machine, numbers::percent, spread::in_percent},
};

/// Options of `intformer reproduce optin`.
#[derive(Args)]
pub struct Optin {
    /// The folder of the study: each task has one of its own in it, and what is there is not made again, so that others may
    /// follow; the report is of the tasks and arms that are named.
    #[arg(long, short)]
    out: PathBuf,
    /// Few examples and little training: shows that everything works, and nothing else.
    #[arg(long)]
    quick: bool,
    /// The models that are pruned, separated by commas; all by default.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Task::ALL)]
    tasks: Vec<Task>,
    /// The ways to prune, separated by commas; all by default.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Arm::ALL)]
    arms: Vec<Arm>,
    /// The folder of data sets and of the encoder, as `cargo xtask assets` makes it.
    #[arg(long, value_name = "FOLDER", default_value = "target/assets")]
    assets: PathBuf,
    /// The encoder that trainings on texts begin with; by default minilm of --assets.
    #[arg(long, value_name = "MODEL")]
    encoder: Option<String>,
    /// The model of images: pruned as it is for glyphs, and trained on others first.
    #[arg(
        long,
        value_name = "MODEL",
        default_value = "models/glyphs-float.safetensors"
    )]
    images_from: String,
    /// The ViT-S/14 that a training on images begins with; by default vit-s of --assets.
    #[arg(long, value_name = "MODEL")]
    vit: Option<String>,
    /// The encoder of reactions, a folder that has train.csv and test.csv, too; by default reactions-made of --assets.
    #[arg(long, value_name = "FOLDER")]
    reactions: Option<String>,
    /// Examples to train on, of which those that prune are drawn; 4000 texts or 10000 images, or 192 with --quick.
    #[arg(long, value_parser = count())]
    examples: Option<usize>,
    /// Examples of the test, drawn from each set; 1000 texts or 2000 images, or 96 with --quick.
    #[arg(long, value_parser = count())]
    test: Option<usize>,
    /// Shares of the multiply-adds that models are pruned to, separated by commas; by default 0.9 to 0.3.
    #[arg(long, value_delimiter = ',')]
    shares: Vec<f64>,
    /// Draws of the examples that prune; 3 by default, or 1 with --quick.
    #[arg(long, value_parser = within(1..=100))]
    seeds: Option<usize>,
    /// How many examples prune where that is varied, separated by commas; by default 8 to 2048.
    #[arg(long, value_delimiter = ',', value_parser = count())]
    sizes: Vec<usize>,
    /// Executors that integer-only models are timed on, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "cpu")]
    executors: Vec<Choice>,
    /// Times that are taken of each model; 0 for none.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Models at the same time, each mostly on one core.
    #[arg(long, value_parser = within(1..=256))]
    jobs: Option<usize>,
}

impl Optin {
    /// Runs what is not done yet, and writes the report.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let jobs = self.jobs.unwrap_or_else(rayon::current_num_threads);
        let tasks = each_once(&self.tasks);
        let arms = each_once(&self.arms);
        let shares = self.shares()?;
        // What is missing is said before hours of work.
        let open = |&task: &Task| {
            let settings = self.settings(task, &shares);
            let study = Study::open(settings, &self.assets, &self.out, globals);
            study.with_context(|| task.title())
        };
        let studies: Vec<_> = tasks.iter().map(open).collect::<Result<_>>()?;
        let mut tasks = Vec::new();
        for study in &studies {
            let title = study.settings.task.title();
            globals.note(&format!("the task {title}"));
            let found = study.run(&arms, &self.executors, self.rounds, jobs, globals);
            tasks.push(found.with_context(|| title)?);
        }
        let cells = tasks.iter().flat_map(|task| &task.arms);
        let cells = cells.flat_map(|arm| arm.cells.iter().chain(&arm.sizes));
        let seconds: f64 = cells.map(|cell| cell.seconds).sum();
        let results = Results {
            machine: Machine::here(seconds / 60.0),
            tasks,
        };
        let folder = Folder::plain(&self.out)?;
        folder.write_json("results.json", &results)?;
        folder.write("report.html", &report::page(&results)?)?;
        Answer::new(self.text(&results)?, &results)
    }

    /// The shares, falling.
    fn shares(&self) -> Result<Vec<f64>> {
        let mut shares = match (self.shares.is_empty(), self.quick) {
            (false, _) => self.shares.clone(),
            (true, true) => vec![0.8, 0.6],
            (true, false) => vec![0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3],
        };
        if let Some(share) = shares.iter().find(|share| !(0.001..1.0).contains(*share)) {
            bail!("expected shares of the multiply-adds from 0.001 to below 1, found {share}");
        }
        shares.sort_unstable_by(|a, b| b.total_cmp(a));
        let thousandths = |share: f64| (1000.0 * share).round();
        shares.dedup_by(|a, b| thousandths(*a) == thousandths(*b));
        Ok(shares)
    }

    fn settings(&self, task: Task, shares: &[f64]) -> Settings {
        let asset = |given: &Option<String>, name: &str| {
            let usual = || self.assets.join(name).display().to_string();
            given.clone().unwrap_or_else(usual)
        };
        let [examples, test] = whole::counts(task, self.quick);
        Settings {
            quick: self.quick,
            task,
            from: match task {
                Task::Vit => asset(&self.vit, "vit-s"),
                Task::Reactions => asset(&self.reactions, "reactions-made"),
                task if task.takes_images() => self.images_from.clone(),
                _ => asset(&self.encoder, "minilm"),
            },
            from_digest: String::new(),
            data_digest: String::new(),
            examples: self.examples.unwrap_or(examples),
            test_examples: self.test.unwrap_or(test),
            tokens: task.tokens(),
            shares: shares.to_vec(),
            seeds: self.seeds.unwrap_or(if self.quick { 1 } else { 3 }) as u64,
            sizes: match (self.sizes.is_empty(), self.quick) {
                (false, _) => each_once(&self.sizes),
                (true, true) => vec![16],
                (true, false) => vec![8, 32, 128, 512, 2048],
            },
            epochs: whole::epochs(task, self.quick),
            rate: task.rate(),
            frozen: Vec::new(),
        }
    }

    fn text(&self, results: &Results) -> Result<String> {
        let mut text = String::new();
        for task in &results.tasks {
            writeln!(
                text,
                "{}: whole, top-1 {}, integer-only {}",
                task.settings.task.title(),
                percent(task.whole.score.top1(), 2),
                percent(task.whole.integer.score.top1(), 2)
            )?;
            for arm in &task.arms {
                for &share in &task.settings.shares {
                    let cells = task.cells(arm.arm, share);
                    if !cells.is_empty() {
                        writeln!(
                            text,
                            "  {:<18} {share:<5} top-1 {} %",
                            arm.arm.name(),
                            in_percent(cells.iter().map(|cell| cell.score.top1()))
                        )?;
                    }
                }
            }
            for times in &task.times {
                for time in times.models.iter().skip(1) {
                    writeln!(
                        text,
                        "  {}, batch {}: {} of the multiply-adds take {} of the time",
                        times.executor,
                        times.batch,
                        percent(time.share, 0),
                        percent(time.ratio, 0)
                    )?;
                }
            }
            text.push('\n');
        }
        writeln!(text, "{}", self.out.join("report.html").display())?;
        Ok(text)
    }
}

fn each_once<T: Copy + PartialEq>(all: &[T]) -> Vec<T> {
    let mut once = Vec::new();
    for &one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}
