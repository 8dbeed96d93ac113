//! What the study found: the JSON file, and what the report is made of.

use serde::{Deserialize, Serialize};

use crate::study::{examples::Shown, machine::Machine, numbers::fixed, sets::SetName};

/// A whole study.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// Where it was run.
    pub machine: Machine,
    /// What was found on each data set.
    pub sets: Vec<SetResults>,
}

/// What was run on a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether this was the short run that shows no more than that everything works.
    pub quick: bool,
    /// The data set.
    pub set: SetName,
    /// The model that all trainings begin with.
    pub from: String,
    /// SHA-256 of all that decides about it: parameters, tokenizer, configuration, preprocessing.
    pub from_digest: String,
    /// SHA-256 of the examples.
    pub data_digest: String,
    /// Examples to train on.
    pub examples: usize,
    /// Examples that the figures are told on.
    pub test_examples: usize,
    /// Tokens after which texts are cut.
    pub tokens: Option<usize>,
    /// Runs that score.
    pub runs: usize,
    /// Epochs of a training on as many examples as there are.
    pub epochs: usize,
    /// Trainings of each way.
    pub seeds: u64,
    /// Share of the labels that are flipped in one arm.
    pub flipped: f64,
    /// Examples of a step.
    pub batch: usize,
    /// The largest learning rate of AdamW.
    pub rate: f64,
    /// Its weight decay.
    pub weight_decay: f32,
    /// Share of the steps over which the rate rises.
    pub warm_up: f64,
    /// Largest norm of the gradient.
    pub clip: f32,
    /// Parameters that do not learn.
    pub frozen: Vec<String>,
}

/// What was found on a data set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetResults {
    /// What was run.
    pub settings: Settings,
    /// Classes, by number.
    pub classes: Vec<String>,
    /// The scores with the labels as they are.
    pub clean: Scored,
    /// The scores with some labels flipped.
    pub flipped: Scored,
    /// The trainings that were compared.
    pub ways: Vec<Way>,
    /// How the flipped labels were found.
    pub noise: Noise,
    /// Some examples that no run was right about at every epoch.
    pub never: Vec<Example>,
    /// Some examples that all runs were right about at every epoch.
    pub always: Vec<Example>,
}

impl SetResults {
    /// Minutes of training.
    pub fn minutes(&self) -> f64 {
        let trained = self.ways.iter().flat_map(|way| &way.runs);
        let trained: f64 = trained.map(|run| run.seconds).sum();
        (trained + self.clean.seconds + self.flipped.seconds) / 60.0
    }

    /// The trainings of `arm` that are called `name` and take so long.
    pub fn way(&self, arm: Arm, name: &str, budget: Budget) -> Option<&Way> {
        self.ways
            .iter()
            .find(|way| (way.arm, &*way.name, way.budget) == (arm, name, budget))
    }
}

/// Which labels a training has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// As they are.
    Clean,
    /// A share of them flipped.
    Flipped,
}

impl Arm {
    /// For folders and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Flipped => "flipped",
        }
    }
}

/// How long a training takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// As many epochs as all: fewer examples are fewer steps.
    Epochs,
    /// As many steps as the epochs of all examples have.
    StepsOfAll,
    /// As many steps as the epochs of the winning ticket subset have.
    StepsOfTicket,
}

impl Budget {
    /// For a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::Epochs => "equal epochs",
            Self::StepsOfAll => "as many steps as all",
            Self::StepsOfTicket => "as few steps as ticket",
        }
    }
}

/// The scores of an arm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scored {
    /// Examples of each H, from 0 to the number of runs.
    pub histogram: Vec<usize>,
    /// Seconds that the runs took since each began or went on, summed over them.
    pub seconds: f64,
}

/// Trainings on the same examples, or on examples that are chosen in the same way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Way {
    /// Which labels they have.
    pub arm: Arm,
    /// What chose the examples.
    pub name: String,
    /// How long they take.
    pub budget: Budget,
    /// Examples.
    pub examples: usize,
    /// Their share of all.
    pub share: f64,
    /// The trainings.
    pub runs: Vec<Run>,
}

/// A training.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Its seed: of the new head, the order, and what is drawn.
    pub seed: u64,
    /// Share of the test examples whose class comes first, after the last step.
    pub top1: f64,
    /// Steps.
    pub steps: usize,
    /// SHA-256 of the places of its examples.
    pub examples: String,
    /// Seconds since it began or went on, beside other trainings.
    pub seconds: f64,
}

/// How flipped labels were found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Noise {
    /// How many there are.
    pub flipped: usize,
    /// How many of them have each H, from 0 to the number of runs.
    pub histogram: Vec<usize>,
    /// What may tell them from others.
    pub finders: Vec<Finder>,
}

/// A score that may tell flipped labels from others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finder {
    /// Its name.
    pub name: String,
    /// The area under the ROC curve: how often a flipped label is more suspicious than another.
    pub area: f64,
    /// Its 95 % interval (DeLong and others, 1988); none if all flipped labels are above all others, or none is.
    pub interval: Option<[f64; 2]>,
    /// Points of the curve: share of the examples that were looked at, the most suspicious first, and share of the flipped
    /// labels among them.
    pub curve: Vec<[f64; 2]>,
}

impl Finder {
    /// The area with its interval.
    pub fn shown(&self) -> String {
        let area = fixed(self.area, 3);
        match self.interval.map(|ends| ends.map(|end| fixed(end, 3))) {
            Some([low, high]) => format!("{area} ({low} to {high})"),
            None => area,
        }
    }
}

/// An example to be shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Example {
    /// Its place in the data.
    pub index: usize,
    /// Its class.
    pub class: String,
    /// What it is.
    pub shown: Shown,
}
