//! GELU to ReLU by iterative knowledge distillation (arXiv 2402.01169).
//!
//! The student is a copy of the teacher. One block, or group of blocks, after the other gets ReLU
//! in place of GELU; after each change the student trains for a fixed number of epochs, with labels
//! and a loss towards the teacher, and at last with all blocks changed.
//!
//! ```
//! use std::{fs, ops::ControlFlow};
//!
//! use intformer::{
//!     architecture::{Activation, PerBlock, SwinConfig},
//!     data::ImageFolder,
//!     float::Device,
//!     method::relu::{Order, ReluEvent, ReluOptions, distill},
//!     quant::float_model,
//! };
//!
//! # std::env::set_current_dir("..")?;
//! # let dir = tempfile::tempdir()?;
//! # for class in ["7", "A"] {
//! #     fs::create_dir_all(dir.path().join("images").join(class))?;
//! #     let to = dir.path().join("images").join(class).join("image.png");
//! #     fs::copy(format!("models/samples/{class}.png"), to)?;
//! # }
//! # let config = SwinConfig {
//! #     image_size: [32, 32],
//! #     in_channels: 1,
//! #     embed_dim: 8,
//! #     depths: vec![2],
//! #     heads: vec![1],
//! #     window_size: 4,
//! #     classes: 2,
//! #     ..SwinConfig::tiny()
//! # };
//! // In place of a trained model: random weights. The data has the teacher's classes.
//! let mut teacher = float_model(&config, 0)?;
//! teacher.labels = vec!["7".into(), "A".into()];
//! let folder = ImageFolder::open(dir.path().join("images"))?;
//! let data = folder.dataset(teacher.config.image()?, teacher.preprocessing.clone());
//!
//! let options = ReluOptions {
//!     order: Order::FirstToLast,
//!     finish_epochs: 0,
//!     ..ReluOptions::new(&teacher, dir.path().join("run"))
//! };
//! let mut ui = |event: &ReluEvent<'_>| {
//!     if let ReluEvent::Done(step) = event {
//!         println!("{:?}: {:.1} %", step.blocks, 100.0 * step.trained.top1);
//!     }
//!     ControlFlow::Continue(())
//! };
//! let (student, log) = distill(&options, &teacher, &Device::flex(), &data, &data, &mut ui)?;
//! assert_eq!(student.config.activation(), &PerBlock::All(Activation::Relu));
//!
//! // A step for each block, and the finish; each has left its student.
//! assert_eq!(log.plan, [[config.blocks()[0]], [config.blocks()[1]]]);
//! assert_eq!(log.steps.len(), 3);
//! assert!(dir.path().join("run/step-01.safetensors").exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod log;
mod options;
mod swap;
#[cfg(test)]
mod tests;

use std::{fs, ops::ControlFlow, path::PathBuf, time::Instant};

use burn::tensor::Device;

pub use log::{ReluLog, StepReport};
pub use options::{Order, ReluOptions};
pub use swap::swapped;

use crate::{
    Error, FloatModel, Result,
    architecture::Block,
    checkpoint,
    data::Dataset,
    float::train::{Evaluation, Origin, TrainEvent, TrainOptions, evaluate, train_from},
};

/// News of a distillation.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReluEvent<'a> {
    /// The run begins or goes on; the log has the steps that are done and the plan.
    Start(&'a ReluLog),
    /// A step begins or goes on.
    Step {
        /// The step, from 0.
        index: usize,
        /// Steps of the run, with the finish.
        of: usize,
        /// The blocks that change.
        blocks: &'a [Block],
        /// The model on the validation images after the change.
        swapped: Evaluation,
    },
    /// News of the training of a step.
    Training(&'a TrainEvent<'a>),
    /// A step is done and logged.
    Done(&'a StepReport),
}

/// Takes news; a break stops the run after a checkpoint.
pub type ReluUi<'a> = dyn FnMut(&ReluEvent<'_>) -> ControlFlow<()> + 'a;

/// Distils `teacher`, computing on `device`; the student and what was done.
///
/// The folder `options.training.out` holds the log, the student after each step as
/// `step-01.safetensors` and so on, and the checkpoint of the step that is under way. A run that
/// was killed and is resumed ends with the same bits as one that was not.
///
/// # Errors
/// If no block of the teacher has GELU, the data has other classes than the teacher, the folder
/// has the state of another run, the loss diverges, or as
/// [`train_from`].
pub fn distill(
    options: &ReluOptions,
    teacher: &FloatModel,
    device: &Device,
    train: &dyn Dataset,
    validation: &dyn Dataset,
    ui: &mut ReluUi,
) -> Result<(FloatModel, ReluLog)> {
    options.validate(teacher)?;
    let blocks = swap::gelu_blocks(teacher)?;
    check_classes(teacher, train)?;
    let mut run = Run {
        options,
        teacher,
        device,
        train,
        validation,
        ui,
    };
    let mut log = run.log(blocks)?;
    let mut student = match log.steps.len() {
        0 => teacher.clone(),
        done => checkpoint::load(run.model_file(done - 1))?,
    };
    run.tell(&ReluEvent::Start(&log))?;
    for index in log.steps.len()..=log.plan.len() {
        let report;
        (student, report) = run.step(&log, index, &student)?;
        log.steps.push(report);
        checkpoint::save(&student, run.model_file(index))?;
        log.save(&run.log_file())?;
        let folder = run.step_folder(index);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|e| Error::io(&folder, e))?;
        }
        run.tell(&ReluEvent::Done(&log.steps[index]))?;
    }
    Ok((student, log))
}

fn check_classes(teacher: &FloatModel, data: &dyn Dataset) -> Result<()> {
    let (expected, found) = (&teacher.labels, data.labels());
    let count = teacher.config.classes();
    if found.len() != count {
        return Err(Error::Training(format!(
            "expected data with the {count} classes of the model, found {}",
            found.len()
        )));
    }
    let pairs = expected.iter().zip(found).enumerate();
    if let Some((class, (a, b))) = pairs.into_iter().find(|(_, (a, b))| a != b) {
        return Err(Error::Training(format!(
            "expected data with the classes of the model, found {b:?} in place of {a:?} as class {class}"
        )));
    }
    Ok(())
}

struct Run<'a, 'b> {
    options: &'a ReluOptions,
    teacher: &'a FloatModel,
    device: &'a Device,
    train: &'a dyn Dataset,
    validation: &'a dyn Dataset,
    ui: &'a mut ReluUi<'b>,
}

impl Run<'_, '_> {
    fn log_file(&self) -> PathBuf {
        self.options.training.out.join("log.json")
    }

    fn step_folder(&self, index: usize) -> PathBuf {
        let out = &self.options.training.out;
        out.join(format!("step-{:02}", index + 1))
    }

    fn model_file(&self, index: usize) -> PathBuf {
        self.step_folder(index).with_extension("safetensors")
    }

    /// The log of an earlier run that goes on, or a new one.
    fn log(&mut self, blocks: Vec<Block>) -> Result<ReluLog> {
        let (options, file) = (self.options, self.log_file());
        let origin = Origin {
            teacher: Some(self.teacher),
            device: self.device.clone(),
            ..Origin::default()
        };
        let teacher = origin.digest();
        let images = [self.train.len(), self.validation.len()];
        if file.exists() {
            if !options.training.resume {
                return Err(Error::Training(format!(
                    "expected no earlier run in {}, found one: resume it or name another folder",
                    options.training.out.display()
                )));
            }
            let log = ReluLog::load(&file)?;
            if !options.same_run(&log.options) || log.teacher != teacher || log.images != images {
                return Err(Error::Training(format!(
                    "expected a run of the same options, teacher and data in {}, found one of {:?}",
                    options.training.out.display(),
                    log.options
                )));
            }
            return Ok(log);
        }
        let out = &options.training.out;
        fs::create_dir_all(out).map_err(|e| Error::io(out, e))?;
        let score = self.evaluate(self.teacher)?;
        let sensitivity =
            swap::sensitivity(options, self.teacher, &blocks, self.validation, self.device)?;
        let plan = swap::plan(options, blocks, &sensitivity);
        let log = ReluLog::new(options, teacher, images, score, sensitivity, plan);
        log.save(&file)?;
        Ok(log)
    }

    fn evaluate(&self, model: &FloatModel) -> Result<Evaluation> {
        let batch = self.options.training.batch;
        evaluate(model, self.validation, batch, self.device)
    }

    fn tell(&mut self, event: &ReluEvent) -> Result<()> {
        match (self.ui)(event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Training(format!(
                "stopped as asked; resume from {}",
                self.options.training.out.display()
            ))),
        }
    }

    /// Step `index` of the plan, or the finish after it.
    fn step(
        &mut self,
        log: &ReluLog,
        index: usize,
        student: &FloatModel,
    ) -> Result<(FloatModel, StepReport)> {
        let options = self.options;
        let began = Instant::now();
        let blocks = log.plan.get(index).map_or(&[][..], Vec::as_slice);
        let student = swapped(student, blocks, options.fc1_bias);
        let score = self.evaluate(&student)?;
        self.tell(&ReluEvent::Step {
            index,
            of: log.plan.len() + 1,
            blocks,
            swapped: score,
        })?;
        let epochs = match blocks {
            [] => options.finish_epochs,
            _ => options.step_epochs,
        };
        let mut history = Vec::new();
        let student = match epochs {
            0 => student,
            _ => {
                let training = TrainOptions {
                    config: student.config.clone(),
                    preprocessing: student.preprocessing.clone(),
                    epochs,
                    first_epoch: options.training.first_epoch
                        + (index * options.step_epochs) as u64,
                    out: self.step_folder(index),
                    resume: true,
                    ..options.training.clone()
                };
                let origin = Origin {
                    params: Some(&student.params),
                    teacher: training.distillation.and(Some(self.teacher)),
                    device: self.device.clone(),
                    ..Origin::default()
                };
                let mut ui = |event: &TrainEvent<'_>| (self.ui)(&ReluEvent::Training(event));
                let trained = train_from(&training, &origin, self.train, self.validation, &mut ui)?;
                history = trained.history;
                trained.model
            }
        };
        let best = history.iter().filter_map(|epoch| epoch.validation);
        let best = best.reduce(|best, next| if next.top1 > best.top1 { next } else { best });
        let report = StepReport {
            blocks: blocks.to_vec(),
            swapped: score,
            epochs: history,
            trained: best.unwrap_or(score),
            seconds: began.elapsed().as_secs_f64(),
        };
        Ok((student, report))
    }
}
