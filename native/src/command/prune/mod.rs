//! `intformer prune`: a smaller model, without training.

mod items;
pub mod method;
mod outcome;
mod time_table;

use std::{fmt::Write, ops::ControlFlow, path::PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use intformer::{
    checkpoint,
    method::prune::{Items, PruneEvent, PruneOptions, Trajectory, prune},
};
use serde_json::json;

use self::{
    method::Method,
    outcome::{Kept, peak_memory, text},
    time_table::TimeBudget,
};
use crate::{
    answer::Answer,
    cli::{self, Globals, within},
    command::{labelled::Examples, passed_over},
    inputs::Inputs,
    reading::Reading,
    texts::Column,
};

/// Cuts attention heads and hidden channels out of a float model, without training.
///
/// What is worth least goes until the multiply-adds are within the budget; the file is of a smaller model
/// that is trained, quantized and run like any other. docs/methods/pruning.md says what each method does.
///
/// Of a folder with parts, --data reads train. Some of the images or texts are drawn by --seed.
///
/// Example: intformer prune swin-t.safetensors --data photos --flops 0.6 --out pruned.safetensors
///
/// Example: intformer prune questions.safetensors --data train.csv --method kwon --out pruned.safetensors
///
/// Example: intformer prune vit.safetensors --data photos --tokens 0.5 --flops 0.5 --out pruned.safetensors
///
/// Example: intformer prune reactions --unlabelled reactions.txt --method fisher --out pruned.safetensors
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    mut_arg("data", |arg| arg.required_unless_present_any(["unlabelled", "masks"]).help(
        "A table of texts; or a folder of images with a sub-folder for each class, or one that holds such folders as \
         parts, of which it reads train. Classes are matched to the model's as in `intformer eval`"
    ).long_help(None)),
    mut_arg("glyphs", |arg| arg.help(
        "Renders so many images of letters and digits and draws of them"
    )),
    mut_arg("split", |arg| arg.help(
        "The part of --data to read, or the share of the fonts that --glyphs renders from (by default train)"
    ).long_help(None)),
    mut_arg("limit", |arg| arg.help(
        "Draws so many images or texts; by default 32 for optin, 256 for greedy and 512 for the others"
    ))
)]
pub struct Options {
    /// The float model: a file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// The file of the pruned model, ending in .safetensors.
    #[arg(long, short)]
    out: PathBuf,
    /// Multiply-adds of the pruned model over those of the model; of texts as long as those of --data are on average.
    #[arg(long, value_name = "SHARE", default_value_t = 0.6)]
    flops: f64,
    /// How much of the reduction a Vision Transformer gets by leaving patches out on the way, the same for all images, from
    /// 0 to 1; the rest by heads and channels.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.0,
        conflicts_with = "time"
    )]
    tokens: f64,
    /// How the worth of a head or a channel is told.
    #[arg(long, value_enum, default_value_t = Method::Optin)]
    method: Method,
    /// The folder of the scores that optin and greedy have found; by default the model's file with the ending .prune.
    /// It goes when the model is written.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Goes on from the state of an earlier run, if there is one.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    column: Column,
    /// Images or texts without classes, as for `intformer quantize --calib`, in place of --data: the model's own answers are
    /// the classes. They are spread evenly over what is there, not drawn.
    #[arg(long, value_name = "DIR | FILE | LIST.txt | glyphs:N", conflicts_with_all = ["data", "glyphs", "split", "masks"])]
    unlabelled: Vec<String>,
    #[command(flatten)]
    examples: Examples,
    /// A folder of images with masks, for a dense model, of which it reads the part train.
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["data", "glyphs", "strict", "classes", "class_order", "label_column"]
    )]
    masks: Option<PathBuf>,
    #[command(flatten)]
    details: Details,
    #[command(flatten)]
    budget: TimeBudget,
}

/// How a method goes about it.
#[derive(Args)]
#[command(next_help_heading = "Method")]
struct Details {
    /// Steps to the budget, with what is left scored anew in each; 4 for greedy, 1 for the others.
    #[arg(long, value_parser = within(1..=1000))]
    rounds: Option<usize>,
    /// Chooses anew in each layer by how gradients go together; of the method fisher.
    #[arg(long)]
    rearrange: bool,
    /// Scales what stays, layer by layer, to make up for what went; the factors go into the weights.
    #[arg(long)]
    tune: bool,
    /// Images or texts that run at once, texts of similar lengths; optin compares those of a batch with each other.
    /// By default 8 for optin and greedy, 32 for the others.
    #[arg(long, value_parser = within(1..=65536))]
    batch: Option<usize>,
    /// Seed of what is drawn.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Tokens of a batch whose products optin compares, at most; by default 768.
    #[arg(long, value_parser = within(2..=65536))]
    rows: Option<usize>,
    /// What the logits count in optin over what the layers count; by default 0.1.
    #[arg(long)]
    lambda: Option<f64>,
    /// Temperature of the logits in optin; by default 4.
    #[arg(long)]
    temperature: Option<f64>,
    /// optin as the published code does it, which is not what the paper says.
    #[arg(long)]
    as_released: bool,
}

impl Options {
    /// Scores, cuts and saves.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        cli::check_weights_file(&self.out)?;
        let mut options = self.options()?;
        match self.budget.time {
            Some(time) => self.budget.check(time, options.rounds)?,
            None => options.validate()?,
        }
        let model = self.reading.float(&self.model, globals)?;
        let (inputs, classes, findings) = match (&self.masks, self.unlabelled.is_empty()) {
            (Some(folder), _) => self.masked(&model, folder, globals)?,
            (None, true) => self.labelled(&model, globals)?,
            (None, false) => self.answered(&model, globals)?,
        };
        let kind = match inputs {
            Inputs::Images(_) => "images",
            Inputs::Texts(_) => "texts",
        };
        let inputs = inputs.items();
        let items = Items::new(inputs.samples(), &classes)?;
        if self.budget.time.is_some() {
            let table = self.budget.table(&model.config, items.tokens(), globals)?;
            options.times = Some(table);
        }
        let mut bar = globals.bar("scoring", 1);
        let mut ui = |event| {
            match event {
                PruneEvent::Begin(_, units) => {
                    bar.finish_and_clear();
                    bar = globals.bar("scoring", units);
                }
                PruneEvent::Scored(units) => bar.inc(units as u64),
                _ => {}
            }
            ControlFlow::Continue(())
        };
        let (pruned, report) = prune(&options, &model, items, &mut ui)?;
        bar.finish_and_clear();
        checkpoint::save(&pruned, &self.out)?;
        if let Some(state) = options.state.filter(|state| state.exists()) {
            std::fs::remove_file(state.join("scores.json"))?;
            // What else is in a folder that was named is not this run's.
            let _ = std::fs::remove_dir(state);
        }
        let memory = peak_memory();
        let kept = Kept::of(&model, &pruned, items, self.unlabelled.is_empty())?;
        let mut text = text(&report, kind, &kept)?;
        if let Some(memory) = memory {
            writeln!(text, "peak memory: {:.2} GB", memory as f64 / 1e9)?;
        }
        writeln!(text, "{}", self.out.display())?;
        text += &passed_over::text(&findings);
        let json =
            json!({ "report": report, "kept": kept, "peak_memory": memory, "out": self.out });
        Answer::new(text, &passed_over::told(json, &findings))
    }

    fn options(&self) -> Result<PruneOptions> {
        let (method, details) = (self.method, &self.details);
        let keeps_state = method.keeps_state();
        let usual = method.options(self.budget.time.unwrap_or(self.flops));
        let given = [
            ("--state", self.state.is_some(), keeps_state),
            ("--resume", self.resume, keeps_state),
            ("--rows", details.rows.is_some(), method == Method::Optin),
            (
                "--lambda",
                details.lambda.is_some(),
                method == Method::Optin,
            ),
            (
                "--temperature",
                details.temperature.is_some(),
                method == Method::Optin,
            ),
            (
                "--as-released",
                details.as_released,
                method == Method::Optin,
            ),
        ];
        if let Some((option, ..)) = given.iter().find(|(_, given, takes)| *given && !takes) {
            bail!("expected no {option} with this method, which has no use for it, found one");
        }
        let state = match &self.state {
            Some(folder) => folder.clone(),
            None => self.out.with_extension("prune"),
        };
        if keeps_state && !self.resume && state.join("scores.json").exists() {
            bail!(
                "expected no earlier run in {}, found one: --resume goes on with it, --state names another folder",
                state.display()
            );
        }
        Ok(PruneOptions {
            // Times are of the whole model's layers.
            rounds: details.rounds.unwrap_or(match self.budget.time {
                None => usual.rounds,
                Some(_) => 1,
            }),
            tokens: self.tokens,
            rearrange: usual.rearrange || details.rearrange,
            tune: usual.tune || details.tune,
            batch: details.batch.unwrap_or(usual.batch),
            seed: details.seed,
            trajectory: Trajectory {
                rows: details.rows.unwrap_or(usual.trajectory.rows),
                lambda: details.lambda.unwrap_or(usual.trajectory.lambda),
                temperature: details.temperature.unwrap_or(usual.trajectory.temperature),
                as_released: details.as_released,
            },
            state: keeps_state.then_some(state),
            ..usual
        })
    }
}
