//! The runs that score the examples of an arm.

use std::path::PathBuf;

use anyhow::{Context, Result};
use intformer::method::hscore::{RunLog, Scores};
use serde::{Deserialize, Serialize};

use super::{
    results::{Arm, Budget, Scored},
    study::{Study, Training},
    ways,
};

/// A run that scores.
pub struct Scoring {
    /// The arm.
    pub arm: Arm,
    /// The run.
    pub seed: u64,
}

/// How long a run took.
#[derive(Serialize, Deserialize)]
struct Took {
    seconds: f64,
}

impl Scoring {
    fn file(&self, ending: &str) -> PathBuf {
        PathBuf::from(self.arm.name()).join(format!("run-{}.{ending}", self.seed))
    }

    /// Makes the run, unless it is there; `step` hears of each step.
    pub fn make(&self, study: &Study, step: impl Fn(usize)) -> Result<()> {
        let [log, took] = ["parquet", "json"].map(|ending| self.file(ending));
        let settings = &study.settings;
        let steps = ways::steps(settings, Budget::Epochs, settings.examples, 0);
        if study.folder.read::<Took>(&took)?.is_some() {
            step(steps);
            return study.folder.remove(self.file("state"));
        }
        let indices: Vec<usize> = (0..settings.examples).collect();
        let training = Training {
            arm: self.arm,
            indices: &indices,
            steps,
            seed: self.seed,
            record: true,
            state: self.file("state"),
        };
        let (trained, seconds) = training.run(study, step)?;
        let answers = trained.answers.as_ref();
        let answers = answers.context("expected a training that records")?;
        RunLog::of_answers(self.seed.to_string(), answers)?.save(study.folder.path(log))?;
        study.folder.write_json(took, &Took { seconds })?;
        study.folder.remove(self.file("state"))
    }
}

/// The scores of an arm whose runs are there.
pub fn scores(study: &Study, arm: Arm) -> Result<(Scores, Scored)> {
    let (mut logs, mut seconds) = (Vec::new(), 0.0);
    for seed in 0..study.settings.runs as u64 {
        let run = Scoring { arm, seed };
        logs.push(RunLog::load(study.folder.path(run.file("parquet")))?);
        let took: Option<Took> = study.folder.read(run.file("json"))?;
        seconds += took.map_or(0.0, |took| took.seconds);
    }
    let scores = Scores::of(&logs)?;
    let scored = Scored {
        histogram: scores.histogram(),
        seconds,
    };
    Ok((scores, scored))
}
