//! `intformer prune`: a smaller model, without training.

pub mod method;
mod time_table;

use std::{
    fmt::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::Args;
use intformer::{
    FloatModel, checkpoint,
    data::{Dataset, Findings, unread},
    float::{self, Samples},
    graph::OutputKind,
    method::prune::{Items, PruneEvent, PruneOptions, PruneReport, Trajectory, prune},
};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::json;

use self::{method::Method, time_table::TimeBudget};
use crate::{
    answer::Answer,
    cli::{self, Globals, within},
    command::{
        data::Part,
        dense,
        labelled::{Examples, Taken},
        passed_over,
        shown::Sources,
    },
    inputs::Inputs,
    largest::largest,
    model::Model,
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

/// Right answers on the items that the model was pruned by.
#[derive(Serialize)]
struct Kept {
    /// The share before and after; none without labels.
    top1: Option<[f64; 2]>,
    /// The share that are as before.
    agrees: f64,
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

    /// Labelled images or texts, with the class of each.
    fn labelled(
        &self,
        model: &FloatModel,
        globals: &Globals,
    ) -> Result<(Inputs, Vec<usize>, Findings)> {
        let taken = Taken {
            parts: &[Part::Train],
            count: Some(self.method.items()),
            seed: Some(self.details.seed),
        };
        let found = self.examples.open(
            &Model::Float(Box::new(model.clone())),
            &self.column,
            &taken,
            globals,
        )?;
        found.announce(globals);
        let mut findings = found.findings();
        let strict = self.examples.strict;
        let (inputs, classes) = found.read(found.places(), strict, &mut findings.skipped)?;
        if classes.is_empty() {
            return Err(unread(&findings.skipped).into());
        }
        Ok((inputs, classes, findings))
    }

    /// Images with masks, with the classes of their cells.
    fn masked(
        &self,
        model: &FloatModel,
        folder: &Path,
        globals: &Globals,
    ) -> Result<(Inputs, Vec<usize>, Findings)> {
        let part = self.examples.split.unwrap_or(Part::Train);
        let float = Model::Float(Box::new(model.clone()));
        let data = dense::open(&float, folder, &[part.split()], globals)?;
        let cells = dense::cells(&float)?;
        let count = self.examples.limit.unwrap_or(self.method.items());
        let mut random = ChaCha8Rng::seed_from_u64(self.details.seed);
        let mut places = index::sample(&mut random, data.len(), count.min(data.len())).into_vec();
        places.sort_unstable();
        let (mut images, mut classes) = (Vec::new(), Vec::new());
        for place in places {
            let (scene, _) = data.get(0, place)?;
            let shares = cells.shares(&scene.mask, data.labels().len())?;
            classes.extend(shares.iter().map(|shares| match largest(shares) {
                class if shares[class] > 0.0 => class,
                _ => Items::NO_CLASS,
            }));
            images.push(scene.image);
        }
        Ok((Inputs::Images(images), classes, Findings::default()))
    }

    /// Images or texts without classes, with the model's answers.
    fn answered(
        &self,
        model: &FloatModel,
        globals: &Globals,
    ) -> Result<(Inputs, Vec<usize>, Findings)> {
        if ![OutputKind::Logits, OutputKind::MapLogits].contains(&model.config.output_kind()) {
            bail!(
                "expected a model with classes of whole items or of cells, found one with classes of tokens or without \
                 classes"
            );
        }
        let sources = Sources {
            option: "--unlabelled",
            sources: &self.unlabelled,
            column: &self.column,
            rendering: &self.examples.rendering,
            strict: self.examples.strict,
        };
        let count = self.examples.limit.unwrap_or(self.method.items());
        let shown = sources.read(model, count, self.details.seed)?;
        if shown.random {
            bail!(
                "expected images or texts that a model may see for --unlabelled, found random ones"
            );
        }
        for part in &shown.parts {
            globals.note(&format!("images of the part {part}"));
        }
        let answers = answers(model, shown.inputs.items().samples())?;
        Ok((shown.inputs, answers, shown.findings))
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

/// The class of each item, or of each of its cells, that has the largest logit.
fn answers(model: &FloatModel, samples: Samples) -> Result<Vec<usize>> {
    let logits = float::logits(model, samples)?;
    let classes = model.config.classes();
    let before = model
        .config
        .cells()
        .map_or(0, |cells| cells.first * classes);
    let rows = logits
        .iter()
        .flat_map(|item| item[before..].chunks(classes));
    Ok(rows.map(largest).collect())
}

impl Kept {
    /// Of both models on `items`, which are `labelled` or have the answers of `model`.
    fn of(model: &FloatModel, pruned: &FloatModel, items: Items, labelled: bool) -> Result<Self> {
        let [before, after] = [model, pruned].map(|model| answers(model, items.samples()));
        let (before, after) = (before?, after?);
        let share = |a: &[usize], b: &[usize]| {
            let known = a.iter().zip(b).filter(|(_, b)| **b != Items::NO_CLASS);
            let (all, same) = known.fold((0, 0), |(all, same), (a, b)| {
                (all + 1, same + usize::from(a == b))
            });
            same as f64 / f64::from(all.max(1))
        };
        let right = [&before, &after].map(|answers| share(answers, items.classes()));
        Ok(Self {
            top1: labelled.then_some(right),
            agrees: share(&before, &after),
        })
    }
}

/// The most bytes of memory that this process has had, if the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn text(report: &PruneReport, kind: &str, kept: &Kept) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "{:<24} {:>14} {:>16}", "block", "heads", "hidden")?;
    for block in &report.blocks {
        let [heads, hidden] = [block.heads, block.hidden].map(|[a, b]| format!("{a} -> {b}"));
        writeln!(text, "{:<24} {heads:>14} {hidden:>16}", block.site)?;
    }
    if !report.patches.is_empty() {
        let patches: Vec<String> = report.patches.iter().map(usize::to_string).collect();
        writeln!(text, "\npatches by block: {}", patches.join(" "))?;
    }
    let [before, after] = report.macs.map(|macs| macs as f64 / 1e6);
    let share = 100.0 * after / before;
    let texts = match kind {
        "texts" => format!(" of a text of {} tokens", report.tokens),
        _ => String::new(),
    };
    writeln!(
        text,
        "\nmultiply-adds{texts}: {before:.2} M -> {after:.2} M ({share:.1} %)"
    )?;
    if let Some(times) = &report.options.times
        && let Some([before, after]) = report.nanoseconds
    {
        let share = 100.0 * after as f64 / before as f64;
        let [before, after] = [before, after].map(|time| time as f64 / 1e6);
        writeln!(
            text,
            "time by the table: {before:.3} ms -> {after:.3} ms ({share:.1} %), {}",
            times.machine
        )?;
    }
    let [before, after] = report.parameters;
    let share = 100.0 * after as f64 / before as f64;
    writeln!(text, "parameters: {before} -> {after} ({share:.1} %)")?;
    let top1 = match kept.top1.map(|shares| shares.map(|share| 100.0 * share)) {
        Some([before, after]) => format!("top-1 {before:.2} % -> {after:.2} %, "),
        None => String::new(),
    };
    writeln!(
        text,
        "on the {} {kind} it was pruned by: {top1}{:.2} % of the answers as before",
        report.items,
        100.0 * kept.agrees
    )?;
    if report.options.tune {
        let left = report
            .blocks
            .iter()
            .flat_map(|block| [block.heads[1], block.hidden[1]]);
        let layers = left.filter(|&units| units > 0).count();
        writeln!(text, "scaled: {} of {layers} layers", report.tuned)?;
    }
    writeln!(
        text,
        "{} passes of a batch, {:.1} s",
        report.passes, report.seconds
    )?;
    Ok(text)
}
