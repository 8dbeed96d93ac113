//! GELU to ReLU by iterative distillation (arXiv 2402.01169), on glyphs or a folder of images.

mod arms;
mod images;
mod report;
mod results;
mod study;
mod test_set;

use std::{fmt::Write, path::PathBuf};

use anyhow::Result;
use clap::Args;

use self::{
    results::{Results, Settings},
    study::Study,
};
use crate::{
    answer::Answer,
    cli::{Globals, count, within},
    command::data::GlyphArguments,
};

/// Options of `intformer reproduce relu`.
#[derive(Args)]
pub struct Relu {
    /// The folder of the study.
    #[arg(long, short)]
    out: PathBuf,
    /// Few images and little training: shows that everything works, and nothing else.
    #[arg(long)]
    quick: bool,
    /// A folder with the parts train, test and perhaps val, in place of glyphs; --teacher is a model of its classes.
    #[arg(long, value_name = "FOLDER", requires = "teacher")]
    data: Option<PathBuf>,
    /// The float GELU model that all students begin as.
    #[arg(long, default_value = "models/glyphs-gelu-float.safetensors")]
    teacher: String,
    /// Students of each way.
    #[arg(long, default_value_t = 3, value_parser = within(1..=100))]
    seeds: usize,
    /// Images of a training epoch; 2000, or 128 with --quick.
    #[arg(long, value_parser = count())]
    epoch_images: Option<usize>,
    /// Images of the test; 5440, or 544 with --quick.
    #[arg(long, value_parser = count())]
    test_images: Option<usize>,
    /// Students that train at the same time, each mostly on one core.
    #[arg(long, value_parser = within(1..=256))]
    jobs: Option<usize>,
    /// Measures no times.
    #[arg(long)]
    no_times: bool,
    #[command(flatten)]
    rendering: GlyphArguments,
}

impl Relu {
    /// Runs what is not done yet, and writes the report.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let study = Study::open(self.settings(), &self.rendering, &self.out)?;
        let jobs = self.jobs.unwrap_or_else(rayon::current_num_threads);
        let results = study.run(jobs, !self.no_times, globals)?;
        study.folder.write_json("results.json", &results)?;
        study
            .folder
            .write("report.html", &report::page(&results)?)?;
        Answer::new(self.text(&results)?, &results)
    }

    fn settings(&self) -> Settings {
        let usual = |full: usize, quick: usize| if self.quick { quick } else { full };
        Settings {
            quick: self.quick,
            teacher: self.teacher.clone(),
            teacher_digest: String::new(),
            data: self.data.clone(),
            images: String::new(),
            images_digest: String::new(),
            seeds: self.seeds as u64,
            epoch_images: self.epoch_images.unwrap_or(usual(2000, 128)),
            step_epochs: 1,
            finish_epochs: 2,
            validation_images: usual(1_020, 68),
            test_images: self.test_images.unwrap_or(usual(5_440, 544)),
            calibration_images: usual(512, 64),
        }
    }

    fn text(&self, results: &Results) -> Result<String> {
        let percent = |share: f64| 100.0 * share;
        let mut text = String::new();
        writeln!(
            text,
            "{:<22} {:>13} {:>13}   integer top-1 by seed, %",
            "", "float top-1 %", "int8 top-1 %"
        )?;
        let teacher = percent(results.teacher.top1);
        writeln!(text, "{:<22} {teacher:>13.2}", "teacher")?;
        let untrained = results.untrained;
        let [float, integer] = [untrained.float, untrained.integer].map(|s| percent(s.top1));
        writeln!(text, "{:<22} {float:>13.2} {integer:>13.2}", "untrained")?;
        for arm in &results.arms {
            let mean = |of: &dyn Fn(&results::ArmRun) -> f64| {
                percent(arm.runs.iter().map(of).sum::<f64>() / arm.runs.len() as f64)
            };
            let seeds = arm.runs.iter();
            let seeds: Vec<_> = seeds
                .map(|run| format!("{:.2}", percent(run.student.integer.top1)))
                .collect();
            writeln!(
                text,
                "{:<22} {:>13.2} {:>13.2}   {}",
                arm.name,
                mean(&|run| run.student.float.top1),
                mean(&|run| run.student.integer.top1),
                seeds.join(" ")
            )?;
        }
        writeln!(text, "\n{}", self.out.join("report.html").display())?;
        Ok(text)
    }
}
