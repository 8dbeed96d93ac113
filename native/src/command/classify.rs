//! `intformer classify`: names for image files.

use std::{
    fmt::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;
use intformer::{
    Pixels, likeliest,
    plan::{Hint, Look},
};
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, count},
    executor::{self, Choice, Logits, Runner},
    images::{self, ImageBatch},
    model::Model,
    reading::Reading,
};

/// Names what is in image files.
///
/// Shows the likeliest classes with their probabilities, and for each executor the time and the
/// digest of the logits. An image of one colour, or one unlike those that the model was calibrated
/// on, comes with a hint (docs/images.md). With several executors, differing digests are a failed check (exit
/// code 1).
///
/// Example: intformer classify models/glyphs.safetensors models/samples/*.png --executor all
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// The image files.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// What runs the model; several are separated by commas.
    #[arg(long, short, value_enum, value_delimiter = ',', default_value = "auto")]
    executor: Vec<Choice>,
    /// How many classes to show.
    #[arg(long, short = 'k', default_value_t = 5, value_parser = count())]
    top: usize,
}

/// One image on one executor.
struct Run {
    logits: Logits,
    time: Duration,
}

impl Options {
    /// Runs the model on every image.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        model.classifier()?;
        let images = images::read(&self.images, &model)?;
        let mut runners = executor::several(&model, &self.executor, 1, globals)?;
        // The first run of an executor sets up what later ones find.
        for runner in &mut runners {
            runner.logits(&ImageBatch::new(&images[..1]))?;
        }

        let bar = globals.bar("classifying", images.len() * runners.len());
        let mut results = Vec::new();
        for image in &images {
            let batch = ImageBatch::new(std::slice::from_ref(image));
            let mut runs = Vec::new();
            for runner in &mut runners {
                let start = Instant::now();
                let logits = runner.logits(&batch)?;
                runs.push(Run {
                    logits,
                    time: start.elapsed(),
                });
                bar.inc(1);
            }
            results.push(runs);
        }
        bar.finish_and_clear();
        self.answer(&model, &runners, &images, &results)
    }

    fn answer(
        &self,
        model: &Model,
        runners: &[Runner],
        images: &[Pixels],
        results: &[Vec<Run>],
    ) -> Result<Answer> {
        let mut text = String::new();
        let mut list = Vec::new();
        let mut equal = true;
        for ((file, pixels), runs) in self.images.iter().zip(images).zip(results) {
            let top = self.likeliest(model, &runners[0], &runs[0]);
            writeln!(text, "{}: {}", file.display(), top[0].0)?;
            let look = look(model, pixels, &runs[0].logits);
            if let Some(hint) = look.hint() {
                writeln!(text, "  {}", hint.sentence())?;
            }
            for (name, probability) in &top {
                let bar = "█".repeat((probability * 30.0).round() as usize);
                writeln!(text, "  {name:<24} {:5.1} %  {bar}", 100.0 * probability)?;
            }
            let mut executors = Vec::new();
            for (runner, run) in runners.iter().zip(runs) {
                let (milliseconds, digest) = (1e3 * run.time.as_secs_f64(), run.logits.digest());
                writeln!(
                    text,
                    "  {:<10} {milliseconds:8.2} ms  {digest}",
                    runner.name
                )?;
                executors.push(json!({
                    "name": runner.name, "ms": milliseconds, "digest": digest,
                }));
            }
            equal &= runs
                .iter()
                .all(|run| run.logits.digest() == runs[0].logits.digest());
            let top = top
                .iter()
                .map(|(name, probability)| json!({ "label": name, "probability": probability }));
            list.push(json!({
                "file": file, "top": top.collect::<Vec<_>>(), "executors": executors,
                "spread": look.spread,
                "typicality": look.typicality,
                "hint": look.hint().map(Hint::word),
            }));
        }
        writeln!(text)?;
        for runner in runners {
            writeln!(text, "{:<10} {}", runner.name, runner.device())?;
        }
        if runners.len() > 1 {
            let verdict = if equal {
                "all digests agree"
            } else {
                "DIGESTS DIFFER"
            };
            writeln!(
                text,
                "{verdict}: {} images, {} executors",
                results.len(),
                runners.len()
            )?;
        }
        Ok(Answer::new(text, &json!({ "images": list, "equal": equal }))?.check(Some(equal)))
    }

    /// The likeliest classes with their probabilities, the likeliest first.
    fn likeliest(&self, model: &Model, runner: &Runner, run: &Run) -> Vec<(String, f64)> {
        let top = likeliest(&runner.real(&run.logits), self.top).into_iter();
        top.map(|likely| (model.label(likely.class), likely.probability))
            .collect()
    }
}

/// What there is to say of an image beside its classes; float logits are compared with none.
fn look(model: &Model, pixels: &Pixels, logits: &Logits) -> Look {
    match (model, logits) {
        (Model::Compressed(compressed), Logits::Integer(logits)) => Look::of(
            &pixels.data,
            pixels.channels,
            logits,
            compressed.model.typical.as_ref(),
        ),
        #[cfg(feature = "float")]
        _ => Look::of(&pixels.data, pixels.channels, &[], None),
    }
}
