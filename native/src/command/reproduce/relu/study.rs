//! The runs of the study, and what is made of them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use intformer::{
    FloatModel, checkpoint,
    data::{Dataset, GlyphSet, GlyphSplit, Split},
    method::relu::swapped,
    model::SwinConfig,
    quant::{Gelu, QuantizeOptions},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    arms::{WAYS, Way},
    results::{Arm, ArmRun, Form, Latency, Machine, Results, Settings, VariantLatency},
    test_set::TestSet,
};
use crate::{
    cli::Globals,
    command::{
        bench::compare::{Compared, Request, measure},
        data::GlyphArguments,
    },
    executor::Choice,
};

/// A study in its folder.
pub struct Study {
    settings: Settings,
    out: PathBuf,
    glyphs: Arc<GlyphSet>,
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
        let glyphs = Arc::new(rendering.set()?);
        if teacher.labels != glyphs.labels() {
            bail!(
                "expected a teacher of the classes of the glyphs, found {} and {}",
                teacher.labels.join(""),
                glyphs.labels().join("")
            );
        }
        settings.test_families = glyphs.families(Split::Test).len();
        let file = fs::read(&settings.teacher).with_context(|| settings.teacher.clone())?;
        settings.teacher_digest = digest(&file);
        let families = Split::ALL.map(|split| glyphs.families(split));
        settings.glyphs = digest(format!("{:?} {families:?}", glyphs.options()).as_bytes());
        let study = Self {
            settings,
            out: out.to_path_buf(),
            glyphs,
            teacher,
        };
        fs::create_dir_all(out).with_context(|| out.display().to_string())?;
        match study.read::<Settings>(Path::new("settings.json"))? {
            Some(earlier) if earlier != study.settings => bail!(
                "expected no study in {} or one of the same settings, found {earlier:?}",
                out.display()
            ),
            _ => study.write_json("settings.json", &study.settings)?,
        }
        Ok(study)
    }

    fn split(&self, split: Split, count: usize) -> GlyphSplit {
        GlyphSplit::new(Arc::clone(&self.glyphs), split, count)
    }

    /// Makes the students that are not made yet, `jobs` at a time, and measures.
    pub fn run(&self, jobs: usize, times: bool, globals: &Globals) -> Result<Results> {
        let settings = &self.settings;
        let test = TestSet::new(
            &self.split(Split::Test, settings.test_images),
            &self.split(Split::Train, settings.calibration_images),
            &self.teacher,
        )?;
        let arms = self.arms(&test, jobs, globals)?;
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
            machine: machine(seconds / 60.0),
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
        let mut models = vec![("glyphs", self.teacher.config.clone())];
        if !self.settings.quick {
            models.push(("swin-t", SwinConfig::tiny()));
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

    fn arms(&self, test: &TestSet, jobs: usize, globals: &Globals) -> Result<Vec<Arm>> {
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
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(None);
        thread::scope(|scope| {
            for _ in 0..jobs.min(queue.len()) {
                scope.spawn(|| {
                    while let Some(job) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(error) = self.job(job, test, &bar) {
                            next.store(queue.len(), Ordering::Relaxed);
                            let sentence = format!("{}, seed {}", job.way.name, job.seed);
                            *failed.lock().expect("no holder panics") =
                                Some(error.context(sentence));
                        }
                    }
                });
            }
        });
        bar.finish_and_clear();
        if let Some(error) = failed.into_inner().expect("no holder panics") {
            return Err(error);
        }
        WAYS.iter()
            .enumerate()
            .map(|(place, way)| {
                let run = |seed| {
                    let file = run_folder(way, seed).join("result.json");
                    let run: Option<ArmRun> = self.read(&file)?;
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
        if self.read::<ArmRun>(&folder.join("result.json"))?.is_some() {
            bar.inc(steps as u64);
            return remove(&self.out.join(&folder).join("state"));
        }
        let began = Instant::now();
        let train = self.split(Split::Train, settings.epoch_images);
        let validation = self.split(Split::Validation, settings.validation_images);
        let data: [&dyn Dataset; 2] = [&train, &validation];
        let state = self.out.join(&folder).join("state");
        fs::create_dir_all(&state).with_context(|| state.display().to_string())?;
        let step = || bar.inc(1);
        let (student, course) =
            job.way
                .run(settings, job.seed, &self.teacher, data, &state, step)?;
        let seconds = began.elapsed().as_secs_f64();
        checkpoint::save(&student, self.out.join(&folder).join("student.safetensors"))?;
        let (student, digest) = test.pair(&student)?;
        let run = ArmRun {
            seed: job.seed,
            course,
            student,
            digest,
            seconds,
        };
        self.write_json(folder.join("result.json"), &run)?;
        remove(&state)
    }

    fn student(&self, way: &Way, seed: u64) -> Result<FloatModel> {
        let file = self
            .out
            .join(run_folder(way, seed))
            .join("student.safetensors");
        Ok(checkpoint::load(file)?)
    }

    /// The file `name` of the folder, if it is there.
    fn read<T: DeserializeOwned>(&self, name: &Path) -> Result<Option<T>> {
        let path = self.out.join(name);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        Ok(Some(value))
    }

    fn write_json(&self, name: impl AsRef<Path>, value: &impl Serialize) -> Result<()> {
        self.write(name, &serde_json::to_string_pretty(value)?)
    }

    /// Writes the file `name` of the folder, whole or not at all.
    pub fn write(&self, name: impl AsRef<Path>, text: &str) -> Result<()> {
        let path = self.out.join(name);
        let folder = path.parent().unwrap_or(&self.out);
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            file.persist(&path)?;
            Ok(())
        };
        write().with_context(|| path.display().to_string())
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

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> Result<()> {
    match folder.exists() {
        true => fs::remove_dir_all(folder).with_context(|| folder.display().to_string()),
        false => Ok(()),
    }
}

/// The SHA-256 of some bytes.
fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a run is in the study's folder.
fn run_folder(way: &Way, seed: u64) -> PathBuf {
    Path::new(way.name).join(format!("seed-{seed}"))
}

fn machine(minutes: f64) -> Machine {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    Machine {
        platform: format!("{} {}", env::consts::OS, env::consts::ARCH),
        processor: processor.unwrap_or_default(),
        threads: thread::available_parallelism().map_or(1, usize::from),
        release: !cfg!(debug_assertions),
        minutes,
    }
}
