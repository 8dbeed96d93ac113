//! `intformer classify`: names for image files and texts.

use std::{
    fmt::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;
use intformer::{
    Pixels, likeliest,
    plan::{Hint, Look, OutputKind},
};
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, count},
    executor::{self, Choice, Logits, Runner},
    images,
    inputs::Inputs,
    model::Model,
    reading::Reading,
    texts::{self, Text, TextArguments, Window},
};

/// Names what is in image files, or of which class texts are.
///
/// Shows the likeliest classes with their probabilities, and for each executor the time and the
/// digest of the logits. An image of one colour, or one unlike those that the model was calibrated
/// on, comes with a hint (docs/images.md). With several executors, differing digests are a failed check (exit
/// code 1).
///
/// Example: intformer classify models/glyphs.safetensors models/samples/*.png --executor all
///
/// Example: intformer classify questions.safetensors --text "Who wrote it?" --text "How far is it?"
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// The image files, for a model that takes images.
    images: Vec<PathBuf>,
    #[command(flatten)]
    texts: TextArguments,
    /// What runs the model; several are separated by commas.
    #[arg(long, short, value_enum, value_delimiter = ',', default_value = "auto")]
    executor: Vec<Choice>,
    /// How many classes to show.
    #[arg(long, short = 'k', default_value_t = 5, value_parser = count())]
    top: usize,
}

/// What is classified.
struct Subjects {
    /// What each is called: its file, or the text itself.
    names: Vec<String>,
    /// Of each text, how many tokens were cut.
    cut: Vec<usize>,
    /// Which part of which text each is, if they are taken apart.
    windows: Vec<Option<Window>>,
    inputs: Inputs,
}

impl Subjects {
    fn kind(&self) -> &'static str {
        match self.inputs {
            Inputs::Images(_) => "images",
            Inputs::Texts(_) => "texts",
        }
    }
}

/// One item on one executor.
struct Run {
    logits: Logits,
    time: Duration,
}

impl Options {
    /// Runs the model on every item.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        model.classifier()?;
        let subjects = self.subjects(&model, globals)?;
        let inputs = &subjects.inputs;
        let mut runners = executor::several(&model, &self.executor, 1, globals)?;
        // The first run of an executor sets up what later ones find.
        for runner in &mut runners {
            runner.logits(&inputs.some(0..1))?;
        }

        let bar = globals.bar("classifying", inputs.len() * runners.len());
        let mut results = Vec::new();
        for at in 0..inputs.len() {
            let batch = inputs.some(at..at + 1);
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
        self.answer(&model, &runners, &subjects, &results)
    }

    /// What is classified.
    fn subjects(&self, model: &Model, globals: &Globals) -> Result<Subjects> {
        if model.config().cells().is_some() {
            bail!(
                "expected a model with classes of whole items, found one with classes of parts of images: `intformer \
                 segment` shows them"
            );
        }
        if model.config().output_kind() != OutputKind::Logits {
            bail!(
                "expected a model with classes of whole items, found one with classes of tokens: `intformer logits` \
                 gives what it puts out"
            );
        }
        if self.texts.is_empty() && self.images.is_empty() {
            bail!("expected image files, or texts (--text or --text-file), found none");
        }
        if self.texts.is_empty() {
            let images = images::read(&self.images, model)?;
            let names = self.images.iter().map(|file| file.display().to_string());
            return Ok(Subjects {
                names: names.collect(),
                cut: Vec::new(),
                windows: Vec::new(),
                inputs: Inputs::Images(images),
            });
        }
        if !self.images.is_empty() {
            bail!("expected image files or texts, found both");
        }
        let texts = self.texts.read(model, globals)?;
        let cut = texts.iter().map(|text| text.whole - text.tokens.len());
        Ok(Subjects {
            cut: cut.collect(),
            windows: texts.iter().map(|text| text.window).collect(),
            inputs: Inputs::Texts(texts::tokens(&texts)),
            names: texts.iter().map(Text::name).collect(),
        })
    }

    fn answer(
        &self,
        model: &Model,
        runners: &[Runner],
        subjects: &Subjects,
        results: &[Vec<Run>],
    ) -> Result<Answer> {
        let mut text = String::new();
        let mut list = Vec::new();
        let mut equal = true;
        for (at, (name, runs)) in subjects.names.iter().zip(results).enumerate() {
            let top = self.likeliest(model, &runners[0], &runs[0]);
            writeln!(text, "{name}: {}", top[0].0)?;
            let look = match &subjects.inputs {
                Inputs::Images(images) => Some(look(model, &images[at], &runs[0].logits)),
                Inputs::Texts(_) => None,
            };
            if let Some(hint) = look.and_then(|look| look.hint()) {
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
            let top = top.collect::<Vec<_>>();
            list.push(match look {
                Some(look) => json!({
                    "file": name, "top": top, "executors": executors,
                    "spread": look.spread,
                    "typicality": look.typicality,
                    "hint": look.hint().map(Hint::word),
                }),
                None => {
                    let mut one = json!({
                        "text": name, "top": top, "executors": executors,
                        "cut": subjects.cut.get(at),
                    });
                    if let Some(Some(window)) = subjects.windows.get(at) {
                        one["window"] = json!(window);
                    }
                    one
                }
            });
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
                "{verdict}: {} {}, {} executors",
                results.len(),
                subjects.kind(),
                runners.len()
            )?;
        }
        let mut json = json!({ "equal": equal });
        json[subjects.kind()] = list.into();
        Ok(Answer::new(text, &json)?.check(Some(equal)))
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
