//! The runs of the study on a data set, and what is made of them.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use intformer::{
    FloatModel,
    float::train::{Origin, RateOf, TrainEvent, TrainOptions, Trained, train_from, with_labels},
    method::hscore::{Rival, Scores},
};

use serde::Serialize;

use super::{
    noise::{finder, flip},
    results::{Arm, Budget, Example, Noise, Run, SetResults, Settings, Way},
    scoring::{self, Scoring},
    ways::{self, Plan, plans, steps},
};
use crate::{
    cli::Globals,
    digest::sha256,
    reading::Reading,
    study::{
        examples::{Data, Set, Wanted},
        folder::Folder,
        jobs,
    },
};

/// Draws which labels are flipped.
const FLIPPING: u64 = 0;

/// Trainings that are compared have seeds from here on: others than those that score.
const FIRST_SEED: u64 = 1000;

/// Examples that are shown of each kind.
const SHOWN: usize = 12;

/// A study of a data set, in its folder.
pub struct Study {
    /// The folder.
    pub folder: Folder,
    /// What is run.
    pub settings: Settings,
    model: FloatModel,
    data: Data,
    /// The classes with some of them flipped, and which.
    flipped: (Vec<usize>, Vec<bool>),
}

/// A training to be done.
pub struct Training<'a> {
    /// Which labels it has.
    pub arm: Arm,
    /// The examples.
    pub indices: &'a [usize],
    /// Steps; of one that records those of the epochs.
    pub steps: usize,
    /// Seed of the new head and the order.
    pub seed: u64,
    /// Whether answers are recorded.
    pub record: bool,
    /// Folder of its state.
    pub state: PathBuf,
}

/// A training that is compared, and its result's file without an ending.
struct Compared {
    plan: Plan,
    seed: u64,
    place: PathBuf,
    indices: Vec<usize>,
    /// Of the indices.
    digest: String,
    steps: usize,
}

impl Study {
    /// Reads model and data, and opens the folder, which is new or holds a study of the same settings.
    pub fn open(
        mut settings: Settings,
        assets: &Path,
        out: &Path,
        globals: &Globals,
    ) -> Result<Self> {
        if !(0.0..1.0).contains(&settings.flipped) || settings.flipped == 0.0 {
            bail!(
                "expected a share of labels to flip above 0 and below 1, found {}",
                settings.flipped
            );
        }
        let model = Reading::of_size(None).float(&settings.from, globals);
        let model = model.context(match settings.set.takes_images() {
            true => "the model to begin with: name another with --images-from, or run where it is",
            false => "the encoder: `cargo xtask assets` downloads it; --encoder names another",
        })?;
        let sides = serde_json::to_string(&(&model.config, &model.preprocessing))?;
        let wanted = Wanted {
            set: settings.set,
            model: &settings.from,
            counts: [settings.examples, settings.test_examples],
            tokens: settings.tokens,
            // The model that is trained further knows digits and capitals.
            glyphs: ('a'..='z').map(String::from).collect(),
        };
        let data = Data::read(wanted, assets, &model, globals)?;
        let [examples, test_examples] = [&data.train, &data.test].map(|set| set.examples().len());
        let origin = Origin {
            params: Some(&model.params),
            tokenization: model.tokenization.as_ref(),
            ..Origin::default()
        };
        settings = Settings {
            from_digest: digest(&[&origin.digest(), &sides])?,
            data_digest: data.digest(),
            examples,
            test_examples,
            frozen: settings.set.frozen(model.config.blocks().len()),
            ..settings
        };
        let labels = data.train.examples().labels().len();
        if labels < 2 {
            bail!("expected two classes or more, found {labels}");
        }
        let flipped = flip(data.train.classes(), labels, settings.flipped, FLIPPING);
        let count = flipped.1.iter().filter(|is| **is).count();
        if count < 2 || count + 2 > examples {
            bail!(
                "expected two labels or more that are flipped, and two that are not, found {count} of {examples} flipped"
            );
        }
        Ok(Self {
            folder: Folder::open(&out.join(settings.set.folder()), &settings)?,
            settings,
            model,
            data,
            flipped,
        })
    }

    /// The classes to train on.
    fn classes(&self, arm: Arm) -> &[usize] {
        match arm {
            Arm::Clean => self.data.train.classes(),
            Arm::Flipped => &self.flipped.0,
        }
    }

    /// Does what is not done yet, `at_once` trainings at a time.
    pub fn run(&self, at_once: usize, globals: &Globals) -> Result<SetResults> {
        let arms = [Arm::Clean, Arm::Flipped];
        for arm in arms {
            self.folder.make(arm.name())?;
        }
        let seeds = 0..self.settings.runs as u64;
        let queue: Vec<_> = seeds
            .flat_map(|seed| arms.map(|arm| Scoring { arm, seed }))
            .collect();
        let each = steps(&self.settings, Budget::Epochs, self.settings.examples, 0);
        let bar = globals.bar("scoring", each * queue.len());
        let step = |count: usize| bar.inc(count as u64);
        let made = jobs::run(&queue, at_once, |run| {
            let sentence = || format!("run {} with {} labels", run.seed, run.arm.name());
            run.make(self, step).with_context(sentence)
        });
        bar.finish_and_clear();
        made?;

        let (clean, scored) = scoring::scores(self, Arm::Clean)?;
        let (noisy, noisy_scored) = scoring::scores(self, Arm::Flipped)?;
        let both = [&clean, &noisy];
        let plans = plans(&self.settings, both)?;
        let seeds = FIRST_SEED..FIRST_SEED + self.settings.seeds;
        // All plans of a seed before the next seed.
        let queue = seeds.flat_map(|seed| plans.iter().map(move |&plan| (plan, seed)));
        let queue = queue.map(|(plan, seed)| self.compared(plan, seed, both));
        let queue: Vec<Compared> = queue.collect::<Result<_>>()?;
        let bar = globals.bar("training", queue.iter().map(|job| job.steps).sum());
        let step = |count: usize| bar.inc(count as u64);
        let made = jobs::run(&queue, at_once, |job| {
            let sentence = || format!("{}, seed {}", job.plan.choice.name(), job.seed);
            self.compare(job, step).with_context(sentence)
        });
        bar.finish_and_clear();
        made?;

        Ok(SetResults {
            settings: self.settings.clone(),
            classes: self.data.train.examples().labels().to_vec(),
            clean: scored,
            flipped: noisy_scored,
            ways: plans
                .iter()
                .map(|&plan| self.way(plan, &queue))
                .collect::<Result<_>>()?,
            noise: self.noise(&noisy),
            never: self.some(&clean, 0)?,
            always: self.some(&clean, self.settings.runs as u32)?,
        })
    }

    fn compared(&self, plan: Plan, seed: u64, scores: [&Scores; 2]) -> Result<Compared> {
        let scores = scores[usize::from(plan.arm == Arm::Flipped)];
        let indices = plan.choice.indices(scores, seed)?;
        let ticket = scores.kept(&ways::ticket(self.settings.runs)?).len();
        let name = match plan.budget {
            Budget::Epochs => plan.choice.name(),
            budget => {
                format!("{}, {}", plan.choice.name(), budget.words()).replace([' ', ','], "-")
            }
        };
        let place = [plan.arm.name(), &name, &format!("seed-{seed}")];
        Ok(Compared {
            plan,
            seed,
            place: place.iter().collect(),
            steps: steps(&self.settings, plan.budget, indices.len(), ticket),
            digest: digest(&indices)?,
            indices,
        })
    }

    /// Trains once and tests, unless that is done.
    fn compare(&self, job: &Compared, step: impl Fn(usize)) -> Result<()> {
        let [result, state] = ["json", "state"].map(|ending| job.place.with_extension(ending));
        if let Some(run) = self.folder.read::<Run>(&result)? {
            if run.examples != job.digest {
                bail!(
                    "expected a training on the examples of these scores in {}, found one on others",
                    self.folder.path(result).display()
                );
            }
            step(job.steps);
            return self.folder.remove(state);
        }
        self.folder
            .make(job.place.parent().unwrap_or(Path::new(".")))?;
        let training = Training {
            arm: job.plan.arm,
            indices: &job.indices,
            steps: job.steps,
            seed: job.seed,
            record: false,
            state: state.clone(),
        };
        let (trained, seconds) = training.run(self, step)?;
        let last = trained.history.last().and_then(|epoch| epoch.validation);
        let run = Run {
            seed: job.seed,
            top1: last
                .context("expected a training that ends with a test")?
                .top1,
            steps: job.steps,
            examples: job.digest.clone(),
            seconds,
        };
        self.folder.write_json(result, &run)?;
        self.folder.remove(state)
    }

    /// What came of a plan.
    fn way(&self, plan: Plan, queue: &[Compared]) -> Result<Way> {
        let jobs: Vec<_> = queue.iter().filter(|job| job.plan == plan).collect();
        let run = |job: &&Compared| -> Result<Run> {
            let file = job.place.with_extension("json");
            let run = self.folder.read(&file)?;
            run.with_context(|| format!("{} is missing", file.display()))
        };
        let examples = jobs.first().map_or(0, |job| job.indices.len());
        Ok(Way {
            arm: plan.arm,
            name: plan.choice.name(),
            budget: plan.budget,
            examples,
            share: examples as f64 / self.settings.examples as f64,
            runs: jobs.iter().map(run).collect::<Result<_>>()?,
        })
    }

    /// How the scores of the arm with flipped labels find them.
    fn noise(&self, scores: &Scores) -> Noise {
        let which = &self.flipped.1;
        let h: Vec<f64> = scores.h.iter().map(|&h| -f64::from(h)).collect();
        let mut finders = vec![finder("H", &h, which)];
        let rivals = [
            (Rival::El2n, scores.el2n.as_ref()),
            (Rival::Forgetting, Some(&scores.forgetting)),
            (Rival::Ambiguous, scores.variability.as_ref()),
        ];
        for (rival, values) in rivals {
            finders.extend(values.map(|values| finder(rival.name(), values, which)));
        }
        let mut histogram = vec![0; self.settings.runs + 1];
        for (&h, _) in scores.h.iter().zip(which).filter(|(_, is)| **is) {
            histogram[h as usize] += 1;
        }
        Noise {
            flipped: which.iter().filter(|is| **is).count(),
            histogram,
            finders,
        }
    }

    /// Some examples of the score `h`, spread over the data.
    fn some(&self, scores: &Scores, h: u32) -> Result<Vec<Example>> {
        let of: Vec<usize> = (0..scores.h.len())
            .filter(|&at| scores.h[at] == h)
            .collect();
        let step = of.len().div_ceil(SHOWN).max(1);
        let labels = self.data.train.examples().labels();
        let example = |&index: &usize| {
            Ok(Example {
                index,
                class: labels[self.data.train.classes()[index]].clone(),
                shown: self.data.shown(false, index)?,
            })
        };
        of.iter().step_by(step).map(example).collect()
    }
}

impl Training<'_> {
    /// Trains, and tells how many seconds it took since it began or went on; `step` hears of each step.
    pub fn run(&self, study: &Study, step: impl Fn(usize)) -> Result<(Trained, f64)> {
        let began = Instant::now();
        let settings = &study.settings;
        let train: Set = study.data.train.of(self.indices, study.classes(self.arm))?;
        let model = with_labels(&study.model, train.examples().labels(), self.seed)?;
        let frozen = settings.frozen.iter().map(|of| RateOf {
            of: of.clone(),
            factor: 0.0,
        });
        let options = TrainOptions {
            epochs: settings.epochs,
            steps: Some(self.steps).filter(|_| !self.record),
            last: true,
            batch: settings.batch,
            learning_rate: settings.rate,
            weight_decay: settings.weight_decay,
            warmup: settings.warm_up * settings.epochs as f64,
            clip: settings.clip,
            label_smoothing: 0.0,
            rates: frozen.collect(),
            seed: self.seed,
            record: self.record,
            resume: true,
            ..TrainOptions::new(
                model.config.clone(),
                model.preprocessing.clone(),
                study.folder.make(&self.state)?,
            )
        };
        let origin = Origin {
            params: Some(&model.params),
            tokenization: model.tokenization.as_ref(),
            ..Origin::default()
        };
        let mut ui = |event: &TrainEvent<'_>| {
            if let TrainEvent::Step { .. } = event {
                step(1);
            }
            ControlFlow::Continue(())
        };
        let test = study.data.test.examples();
        let trained = train_from(&options, &origin, train.examples(), test, &mut ui)?;
        Ok((trained, began.elapsed().as_secs_f64()))
    }
}

/// The SHA-256 of some values, as JSON.
fn digest(values: &impl Serialize) -> Result<String> {
    Ok(sha256(serde_json::to_vec(values)?))
}
