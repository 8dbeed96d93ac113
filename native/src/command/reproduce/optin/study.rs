//! The runs of the study of a task, and what is made of them.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use intformer::{
    FloatModel,
    method::prune::{Items, PruneEvent, prune},
    plan::IntModel,
};

use super::{
    results::{ArmResults, Cell, Example, Settings, TaskResults, Whole},
    tasks::{Arm, CLAIM},
    test_set::{self, draw, float_answers, made_integer},
    times, whole,
};
use crate::{
    cli::Globals,
    executor::Choice,
    study::{
        examples::{Data, Set},
        folder::Folder,
        jobs,
    },
};

/// The arm whose integer-only models are timed, and shown beside the whole one.
const TIMED: Arm = Arm::Optin;

/// Examples that are shown.
const SHOWN: usize = 12;

/// A study of a task, in its folder.
pub struct Study {
    /// The folder.
    pub folder: Folder,
    /// What is run.
    pub settings: Settings,
    /// The model as it is given, before any training.
    pub model: FloatModel,
    /// The examples.
    pub data: Data,
}

/// Models of an arm and a seed.
struct Job {
    arm: Arm,
    seed: u64,
    /// Examples that prune, if not as many as usual.
    size: Option<usize>,
}

impl Job {
    /// The folder of its results.
    fn place(&self) -> PathBuf {
        match self.size {
            None => PathBuf::from(self.arm.name()),
            Some(size) => PathBuf::from(format!("{}-of-{size}", self.arm.name())),
        }
    }

    /// The shares of its models.
    fn shares(&self, settings: &Settings) -> Vec<f64> {
        match (self.size, self.arm) {
            (None, Arm::Greedy) | (Some(_), _) => vec![CLAIM],
            _ => settings.shares.clone(),
        }
    }

    /// The file of a model's result, without an ending.
    fn file(&self, share: f64) -> PathBuf {
        let thousandths = (1000.0 * share).round();
        self.place()
            .join(format!("{thousandths:04}-seed-{}", self.seed))
    }
}

impl Study {
    /// Does what is not done yet of `arms`, `at_once` models at a time.
    pub fn run(
        &self,
        arms: &[Arm],
        executors: &[Choice],
        rounds: usize,
        at_once: usize,
        globals: &Globals,
    ) -> Result<TaskResults> {
        let (model, whole) = whole::whole(self, globals)?;
        let queue = self.queue(arms);
        let shares = queue.iter().map(|job| job.shares(&self.settings).len());
        let bar = globals.bar("pruning", shares.sum());
        let made = jobs::run(&queue, at_once, |job| {
            let sentence = || format!("{}, seed {}", job.arm.name(), job.seed);
            self.make(job, &model, globals, || bar.inc(1))
                .with_context(sentence)
        });
        bar.finish_and_clear();
        made?;
        let shares = self.settings.shares.iter();
        let files = shares.map(|&share| {
            let job = Job {
                arm: TIMED,
                seed: 0,
                size: None,
            };
            let file = job.file(share).with_extension("safetensors");
            (share, self.folder.path(file))
        });
        let mut files: Vec<_> = files.filter(|(_, file)| file.exists()).collect();
        files.insert(0, (1.0, self.folder.path(whole::INTEGER)));
        let times = times::times(self, &files, executors, rounds, globals)?;
        Ok(TaskResults {
            settings: self.settings.clone(),
            whole,
            arms: arms
                .iter()
                .filter(|arm| arm.fits(self.settings.task))
                .map(|&arm| self.arm(arm, &queue))
                .collect::<Result<_>>()?,
            times,
            lost: self.folder.read("lost.json")?.unwrap_or_default(),
        })
    }

    /// What is to be made: all arms of a seed before the next seed, numbers of examples at the end.
    fn queue(&self, arms: &[Arm]) -> Vec<Job> {
        let (settings, task) = (&self.settings, self.settings.task);
        let mut queue = Vec::new();
        let of_seed = |seed: u64| {
            let arms = arms.iter().copied();
            arms.filter(move |arm| arm.fits(task) && seed < arm.seeds(settings.seeds))
        };
        for seed in 0..settings.seeds {
            queue.extend(of_seed(seed).map(|arm| Job {
                arm,
                seed,
                size: None,
            }));
        }
        for seed in 0..settings.seeds {
            queue.extend(of_seed(seed).flat_map(|arm| {
                let sizes = arm.sizes(task, &settings.sizes).into_iter();
                sizes.map(move |size| Job {
                    arm,
                    seed,
                    size: Some(size),
                })
            }));
        }
        queue
    }

    /// Prunes and tests, unless that is done; `done` hears of each model.
    fn make(
        &self,
        job: &Job,
        model: &FloatModel,
        globals: &Globals,
        done: impl Fn(),
    ) -> Result<()> {
        self.folder.make(job.place())?;
        let scores = job.place().join(format!("seed-{}-scores", job.seed));
        for share in job.shares(&self.settings) {
            let file = job.file(share);
            let result = file.with_extension("json");
            if self.folder.read::<Cell>(&result)?.is_none() {
                let (cell, integer) = self.pruned(job, share, model, &scores, globals)?;
                if let Some(integer) = integer {
                    integer.save(self.folder.path(file.with_extension("safetensors")))?;
                }
                self.folder.write_json(result, &cell)?;
            }
            done();
        }
        self.folder.remove(scores)
    }

    /// A model of `share`, tested; one that is timed is made integer-only, too.
    fn pruned(
        &self,
        job: &Job,
        share: f64,
        model: &FloatModel,
        scores: &Path,
        globals: &Globals,
    ) -> Result<(Cell, Option<IntModel>)> {
        let count = job.size.unwrap_or(job.arm.method().items());
        let places = draw(&self.data.train, count, job.seed);
        let inputs = self.data.train.inputs(places.iter().copied());
        let inputs = inputs.items();
        let classes = self.data.train.classes();
        let classes: Vec<usize> = places.iter().map(|&at| classes[at]).collect();
        let items = Items::new(inputs.samples(), &classes)?;
        let mut options = job.arm.options(share, job.seed);
        if job.arm.method().keeps_state() {
            options.state = Some(self.folder.path(scores));
        }
        let mut ui = |_: PruneEvent| ControlFlow::Continue(());
        let (pruned, report) = prune(&options, model, items, &mut ui)?;
        let answers = float_answers(&pruned, &self.data)?;
        let timed = job.seed == 0 && job.size.is_none();
        let integer = match timed && Arm::ONE_SHOT.contains(&job.arm) {
            true => Some(made_integer(&pruned, &self.data, globals)?),
            false => None,
        };
        if timed && job.arm == TIMED && share == CLAIM {
            let lost = self.lost(&answers)?;
            self.folder.write_json("lost.json", &lost)?;
        }
        let [before, after] = report.macs.map(|macs| macs as f64);
        let [parameters, left] = report.parameters.map(|count| count as f64);
        let (integer_model, integer) = integer.unzip();
        let cell = Cell {
            seed: job.seed,
            share,
            items: report.items,
            macs: after / before,
            parameters: left / parameters,
            score: answers.score,
            integer,
            blocks: report.blocks,
            passes: report.passes,
            seconds: report.seconds,
        };
        Ok((cell, integer_model.filter(|_| job.arm == TIMED)))
    }

    /// Test examples that the whole model is right about, and these answers are not.
    fn lost(&self, answers: &test_set::Answers) -> Result<Vec<Example>> {
        let whole: Option<Whole> = self.folder.read(whole::RESULT)?;
        let whole = whole.context("expected the whole model's answers")?.score;
        let places = (0..whole.0.len()).filter(|&at| whole.0[at] && !answers.score.0[at]);
        let places: Vec<usize> = places.collect();
        let step = places.len().div_ceil(SHOWN).max(1);
        let labels = self.data.test.examples().labels();
        let example = |&at: &usize| {
            Ok(Example {
                class: labels[self.data.test.classes()[at]].clone(),
                answer: labels[answers.named[at]].clone(),
                shown: self.data.shown(true, at)?,
            })
        };
        places.iter().step_by(step).map(example).collect()
    }

    /// What came of an arm.
    fn arm(&self, arm: Arm, queue: &[Job]) -> Result<ArmResults> {
        let read = |job: &Job, share: f64| -> Result<Cell> {
            let file = job.file(share).with_extension("json");
            let cell = self.folder.read(&file)?;
            cell.with_context(|| format!("{} is missing", file.display()))
        };
        let of = |sized: bool| -> Result<Vec<Cell>> {
            let jobs = queue.iter();
            let jobs = jobs.filter(|job| job.arm == arm && job.size.is_some() == sized);
            let cells = jobs.flat_map(|job| {
                let shares = job.shares(&self.settings).into_iter();
                shares.map(move |share| read(job, share))
            });
            cells.collect()
        };
        Ok(ArmResults {
            arm,
            cells: of(false)?,
            sizes: of(true)?,
        })
    }
}

/// Tokens of a text of `set`, on average; none of images.
pub fn tokens(set: &Set) -> Option<usize> {
    let Set::Texts(texts) = set else { return None };
    let all: usize = texts.items().iter().map(Vec::len).sum();
    Some((all as f64 / texts.items().len().max(1) as f64).round() as usize)
}
