//! What the study found: the JSON file, and what the report is made of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::study::machine::Machine;

/// A whole study.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// What was run.
    pub settings: Settings,
    /// Where it was run.
    pub machine: Machine,
    /// Classes of the images, by number.
    pub classes: Vec<String>,
    /// The float GELU model that all students begin as.
    pub teacher: Score,
    /// The teacher made integer-only, once for each form of GELU.
    pub forms: Vec<Form>,
    /// The teacher with ReLU in all blocks and no training, as float model and integer-only.
    pub untrained: Pair,
    /// The ways to get to ReLU that were compared.
    pub arms: Vec<Arm>,
    /// What the MLPs' activations put out in each block, first to last.
    pub histograms: Vec<BlockHistogram>,
    /// Times with each activation.
    pub latency: Vec<Latency>,
    /// Pairs of classes that the claimed arm's first student mixes up, most frequent first.
    pub confusions: Vec<Confusion>,
    /// Images on which that student and the teacher differ.
    pub examples: Vec<Example>,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether this was the short run that shows no more than that everything works.
    pub quick: bool,
    /// File of the teacher.
    pub teacher: String,
    /// SHA-256 of that file.
    pub teacher_digest: String,
    /// The folder of the images, if they are not glyphs.
    pub data: Option<PathBuf>,
    /// What the images are, in words.
    pub images: String,
    /// SHA-256 of what decides about them: names, classes and sizes of the files, or how glyphs are rendered and from which
    /// fonts.
    pub images_digest: String,
    /// Students of each arm.
    pub seeds: u64,
    /// Images of a training epoch.
    pub epoch_images: usize,
    /// Epochs after the change of each block.
    pub step_epochs: usize,
    /// Epochs with all blocks changed.
    pub finish_epochs: usize,
    /// Images that students are validated on.
    pub validation_images: usize,
    /// Images that the figures are told on.
    pub test_images: usize,
    /// Images of the calibration.
    pub calibration_images: usize,
}

/// How good a model is on the test images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Share of the images whose class comes first.
    pub top1: f64,
    /// Share of the images on which it names the same class as the float teacher.
    pub agreement: f64,
}

/// A float model and the integer-only one made of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// As a float model.
    pub float: Score,
    /// Integer-only.
    pub integer: Score,
}

/// The teacher with one form of GELU.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Form {
    /// Name, as `intformer quantize --gelu` takes it.
    pub name: String,
    /// Its score.
    pub score: Score,
}

/// One way to get to ReLU.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arm {
    /// Short name, such as `last-to-first`.
    pub name: String,
    /// What is done, in a sentence.
    pub what: String,
    /// Whether this is the arm that the method's claim is about.
    pub claimed: bool,
    /// Its students.
    pub runs: Vec<ArmRun>,
}

/// One student.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ArmRun {
    /// Seed of order and batches.
    pub seed: u64,
    /// Top-1 on the validation images along the way.
    pub course: Vec<Point>,
    /// The student's scores.
    pub student: Pair,
    /// SHA-256 of the integer-only student's logits on the test images.
    pub digest: String,
    /// Seconds of training and validation.
    pub seconds: f64,
}

/// A place on the way of a student.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// `teacher`, the blocks that changed, or `finish`.
    pub label: String,
    /// Top-1 after the change, before training.
    pub before: f64,
    /// Top-1 after training.
    pub after: f64,
}

/// What the activation of one block puts out, over some test images.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BlockHistogram {
    /// The block, such as `layers.0.blocks.1`.
    pub block: String,
    /// Lower end of the first bin.
    pub low: f64,
    /// Upper end of the last bin.
    pub high: f64,
    /// Share of the teacher's values in each bin.
    pub teacher: Vec<f64>,
    /// Share of the student's values in each bin.
    pub student: Vec<f64>,
    /// Share of the student's values that are exactly zero.
    pub zeros: f64,
}

/// Times of one model on one executor at one batch size, measured in turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// The model, such as `swin-t` or `teacher`.
    pub model: String,
    /// The executor.
    pub executor: String,
    /// What it ran on.
    pub device: String,
    /// Images of a run.
    pub batch: usize,
    /// Rounds that were measured.
    pub rounds: usize,
    /// The activations; ReLU is the first.
    pub variants: Vec<VariantLatency>,
}

/// Times with one activation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VariantLatency {
    /// Name of the activation: `relu`, `table`, `i-gelu`, `shift-gelu`, `float`.
    pub activation: String,
    /// First quartile.
    pub q1_ms: f64,
    /// Median.
    pub median_ms: f64,
    /// Third quartile.
    pub q3_ms: f64,
    /// By what share ReLU takes less than this: lower end of the 95 % interval, median, upper end.
    pub saved: Option<[f64; 3]>,
}

/// How often one class was taken for another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// The true class.
    pub truth: String,
    /// The class that was named.
    pub named: String,
    /// How often by the student.
    pub student: usize,
    /// How often by the teacher.
    pub teacher: usize,
}

/// An image on which student and teacher differ.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Example {
    /// The true class.
    pub truth: String,
    /// What the teacher named.
    pub teacher: String,
    /// What the integer-only student named.
    pub student: String,
    /// Side of the image in pixels.
    pub side: usize,
    /// The image as a PNG file, in base64.
    pub png: String,
}
