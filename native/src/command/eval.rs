//! `intformer eval`: how often a model is right.

use std::{path::PathBuf, slice};

use anyhow::Result;
use clap::Args;
use intformer::data::{Findings, Split, unread};
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, within},
    command::{
        dense,
        labelled::{Examples, Found, Taken},
        passed_over,
    },
    executor::{self, Choice, Runner, threads},
    model::Model,
    reading::Reading,
    texts::Column,
};

/// Images or texts that are read and run together.
const CHUNK: usize = 64;

/// Counts how often a model's first, and first five, classes hold the true one.
///
/// Files that cannot be read are passed over, counted and named; only images that were read count.
/// The JSON says so as well (skipped, left_out, empty, without_class), which part of the folder was
/// read, and what matched its classes to the model's (matched: file, names, alike-names, wordnet-ids,
/// numbers, string-order or natural-order). docs/datasets.md has the rule.
///
/// Example: intformer eval models/glyphs.safetensors --glyphs 5000
///
/// Example: intformer eval swin-t.safetensors --data imagenet/val --limit 5000
///
/// Example: intformer eval swin-t.safetensors --data photos --classes photos.json
///
/// Of a model of texts, --data takes a table, .csv, .tsv, .jsonl or .parquet, whose columns --column and --label-column
/// have the texts and their classes.
///
/// Example: intformer eval questions.safetensors --data test.csv --column question --label-column kind
///
/// Of a dense model, --masks takes a folder of images with masks (docs/dense.md); what is counted are pixels, and the intersection
/// over union of each class. An image or a mask that cannot be read ends it.
///
/// Example: intformer eval scenes.safetensors --masks scenes
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    mut_arg("data", |arg| arg.required_unless_present("masks"))
)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// What runs the model.
    #[arg(long, short, value_enum, default_value_t = Choice::Auto)]
    executor: Choice,
    /// Threads of the executors reference and cpu, at most; all cores by default.
    #[arg(long, value_parser = within(1..=1024))]
    threads: Option<usize>,
    #[command(flatten)]
    column: Column,
    #[command(flatten)]
    examples: Examples,
    /// A folder of images with masks, for a dense model; of train, val and test it reads val, or else test, unless --split
    /// says which.
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["data", "glyphs", "strict", "classes", "class_order", "label_column"]
    )]
    masks: Option<PathBuf>,
}

/// How often a model was right.
pub struct Score {
    /// Images or texts seen.
    pub seen: usize,
    /// Which of both, in a word.
    pub kind: &'static str,
    /// What was passed over.
    pub findings: Findings,
    top1: usize,
    top5: usize,
}

impl Score {
    /// The share of the images whose class came first.
    pub fn top1(&self) -> f64 {
        self.top1 as f64 / self.seen as f64
    }

    /// The share of the images whose class was among the first five.
    pub fn top5(&self) -> f64 {
        self.top5 as f64 / self.seen as f64
    }
}

impl Options {
    /// Evaluates.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        model.classifier()?;
        let threads = threads::count(self.threads, rayon::current_num_threads())?;
        if let Some(folder) = &self.masks {
            dense::cells(&model)?;
            let mut runner = executor::one(&model, self.executor, threads, globals)?;
            threads::check(slice::from_ref(&runner), self.threads, &[])?;
            let splits = match self.examples.split {
                Some(part) => vec![part.split()],
                None => vec![Split::Validation, Split::Test],
            };
            let limit = self.examples.limit;
            return dense::evaluate(&model, &mut runner, folder, &splits, limit, globals);
        }
        // Before the executor is opened: a wrong folder is a quick answer.
        let data = self
            .examples
            .open(&model, &self.column, &Taken::EVALUATION, globals)?;
        let mut runner = executor::one(&model, self.executor, threads, globals)?;
        threads::check(slice::from_ref(&runner), self.threads, &[])?;
        data.announce(globals);
        let score = self.examples.score(&data, &model, &mut runner, globals)?;

        let (n, kind) = (score.seen, score.kind);
        let (rule, part) = data.told();
        let text = format!(
            "{n} {kind} on {}: top-1 {:.2} %, top-5 {:.2} %\n{}",
            runner.name,
            100.0 * score.top1(),
            100.0 * score.top5(),
            passed_over::text(&score.findings)
        );
        let json = json!({
            "n": n, "top1": score.top1(), "top5": score.top5(), "executor": runner.name,
            "matched": rule, "part": part,
        });
        let json = passed_over::told(json, &score.findings);
        Answer::new(text, &json)
    }
}

impl Examples {
    /// Counts how often `model` is right on `found`, which [`Examples::open`] gave, on `runner`.
    pub fn score(
        &self,
        found: &Found,
        model: &Model,
        runner: &mut Runner,
        globals: &Globals,
    ) -> Result<Score> {
        let mut findings = found.findings();
        let bar = globals.bar("evaluating", found.places().len());
        let (mut top1, mut top5, mut seen) = (0, 0, 0);
        for chunk in found.places().chunks(CHUNK) {
            let (inputs, truths) = found.read(chunk, self.strict, &mut findings.skipped)?;
            bar.inc(chunk.len() as u64);
            if truths.is_empty() {
                continue;
            }
            let logits = runner.logits(&inputs.items())?;
            seen += truths.len();
            let logits = runner.real(&logits);
            for (row, class) in logits.chunks(model.config().classes()).zip(truths) {
                let place = place(row, class);
                top1 += usize::from(place < 1);
                top5 += usize::from(place < 5);
            }
        }
        bar.finish_and_clear();
        if seen == 0 {
            return Err(unread(&findings.skipped).into());
        }
        Ok(Score {
            seen,
            kind: found.kind(),
            findings,
            top1,
            top5,
        })
    }
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
