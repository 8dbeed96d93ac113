//! `intformer eval`: how often a model is right.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::data::Dataset;
use rayon::prelude::*;
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, count, within},
    command::data::{GlyphArguments, Part},
    executor::{self, Choice, Runner},
    images::Batch,
    model::Model,
    reading::Reading,
};

/// Images that are read and run together.
const CHUNK: usize = 64;

/// Counts how often a model's first, and first five, classes hold the true one.
///
/// Example: intformer eval models/glyphs.safetensors --glyphs 5000
///
/// Example: intformer eval swin-t.safetensors --data imagenet/val --limit 5000
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    images: Images,
    /// What runs the model.
    #[arg(long, short, value_enum, default_value_t = Choice::Auto)]
    executor: Choice,
    /// Threads of the executors reference and cpu; all cores by default.
    #[arg(long, value_parser = within(1..=1024))]
    threads: Option<usize>,
}

/// The images to evaluate on.
#[derive(Args)]
pub struct Images {
    /// A folder of images with a sub-folder for each class. Classes are matched to the model's by
    /// name, by order if the model has no names.
    #[arg(long, required_unless_present = "glyphs", conflicts_with = "glyphs")]
    data: Option<PathBuf>,
    /// Renders so many images of letters and digits from fonts that training never sees.
    #[arg(long, value_name = "N", value_parser = count())]
    glyphs: Option<usize>,
    /// The share of the fonts that --glyphs renders from.
    #[arg(long, value_enum, default_value_t = Part::Test)]
    split: Part,
    #[command(flatten)]
    pub rendering: GlyphArguments,
    /// Takes so many images, spread evenly over the folder.
    #[arg(long, value_parser = count())]
    limit: Option<usize>,
}

/// How often a model was right.
pub struct Score {
    /// Images seen.
    pub images: usize,
    top1: usize,
    top5: usize,
}

impl Score {
    /// The share of the images whose class came first.
    pub fn top1(&self) -> f64 {
        self.top1 as f64 / self.images as f64
    }

    /// The share of the images whose class was among the first five.
    pub fn top5(&self) -> f64 {
        self.top5 as f64 / self.images as f64
    }
}

impl Options {
    /// Evaluates.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        let threads = self.threads.unwrap_or_else(rayon::current_num_threads);
        // Before the executor is opened: a wrong folder is a quick answer.
        let data = self.images.open(&model)?;
        let mut runner = executor::one(&model, self.executor, threads, globals)?;
        let score = self.images.score(&*data, &model, &mut runner, globals)?;

        let n = score.images;
        let text = format!(
            "{n} images on {}: top-1 {:.2} %, top-5 {:.2} %\n",
            runner.name,
            100.0 * score.top1(),
            100.0 * score.top5()
        );
        let json = json!({
            "n": n, "top1": score.top1(), "top5": score.top5(), "executor": runner.name,
        });
        Answer::new(text, &json)
    }
}

impl Images {
    /// Counts how often `model` is right on `data`, which [`Images::open`] gave, on `runner`.
    pub fn score(
        &self,
        data: &dyn Dataset,
        model: &Model,
        runner: &mut Runner,
        globals: &Globals,
    ) -> Result<Score> {
        let classes = matched(data.labels(), model)?;
        let indices = self.indices(data.len())?;
        let bar = globals.bar("evaluating", indices.len());
        let (mut top1, mut top5) = (0, 0);
        for chunk in indices.chunks(CHUNK) {
            let read = chunk.par_iter().map(|&index| data.get(0, index));
            let read = read.collect::<intformer::Result<Vec<_>>>()?;
            let (images, truths): (Vec<_>, Vec<_>) = read.into_iter().unzip();
            let logits = runner.logits(&Batch::new(&images))?;
            let logits = runner.real(&logits);
            for (row, truth) in logits.chunks(model.config().classes).zip(truths) {
                let place = place(row, classes[truth]);
                top1 += usize::from(place < 1);
                top5 += usize::from(place < 5);
            }
            bar.inc(chunk.len() as u64);
        }
        bar.finish_and_clear();
        let images = indices.len();
        Ok(Score { images, top1, top5 })
    }

    /// The data set.
    pub fn open(&self, model: &Model) -> Result<Box<dyn Dataset>> {
        match (&self.data, self.glyphs) {
            (Some(folder), _) => {
                let folder = intformer::data::ImageFolder::open(folder)?;
                let preprocessing = model.preprocessing().clone();
                Ok(Box::new(
                    folder.dataset(model.config().clone(), preprocessing),
                ))
            }
            (None, Some(count)) => {
                let [split] = self.rendering.splits([(self.split, count)])?;
                Ok(Box::new(split))
            }
            (None, None) => bail!("expected --data or --glyphs"),
        }
    }

    /// The images to take of `length`.
    fn indices(&self, length: usize) -> Result<Vec<usize>> {
        let count = self.limit.unwrap_or(length).min(length);
        if count == 0 {
            bail!("expected images to evaluate, found none");
        }
        Ok((0..count).map(|at| at * length / count).collect())
    }
}

/// The model's class for each of the data's.
fn matched(labels: &[String], model: &Model) -> Result<Vec<usize>> {
    let known = model.labels();
    if known.is_empty() {
        let classes = model.config().classes;
        if labels.len() > classes {
            bail!(
                "expected at most the model's {classes} classes, found {}",
                labels.len()
            );
        }
        return Ok((0..labels.len()).collect());
    }
    let find = |label: &String| {
        let position = known.iter().position(|name| name == label);
        position.with_context(|| format!("expected classes that the model has, found {label:?}"))
    };
    labels.iter().map(find).collect()
}

/// How many classes come before `class`: larger logits, and equal ones of lower classes.
fn place(logits: &[f64], class: usize) -> usize {
    let truth = logits[class];
    let before =
        |&(other, &logit): &(usize, &f64)| logit > truth || (logit == truth && other < class);
    logits.iter().enumerate().filter(before).count()
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn ties_go_to_the_lower_class() {
        let logits = [1.0, 3.0, 3.0, 2.0];
        let places: Vec<_> = (0..4).map(|class| place(&logits, class)).collect();
        assert_eq!(places, [3, 0, 1, 2]);
    }
}
