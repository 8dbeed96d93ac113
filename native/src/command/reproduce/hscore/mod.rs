//! H-score dataset pruning (arXiv 2407.08887), on texts and images.

mod noise;
mod report;
mod results;
mod scoring;
mod study;
mod ways;

use std::{fmt::Write, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use self::{
    results::{Budget, Results, Settings},
    study::Study,
};
use crate::{
    answer::Answer,
    cli::{Globals, count, within},
    study::{
        folder::Folder, machine::Machine, numbers::percent, sets::SetName, spread::in_percent,
    },
};

/// Options of `intformer reproduce hscore`.
#[derive(Args)]
pub struct Hscore {
    /// The folder of the study: each data set has one of its own in it, and what is there is not made again, so that others may
    /// follow; the report is of the sets that are named.
    #[arg(long, short)]
    out: PathBuf,
    /// Few examples and little training: shows that everything works, and nothing else.
    #[arg(long)]
    quick: bool,
    /// The data sets, separated by commas; all by default.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = SetName::ALL)]
    sets: Vec<SetName>,
    /// The folder of data sets and of the encoder, as `cargo xtask assets` makes it.
    #[arg(long, value_name = "FOLDER", default_value = "target/assets")]
    assets: PathBuf,
    /// The encoder that trainings on texts begin with; by default minilm of --assets.
    #[arg(long, value_name = "MODEL")]
    encoder: Option<String>,
    /// The model that trainings on images begin with.
    #[arg(
        long,
        value_name = "MODEL",
        default_value = "models/glyphs-float.safetensors"
    )]
    images_from: String,
    /// Examples to train on, drawn from each set; 2000 texts or 10000 images, or 192 with --quick.
    #[arg(long, value_parser = count())]
    examples: Option<usize>,
    /// Examples of the test, drawn from each set; 1000 texts or 2000 images, or 96 with --quick.
    #[arg(long, value_parser = count())]
    test: Option<usize>,
    /// Runs that score.
    #[arg(long, default_value_t = 6, value_parser = within(2..=1000))]
    runs: usize,
    /// Epochs of a training.
    #[arg(long, default_value_t = 3, value_parser = within(1..=1000))]
    epochs: usize,
    /// Trainings of each way, each with a seed of its own.
    #[arg(long, default_value_t = 3, value_parser = within(1..=100))]
    seeds: usize,
    /// Share of the labels that are flipped in one arm.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    flipped: f64,
    /// Trainings at the same time, each mostly on one core.
    #[arg(long, value_parser = within(1..=256))]
    jobs: Option<usize>,
}

impl Hscore {
    /// Runs what is not done yet, and writes the report.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let jobs = self.jobs.unwrap_or_else(rayon::current_num_threads);
        let mut names: Vec<SetName> = Vec::new();
        for &name in &self.sets {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        // What is missing is said before hours of training.
        let open = |&name: &SetName| {
            let study = Study::open(self.settings(name), &self.assets, &self.out, globals);
            study.with_context(|| name.title())
        };
        let studies: Vec<_> = names.iter().map(open).collect::<Result<_>>()?;
        let mut sets = Vec::new();
        for study in &studies {
            globals.note(&format!("the data set {}", study.settings.set.title()));
            sets.push(study.run(jobs, globals)?);
        }
        let minutes = sets.iter().map(|set| set.minutes()).sum();
        let results = Results {
            machine: Machine::here(minutes),
            sets,
        };
        let folder = Folder::plain(&self.out)?;
        folder.write_json("results.json", &results)?;
        folder.write("report.html", &report::page(&results)?)?;
        Answer::new(self.text(&results)?, &results)
    }

    fn settings(&self, set: SetName) -> Settings {
        let images = set.takes_images();
        let usual = |full: [usize; 2], quick: usize| match self.quick {
            true => quick,
            false => full[usize::from(images)],
        };
        let encoder = || self.assets.join("minilm").display().to_string();
        Settings {
            quick: self.quick,
            set,
            from: match images {
                true => self.images_from.clone(),
                false => self.encoder.clone().unwrap_or_else(encoder),
            },
            from_digest: String::new(),
            data_digest: String::new(),
            examples: self.examples.unwrap_or(usual([2000, 10_000], 192)),
            test_examples: self.test.unwrap_or(usual([1000, 2000], 96)),
            tokens: set.tokens(),
            runs: self.runs,
            epochs: self.epochs,
            seeds: self.seeds as u64,
            flipped: self.flipped,
            batch: 32,
            rate: set.rate(),
            weight_decay: 0.01,
            warm_up: 0.03,
            clip: 1.0,
            frozen: Vec::new(),
        }
    }

    fn text(&self, results: &Results) -> Result<String> {
        let mut text = String::new();
        for set in &results.sets {
            let scores = set.clean.histogram.iter().enumerate();
            let scores: Vec<_> = scores.map(|(h, count)| format!("{h}: {count}")).collect();
            writeln!(
                text,
                "{}, {} examples; of each H {}",
                set.settings.set.title(),
                set.settings.examples,
                scores.join(", ")
            )?;
            for way in &set.ways {
                writeln!(
                    text,
                    "  {:<8} {:<15} {:<22} {:>9}   top-1 {} %",
                    way.arm.name(),
                    way.name,
                    match way.budget {
                        Budget::Epochs => "",
                        budget => budget.words(),
                    },
                    percent(way.share, 1),
                    in_percent(way.runs.iter().map(|run| run.top1))
                )?;
            }
            for finder in &set.noise.finders {
                writeln!(
                    text,
                    "  flipped labels by {:<12} area under the curve {}",
                    finder.name,
                    finder.shown()
                )?;
            }
            text.push('\n');
        }
        writeln!(text, "{}", self.out.join("report.html").display())?;
        Ok(text)
    }
}
