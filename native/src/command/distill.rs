//! `intformer distill`: a model made cheaper by learning from what it was.

use std::{
    fmt::Write,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use intformer::{
    FloatModel,
    architecture::{Activation, Block, Config},
    checkpoint,
    float::{
        Device,
        train::{Distillation, Plain, TrainOptions, TrainUi},
    },
    method::relu::{Order, ReluEvent, ReluLog, ReluOptions, distill},
};

use crate::{
    answer::Answer,
    cli::{self, Globals, count, within},
    command::{classes::ClassArguments, passed_over, training_images::TrainingImages},
    reading::Reading,
};

/// Makes a model cheaper by distillation from itself.
///
/// Example: intformer distill relu gelu.safetensors --data photos --out relu.safetensors
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// What changes.
    #[command(subcommand)]
    what: What,
}

/// What changes.
#[derive(Subcommand)]
enum What {
    /// Replaces GELU by ReLU, block by block (arXiv 2402.01169).
    ///
    /// The student begins as the teacher. After each change it trains for some epochs, with labels
    /// and towards the teacher; at last with all blocks changed. The state is kept in the folder
    /// --state: the log, the student after each step, the step under way. --resume goes on after a
    /// kill as if nothing had happened.
    ///
    /// Example: intformer distill relu gelu.safetensors --data photos --out relu.safetensors
    ///
    /// Example: intformer distill relu glyphs-gelu-float.safetensors --glyphs 20000 --out relu.safetensors
    #[command(verbatim_doc_comment)]
    Relu(Box<Relu>),
}

/// Options of `intformer distill relu`.
#[derive(Args)]
struct Relu {
    /// The teacher: a float model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// The file of the student, ending in .safetensors.
    #[arg(long, short)]
    out: PathBuf,
    #[command(flatten)]
    images: TrainingImages,
    #[command(flatten)]
    classes: ClassArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    loss: LossArguments,
    #[command(flatten)]
    schedule: ScheduleArguments,
    /// The folder of the run's state; by default the student's file with the ending .distill.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Goes on from the state of an earlier run, if there is one.
    #[arg(long)]
    resume: bool,
}

/// Which blocks change when.
#[derive(Args)]
#[command(next_help_heading = "Plan")]
struct PlanArguments {
    /// The order of the blocks.
    #[arg(long, value_enum, default_value_t = OrderArgument::LastToFirst)]
    order: OrderArgument,
    /// Blocks that change in one step.
    #[arg(long, default_value_t = 1, value_parser = within(1..=2048))]
    group: usize,
    /// Changes all blocks at once, and trains as long as a run that does not.
    #[arg(long, conflicts_with_all = ["group", "order"])]
    at_once: bool,
    /// Epochs after each step.
    #[arg(long, default_value_t = 1, value_parser = within(0..=1_000_000))]
    step_epochs: usize,
    /// Epochs at the end, with all blocks changed.
    #[arg(long, default_value_t = 3, value_parser = within(0..=1_000_000))]
    finish_epochs: usize,
    /// Images of an epoch, drawn anew for each; all by default.
    #[arg(long, value_parser = count())]
    epoch_images: Option<usize>,
    /// Validation images that --order sensitivity measures on.
    #[arg(long, default_value_t = 1000, value_parser = count())]
    sensitivity_images: usize,
    /// Takes the bias of fc1 away with GELU, as the paper does.
    #[arg(long)]
    no_fc1_bias: bool,
}

/// The orders.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum OrderArgument {
    /// From the logits to the image.
    LastToFirst,
    /// From the image to the logits.
    FirstToLast,
    /// What alone raises the loss least comes first.
    Sensitivity,
}

/// What the student learns.
#[derive(Args)]
#[command(next_help_heading = "Loss")]
struct LossArguments {
    /// Learns from the labels alone.
    #[arg(long, conflicts_with_all = ["temperature", "labels", "logits", "features"])]
    no_teacher: bool,
    /// Temperature of the logits.
    #[arg(long, default_value_t = Distillation::default().temperature)]
    temperature: f64,
    /// Weight of the cross-entropy with the labels.
    #[arg(long, default_value_t = Distillation::default().labels)]
    labels: f64,
    /// Weight of the divergence from the teacher's logits.
    #[arg(long, default_value_t = Distillation::default().logits)]
    logits: f64,
    /// Weight of the difference from the teacher's blocks.
    #[arg(long, default_value_t = Distillation::default().features)]
    features: f64,
}

/// How each step trains.
#[derive(Args)]
#[command(next_help_heading = "Training")]
struct ScheduleArguments {
    /// Images of a batch.
    #[arg(long, default_value_t = 64, value_parser = within(1..=65536))]
    batch: usize,
    /// The largest learning rate of AdamW; it follows a cosine in each step.
    #[arg(long, default_value_t = 3e-4)]
    rate: f64,
    /// Weight decay of AdamW.
    #[arg(long, default_value_t = 0.05)]
    weight_decay: f32,
    /// Epochs over which the rate rises in each step; may be a fraction.
    #[arg(long, default_value_t = 0.1)]
    warm_up: f64,
    /// Share of the target that is spread over all classes.
    #[arg(long, default_value_t = 0.1)]
    label_smoothing: f32,
    /// Alpha of mixup (arXiv 1710.09412); 0 for none.
    #[arg(long, default_value_t = 0.0)]
    mixup: f64,
    /// Alpha of CutMix (arXiv 1905.04899); 0 for none; with --mixup, each batch takes one of them.
    #[arg(long, default_value_t = 0.0)]
    cutmix: f64,
    /// Largest norm of the gradient; 0 for no bound.
    #[arg(long, default_value_t = 1.0)]
    clip: f32,
    /// Seed of order and mixing.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Seconds from one saved state to the next.
    #[arg(long, default_value_t = 60)]
    save_every: u64,
}

impl Options {
    /// Distils and saves.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        match &self.what {
            What::Relu(options) => options.run(globals),
        }
    }
}

impl Relu {
    fn run(&self, globals: &Globals) -> Result<Answer> {
        cli::check_weights_file(&self.out)?;
        let teacher = self.reading.float(&self.model, globals)?;
        let options = self.options(&teacher);
        options.validate(&teacher)?;
        let said = self.classes.read()?;
        let images = self
            .images
            .open_for(&teacher, &said, self.schedule.seed, globals)?;
        let mut ui = lines(globals, &teacher.config);
        let device = Device::flex();
        let (train, validation) = (images.train(), images.validation());
        let (student, log) = distill(&options, &teacher, &device, train, validation, &mut ui)?;
        checkpoint::save(&student, &self.out)?;
        let findings = images.findings();
        let text = table(&self.out, &teacher.config, &log)? + &passed_over::text(&findings);
        Answer::new(
            text,
            &passed_over::told(serde_json::to_value(&log)?, &findings),
        )
    }

    fn options(&self, teacher: &FloatModel) -> ReluOptions {
        let (plan, loss, schedule) = (&self.plan, &self.loss, &self.schedule);
        let state = match &self.state {
            Some(folder) => folder.clone(),
            None => self.out.with_extension("distill"),
        };
        let usual = ReluOptions::new(teacher, state);
        let config = &teacher.config;
        let gelu = |at: &&Block| {
            let activation = config.activation().get(at.stage, at.block);
            activation == Activation::Gelu && config.widths(**at).hidden > 0
        };
        let blocks = config.blocks().iter().filter(gelu).count().max(1);
        let [group, step_epochs, finish_epochs] = match plan.at_once {
            true => [blocks, 0, plan.finish_epochs + blocks * plan.step_epochs],
            false => [plan.group, plan.step_epochs, plan.finish_epochs],
        };
        ReluOptions {
            order: match plan.order {
                OrderArgument::LastToFirst => Order::LastToFirst,
                OrderArgument::FirstToLast => Order::FirstToLast,
                OrderArgument::Sensitivity => Order::Sensitivity,
            },
            group,
            step_epochs,
            finish_epochs,
            fc1_bias: !plan.no_fc1_bias,
            sensitivity_images: plan.sensitivity_images,
            training: TrainOptions {
                epoch_examples: plan.epoch_images,
                distillation: (!loss.no_teacher).then_some(Distillation {
                    temperature: loss.temperature,
                    labels: loss.labels,
                    logits: loss.logits,
                    features: loss.features,
                }),
                batch: schedule.batch,
                learning_rate: schedule.rate,
                weight_decay: schedule.weight_decay,
                warmup: schedule.warm_up,
                label_smoothing: schedule.label_smoothing,
                mixup: schedule.mixup,
                cutmix: schedule.cutmix,
                clip: schedule.clip,
                seed: schedule.seed,
                checkpoint_seconds: schedule.save_every,
                resume: self.resume,
                ..usual.training
            },
        }
    }
}

/// Lines on the standard error.
fn lines(globals: &Globals, config: &Config) -> impl FnMut(&ReluEvent<'_>) -> ControlFlow<()> {
    let (quiet, config) = (globals.quiet, config.clone());
    let mut plain: Plain<Box<dyn io::Write>> = match quiet {
        true => Plain(Box::new(io::sink())),
        false => Plain(Box::new(io::stderr())),
    };
    move |event| {
        match event {
            ReluEvent::Training(event) => return plain.event(event),
            _ if quiet => {}
            ReluEvent::Start(log) => eprintln!(
                "teacher: top-1 {:.2} %; {} steps, {} done",
                100.0 * log.teacher_score.top1,
                log.plan.len() + 1,
                log.steps.len()
            ),
            ReluEvent::Step {
                index,
                of,
                blocks,
                swapped,
            } => eprintln!(
                "step {} of {of}: {}; top-1 {:.2} % before training",
                index + 1,
                changed(&config, blocks),
                100.0 * swapped.top1
            ),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn changed(config: &Config, blocks: &[Block]) -> String {
    let sites: Vec<String> = blocks.iter().map(|&block| config.site(block)).collect();
    match sites.is_empty() {
        true => "finish".to_owned(),
        false => sites.join(" "),
    }
}

fn table(out: &Path, config: &Config, log: &ReluLog) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "{:<24} {:>6} {:>16} {:>15}",
        "step", "epochs", "top-1 % before", "top-1 % after"
    )?;
    let teacher = 100.0 * log.teacher_score.top1;
    writeln!(
        text,
        "{:<24} {:>6} {:>16} {teacher:>15.2}",
        "teacher", "", ""
    )?;
    for step in &log.steps {
        writeln!(
            text,
            "{:<24} {:>6} {:>16.2} {:>15.2}",
            changed(config, &step.blocks),
            step.epochs.len(),
            100.0 * step.swapped.top1,
            100.0 * step.trained.top1
        )?;
    }
    writeln!(text, "\n{}", out.display())?;
    Ok(text)
}
