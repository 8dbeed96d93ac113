//! What the study found: the JSON file, and what the report is made of.

use intformer::method::prune::PrunedBlock;
use serde::{Deserialize, Serialize};

use super::tasks::{Arm, CLAIM, Task};
use crate::study::{bootstrap::Rights, examples::Shown, machine::Machine};

/// A whole study.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// Where it was run.
    pub machine: Machine,
    /// What was found of each task.
    pub tasks: Vec<TaskResults>,
}

/// What was run of a task. Which arms is not among it: others may follow in the same folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether this was the short run that shows no more than that everything works.
    pub quick: bool,
    /// The task.
    pub task: Task,
    /// The model that is trained further or taken as it is; none of one that is trained from nothing.
    pub from: String,
    /// SHA-256 of all that decides about it: parameters, tokenizer, configuration, preprocessing.
    pub from_digest: String,
    /// SHA-256 of the examples.
    pub data_digest: String,
    /// Examples to train on, of which those that prune are drawn.
    pub examples: usize,
    /// Examples of the test.
    pub test_examples: usize,
    /// Tokens after which texts are cut.
    pub tokens: Option<usize>,
    /// Shares of the multiply-adds, falling.
    pub shares: Vec<f64>,
    /// Draws of the examples that prune.
    pub seeds: u64,
    /// How many examples prune, where that is varied.
    pub sizes: Vec<usize>,
    /// Epochs of the model's training.
    pub epochs: usize,
    /// Its largest learning rate.
    pub rate: f64,
    /// Parameters that do not learn.
    pub frozen: Vec<String>,
}

/// What was found of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskResults {
    /// What was run.
    pub settings: Settings,
    /// The model that is pruned.
    pub whole: Whole,
    /// What came of each arm.
    pub arms: Vec<ArmResults>,
    /// Times of the integer-only models of one arm.
    pub times: Vec<Times>,
    /// Test examples that the whole model is right about, and not the one that OPTIN leaves.
    pub lost: Vec<Example>,
}

/// The model that is pruned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// Right answers on the test.
    pub score: Score,
    /// Made integer-only.
    pub integer: Integer,
    /// Multiply-accumulates; of a text as long as those of the test are on average.
    pub macs: u64,
    /// Elements of all parameters.
    pub parameters: usize,
}

/// Right answers on the test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Score(pub Vec<bool>);

impl From<String> for Score {
    fn from(text: String) -> Self {
        Self(text.bytes().map(|byte| byte == b'1').collect())
    }
}

impl From<Score> for String {
    fn from(score: Score) -> Self {
        let digit = |right: &bool| if *right { '1' } else { '0' };
        score.0.iter().map(digit).collect()
    }
}

impl Score {
    /// The share of right answers.
    pub fn top1(&self) -> f64 {
        let right = self.0.iter().filter(|right| **right).count();
        right as f64 / self.0.len() as f64
    }
}

/// A model made integer-only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Integer {
    /// Right answers on the test.
    pub score: Score,
    /// SHA-256 of the test's logits, on the executor `cpu`.
    pub digest: String,
    /// Steps of its plan.
    pub steps: usize,
}

/// What came of an arm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArmResults {
    /// The arm.
    pub arm: Arm,
    /// Its models with as many examples as the method takes.
    pub cells: Vec<Cell>,
    /// Its models with other numbers of them, to [`CLAIM`].
    pub sizes: Vec<Cell>,
}

/// A model that was pruned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Seed of the examples that it was pruned by, and of what is drawn.
    pub seed: u64,
    /// The share of the multiply-accumulates that was asked for.
    pub share: f64,
    /// Examples that it was pruned by.
    pub items: usize,
    /// The share that is left.
    pub macs: f64,
    /// The share of the parameters that is left.
    pub parameters: f64,
    /// Right answers on the test.
    pub score: Score,
    /// Made integer-only, of some.
    pub integer: Option<Integer>,
    /// Each block before and after.
    pub blocks: Vec<PrunedBlock>,
    /// Passes of a batch that it took; of a method that keeps scores, in the first share alone.
    pub passes: u64,
    /// Seconds that it took beside other work, of the same.
    pub seconds: f64,
}

impl Cell {
    /// Layers that lost all their heads or all their channels.
    pub fn emptied(&self) -> usize {
        let layers = self
            .blocks
            .iter()
            .flat_map(|block| [block.heads, block.hidden]);
        layers
            .filter(|[before, after]| *before > 0 && *after == 0)
            .count()
    }
}

impl TaskResults {
    /// The models of `arm` at `share`.
    pub fn cells(&self, arm: Arm, share: f64) -> Vec<&Cell> {
        let arm = self.arms.iter().find(|found| found.arm == arm);
        let cells = arm.into_iter().flat_map(|arm| &arm.cells);
        cells.filter(|cell| cell.share == share).collect()
    }

    /// Right answers of the models of `arm` at [`CLAIM`], if there are any.
    pub fn claimed(&self, arm: Arm) -> Option<Rights> {
        let cells = self.cells(arm, CLAIM);
        let rights = cells.iter().map(|cell| cell.score.0.clone());
        Some(rights.collect::<Rights>()).filter(|rights| !rights.is_empty())
    }

    /// Right answers of the whole model.
    pub fn whole(&self) -> Rights {
        vec![self.whole.score.0.clone()]
    }
}

/// Times of models of several shares on an executor, in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// The executor.
    pub executor: String,
    /// What it ran on.
    pub device: String,
    /// Its threads.
    pub threads: usize,
    /// Items at once.
    pub batch: usize,
    /// Tokens of each text.
    pub tokens: Option<usize>,
    /// Times that were taken of each.
    pub rounds: usize,
    /// The whole model first.
    pub models: Vec<Time>,
}

/// The time of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// The share of the multiply-accumulates that was asked for; 1 of the whole model.
    pub share: f64,
    /// Milliseconds of a run: first quartile, median, third quartile.
    pub quartiles_ms: [f64; 3],
    /// The median, over rounds, of its time over that of the whole model.
    pub ratio: f64,
}

/// An example to be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Its class.
    pub class: String,
    /// What the pruned model says.
    pub answer: String,
    /// What it is.
    pub shown: Shown,
}
