//! `intformer twins`: what quantization costs a float model and its rescaled twins.

use std::fmt::Write;

use anyhow::Result;
use clap::Args;
use intformer::{FloatModel, rescale};
use serde::Serialize;
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, within},
    command::{
        eval::Score,
        labelled::{Examples, Found, Taken},
        passed_over,
        quantize::Method,
        shown::Shown,
    },
    executor::{self, Choice},
    model::Model,
    reading::Reading,
};

/// Calibration images that are taken of a folder.
const CALIBRATION: usize = 512;

/// Quantizes a float model and rescaled twins of it, and compares how often they are right.
///
/// A twin is the same function with other ranges inside (see `intformer rescale`). The model and
/// each twin are quantized in the same way, with the same calibration images, and evaluated as
/// float and as integer model on the same images. Nothing is written.
///
/// Example: intformer twins glyphs-float.safetensors --twins 3 --calib glyphs:512 --glyphs 5000
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The float model: a file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// How many twins; their seeds are 0, 1 and so on.
    #[arg(long, default_value_t = 3, value_parser = within(1..=1000))]
    twins: usize,
    /// The largest factor of a twin, as for `intformer rescale`.
    #[arg(long, default_value_t = 64.0)]
    by: f64,
    /// What runs the integer models.
    #[arg(long, short, value_enum, default_value_t = Choice::Auto)]
    executor: Choice,
    #[command(flatten)]
    method: Method,
    #[command(flatten)]
    examples: Examples,
}

/// The shares of right first answers of the model or of a twin.
#[derive(Serialize)]
struct Row {
    /// The seed of a twin; none for the model itself.
    seed: Option<usize>,
    float: f64,
    integer: f64,
    /// `integer` less `float`.
    difference: f64,
    /// `integer` less that of the model itself.
    from_original: f64,
}

impl Options {
    /// Makes, quantizes and evaluates.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = self.reading.float(&self.model, globals)?;
        // A factor out of its range is a quick answer.
        rescale(&mut model.clone(), self.by, 0)?;
        // So is a folder that does not fit.
        let found = self.examples.open(
            &Model::Float(Box::new(model.clone())),
            &self.method.column,
            &Taken::EVALUATION,
            globals,
        )?;
        let rendering = &self.examples.rendering;
        let strict = self.examples.strict;
        let shown = self
            .method
            .shown(&model, rendering, CALIBRATION, 0, strict)?;
        found.announce(globals);
        let mut rows: Vec<Row> = Vec::new();
        let mut seen = None;
        for seed in std::iter::once(None).chain((0..self.twins).map(Some)) {
            let mut twin = model.clone();
            if let Some(seed) = seed {
                globals.note(&format!("twin {seed}"));
                rescale(&mut twin, self.by, seed as u64)?;
            }
            let [float, integer] = self.scores(twin, &shown, &found, globals)?;
            let (float_top1, integer) = (float.top1(), integer.top1());
            seen = Some(float);
            rows.push(Row {
                seed,
                float: float_top1,
                integer,
                difference: integer - float_top1,
                from_original: integer - rows.first().map_or(integer, |row| row.integer),
            });
        }
        let (seen, kind, mut findings) = seen.map_or_else(Default::default, |score| {
            (score.seen, score.kind, score.findings)
        });
        findings.extend(shown.findings);
        let text = text(&rows, seen, kind)? + &passed_over::text(&findings);
        let json = json!({ "n": seen, "by": self.by, "results": rows });
        Answer::new(text, &passed_over::told(json, &findings))
    }

    /// The scores of `model` and of the integer model made of it.
    fn scores(
        &self,
        model: FloatModel,
        shown: &Shown,
        found: &Found,
        globals: &Globals,
    ) -> Result<[Score; 2]> {
        let quantized = self.method.quantize(&model, shown, globals)?;
        let float = self.score(
            &Model::Float(Box::new(model)),
            Choice::Float,
            found,
            globals,
        )?;
        let quantized = Model::of(quantized)?;
        let integer = self.score(&quantized, self.executor, found, globals)?;
        Ok([float, integer])
    }

    fn score(
        &self,
        model: &Model,
        choice: Choice,
        found: &Found,
        globals: &Globals,
    ) -> Result<Score> {
        let threads = rayon::current_num_threads();
        let mut runner = executor::one(model, choice, threads, globals)?;
        self.examples.score(found, model, &mut runner, globals)
    }
}

fn text(rows: &[Row], seen: usize, kind: &str) -> Result<String> {
    let mut text = format!("top-1 in % of {seen} {kind}\n");
    writeln!(
        text,
        "{:<10} {:>8} {:>8} {:>11} {:>14}",
        "", "float", "integer", "difference", "from original"
    )?;
    for row in rows {
        let name = match row.seed {
            None => "original".to_owned(),
            Some(seed) => format!("twin {seed}"),
        };
        writeln!(
            text,
            "{name:<10} {:>8.2} {:>8.2} {:>+11.2} {:>+14.2}",
            100.0 * row.float,
            100.0 * row.integer,
            100.0 * row.difference,
            100.0 * row.from_original
        )?;
    }
    Ok(text)
}
