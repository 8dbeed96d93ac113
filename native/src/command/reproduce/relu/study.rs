//! The runs of the study, and what is made of them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use intformer::{
    FloatModel,
    architecture::Config,
    checkpoint,
    data::{Dataset, Split},
    method::relu::swapped,
    quant::{Gelu, QuantizeOptions},
};

use super::{
    arms::{WAYS, Way},
    images::Images,
    results::{Arm, ArmRun, Form, Latency, Results, Settings, VariantLatency},
    test_set::TestSet,
};
use crate::{
    cli::Globals,
    command::{
        bench::compare::{Compared, Request, measure},
        data::GlyphArguments,
    },
    digest::sha256,
    executor::Choice,
    study::{folder::Folder, jobs, machine::Machine},
};

/// A study in its folder.
pub struct Study {
    /// The folder.
    pub folder: Folder,
    settings: Settings,
    images: Images,
    teacher: FloatModel,
}

/// A student to make.
struct Job {
    way: &'static Way,
    seed: u64,
}

impl Study {
    /// Opens the folder, which is new or holds a study of the same settings.
    pub fn open(mut settings: Settings, rendering: &GlyphArguments, out: &Path) -> Result<Self> {
        let teacher = checkpoint::load(&settings.teacher)
            .with_context(|| "the teacher: name another with --teacher, or run where it is")?;
        let images = match &settings.data {
            Some(folder) => Images::folder(folder, &teacher)?,
            None => Images::glyphs(rendering, &teacher)?,
        };
        let file = fs::read(&settings.teacher).with_context(|| settings.teacher.clone())?;
        settings.teacher_digest = sha256(&file);
        settings.images = images.what();
        settings.images_digest = images.digest()?;
        // There may be fewer.
        settings.epoch_images = settings.epoch_images.min(images.len(Split::Train));
        for (split, count) in [
            (Split::Train, &mut settings.calibration_images),
            (Split::Validation, &mut settings.validation_images),
            (Split::Test, &mut settings.test_images),
        ] {
            *count = (*count).min(images.len(split));
        }
        Ok(Self {
            folder: Folder::open(out, &settings)?,
            settings,
            images,
            teacher,
        })
    }

    /// Makes the students that are not made yet, `at_once` at a time, and measures.
    pub fn run(&self, at_once: usize, times: bool, globals: &Globals) -> Result<Results> {
        let settings = &self.settings;
        let test = TestSet::new(
            &*self.images.some(Split::Test, settings.test_images)?,
            &*self
                .images
                .some(Split::Train, settings.calibration_images)?,
            &self.teacher,
        )?;
        let arms = self.arms(&test, at_once, globals)?;
        globals.note("measuring the teacher and the forms of GELU");
        let blocks = self.teacher.config.blocks();
        let (untrained, _) = test.pair(&swapped(&self.teacher, &blocks, true))?;
        let student = self.student(&WAYS[0], 0)?;
        let (confusions, examples) = test.mistakes(&student)?;
        let seconds: f64 = arms
            .iter()
            .flat_map(|arm| &arm.runs)
            .map(|run| run.seconds)
            .sum();
        Ok(Results {
            settings: settings.clone(),
            machine: Machine::here(seconds / 60.0),
            classes: test.classes.clone(),
            teacher: test.teacher(),
            forms: self.forms(&test)?,
            untrained,
            arms,
            histograms: test.histograms(&self.teacher, &student)?,
            latency: match times {
                true => self.latency(globals)?,
                false => Vec::new(),
            },
            confusions,
            examples,
        })
    }

    /// Times on the executors of this machine, of the teacher's size and, in a full study, of Swin-T.
    fn latency(&self, globals: &Globals) -> Result<Vec<Latency>> {
        let mut models = vec![("teacher", self.teacher.config.clone())];
        if !self.settings.quick {
            let config = Config::named("swin-t").context("expected a size called swin-t")?;
            models.push(("swin-t", config));
        }
        let mut found = Vec::new();
        for (name, config) in &models {
            for executor in [Choice::Cpu, Choice::Wgpu] {
                let large = *name == "swin-t";
                // A software adapter takes a second for an image of Swin-T.
                let (batches, rounds): (&[usize], _) = match (large, executor) {
                    (false, _) => (&[1, 8, 32], 20),
                    (true, Choice::Cpu) => (&[1], 20),
                    (true, _) => (&[1], 6),
                };
                let request = Request {
                    executors: &[executor],
                    batches,
                    tokens: 1,
                    threads: None,
                    warm_up: 2,
                    rounds: if self.settings.quick { 6 } else { rounds },
                    by_op: false,
                };
                match measure(&request, config, globals) {
                    Ok(rows) => found.extend(latency(name, request.rounds, &rows)),
                    Err(error) => match error.downcast_ref::<intformer::Error>() {
                        Some(cause) if cause.is_device() => {
                            globals.note(&format!("without {executor:?}: {error:#}"));
                        }
                        _ => return Err(error),
                    },
                }
            }
        }
        Ok(found)
    }

    /// The teacher with each form of GELU.
    fn forms(&self, test: &TestSet) -> Result<Vec<Form>> {
        let form = |gelu: Gelu| {
            let options = QuantizeOptions {
                gelu,
                ..QuantizeOptions::default()
            };
            Ok(Form {
                name: gelu.name().to_owned(),
                score: test.integer_score(&self.teacher, &options)?,
            })
        };
        Gelu::INTEGER.into_iter().map(form).collect()
    }

    fn arms(&self, test: &TestSet, at_once: usize, globals: &Globals) -> Result<Vec<Arm>> {
        // All ways of a seed before the next seed: an early look at the folder compares ways.
        let seeds = 0..self.settings.seeds;
        let queue: Vec<Job> = seeds
            .flat_map(|seed| WAYS.iter().map(move |way| Job { way, seed }))
            .collect();
        let blocks = self.teacher.config.blocks().len();
        let steps = queue
            .iter()
            .map(|job| job.way.steps(&self.settings, blocks));
        let bar = globals.bar("training", steps.sum());
        let made = jobs::run(&queue, at_once, |job| {
            let sentence = || format!("{}, seed {}", job.way.name, job.seed);
            self.job(job, test, &bar).with_context(sentence)
        });
        bar.finish_and_clear();
        made?;
        WAYS.iter()
            .enumerate()
            .map(|(place, way)| {
                let run = |seed| {
                    let file = run_folder(way, seed).join("result.json");
                    let run: Option<ArmRun> = self.folder.read(&file)?;
                    run.with_context(|| format!("{} is missing", file.display()))
                };
                Ok(Arm {
                    name: way.name.to_owned(),
                    what: way.what.to_owned(),
                    claimed: place == 0,
                    runs: (0..self.settings.seeds).map(run).collect::<Result<_>>()?,
                })
            })
            .collect()
    }

    /// Makes one student and tests it, unless that is done.
    fn job(&self, job: &Job, test: &TestSet, bar: &ProgressBar) -> Result<()> {
        let settings = &self.settings;
        let folder = run_folder(job.way, job.seed);
        let steps = job.way.steps(settings, self.teacher.config.blocks().len());
        let [result, state] = ["result.json", "state"].map(|name| folder.join(name));
        if self.folder.read::<ArmRun>(&result)?.is_some() {
            bar.inc(steps as u64);
            return self.folder.remove(state);
        }
        let began = Instant::now();
        let train = self.images.train(settings.epoch_images);
        let validation = self
            .images
            .some(Split::Validation, settings.validation_images)?;
        let data: [&dyn Dataset; 2] = [&*train, &*validation];
        let going = self.folder.make(&state)?;
        let step = || bar.inc(1);
        let (student, course) =
            job.way
                .run(settings, job.seed, &self.teacher, data, &going, step)?;
        let seconds = began.elapsed().as_secs_f64();
        let file = folder.join("student.safetensors");
        checkpoint::save(&student, self.folder.path(file))?;
        let (student, digest) = test.pair(&student)?;
        let run = ArmRun {
            seed: job.seed,
            course,
            student,
            digest,
            seconds,
        };
        self.folder.write_json(result, &run)?;
        self.folder.remove(state)
    }

    fn student(&self, way: &Way, seed: u64) -> Result<FloatModel> {
        let file = run_folder(way, seed).join("student.safetensors");
        Ok(checkpoint::load(self.folder.path(file))?)
    }
}

/// The rows of each executor and batch size together.
fn latency(model: &str, rounds: usize, rows: &[Compared]) -> Vec<Latency> {
    let same = |a: &Compared, b: &Compared| (a.executor, a.batch) == (b.executor, b.batch);
    rows.chunk_by(same)
        .map(|rows| Latency {
            model: model.to_owned(),
            executor: rows[0].executor.to_owned(),
            device: rows[0].device.clone(),
            batch: rows[0].batch,
            rounds,
            variants: rows
                .iter()
                .map(|row| VariantLatency {
                    activation: row.activation.to_owned(),
                    q1_ms: row.q1_ms,
                    median_ms: row.median_ms,
                    q3_ms: row.q3_ms,
                    saved: row.relu_takes_less,
                })
                .collect(),
        })
        .collect()
}

/// Where a run is in the study's folder.
fn run_folder(way: &Way, seed: u64) -> PathBuf {
    Path::new(way.name).join(format!("seed-{seed}"))
}
