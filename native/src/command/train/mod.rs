//! `intformer train`: a model on any folder of images, on glyphs, or on a table of texts.

mod new;
mod schedule;
mod texts;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::Args;
use intformer::{
    FloatModel, checkpoint,
    data::{Examples, TextSet},
    float::train::{Dashboard, Origin, Plain, TrainOptions, TrainUi, train_from, with_labels},
};
use serde_json::json;

use self::{new::ModelArguments, schedule::ScheduleArguments, texts::TextDataArguments};
use crate::{
    answer::Answer,
    cli::Globals,
    command::{
        passed_over,
        training_images::{TrainingImages, TrainingSets},
    },
    reading::Reading,
};

/// Trains a float model: a new Swin, or with --from one that was trained before.
///
/// A model of --from keeps its head if it has the very classes of the data, and gets a new one
/// otherwise; one that takes texts is trained on a table (.csv, .tsv, .jsonl or .parquet), or a folder
/// with a table train and one that is called validation, val, dev or test, whose columns --column and
/// --label-column have the texts and their classes (docs/texts.md).
///
/// The state is saved in the folder --state, so that --resume goes on after a kill as if nothing
/// had happened. On a terminal a dashboard shows the run; elsewhere, and with --plain, lines do.
///
/// Example: intformer train --glyphs 20000 --epochs 12 --out glyphs-float.safetensors
///
/// Example: intformer train --data flowers --image-size 64 --channels 3 --out flowers.safetensors
///
/// Example: intformer train --from microsoft/swin-tiny-patch4-window7-224 --data flowers --out flowers.safetensors
///
/// Example: intformer train --from sentence-transformers/all-MiniLM-L6-v2 --data questions.csv --column question --label-column kind --out questions.safetensors
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The file of the trained model, ending in .safetensors.
    #[arg(long, short)]
    out: PathBuf,
    /// The model that the training begins with: a float model's file, a checkpoint's folder, or a
    /// Hugging Face id.
    #[arg(long, value_name = "MODEL")]
    from: Option<String>,
    #[command(flatten)]
    images: TrainingImages,
    #[command(flatten)]
    texts: TextDataArguments,
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    schedule: ScheduleArguments,
    /// The folder of the run's state; by default the model's file with the ending .train.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Goes on from the state of an earlier run, if there is one.
    #[arg(long)]
    resume: bool,
    /// Lines in place of the dashboard.
    #[arg(long)]
    plain: bool,
}

/// What is trained on and validated with.
enum Data {
    Images(TrainingSets),
    Texts([TextSet; 2]),
}

/// What a run begins with.
struct Start {
    options: TrainOptions,
    /// The trained model, with a head for the classes.
    model: Option<FloatModel>,
    data: Data,
}

impl Options {
    /// Trains and saves.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        if self
            .out
            .extension()
            .is_none_or(|ending| ending != "safetensors")
        {
            bail!(
                "expected a file that ends in .safetensors, found {}",
                self.out.display()
            );
        }
        let start = match &self.from {
            None => self.new_model(globals)?,
            Some(source) => {
                let reading = Reading::of_size(self.model.image_size);
                let model = reading.float(source, globals)?;
                match model.config.text() {
                    Ok(_) => self.trained_on_texts(model, globals)?,
                    Err(_) => self.trained_on_images(model, globals)?,
                }
            }
        };
        let options = TrainOptions {
            out: self.state(),
            resume: self.resume,
            ..start.options
        };
        let model = start.model.as_ref();
        let origin = Origin {
            params: model.map(|model| &model.params),
            tokenization: model.and_then(|model| model.tokenization.as_ref()),
            ..Origin::default()
        };
        let [train, validation] = start.data.examples();
        let mut ui = self.ui(globals);
        let trained = train_from(&options, &origin, train, validation, &mut *ui)?;
        // The dashboard gives the terminal back.
        drop(ui);
        let model = trained.model;
        checkpoint::save(&model, &self.out)?;

        let findings = match &start.data {
            Data::Images(images) => images.findings(),
            Data::Texts(_) => Default::default(),
        };
        let best = trained.history.iter().map(|epoch| epoch.top1);
        let best = best.fold(0.0, f64::max);
        let text = format!(
            "{}: {} parameters, {} classes, top-1 {:.2} % of the {} to validate with\n{}",
            self.out.display(),
            model.params.elements(),
            model.config.classes(),
            100.0 * best,
            validation.kind(),
            passed_over::text(&findings)
        );
        let json = json!({
            "out": self.out, "params": model.params.elements(), "config": model.config,
            "top1": best, "history": trained.history,
        });
        Answer::new(text, &passed_over::told(json, &findings))
    }

    /// A model from nothing, on images.
    fn new_model(&self, globals: &Globals) -> Result<Start> {
        if let Some(table) = self.images.data.as_ref().filter(|data| data.is_file()) {
            bail!(
                "expected a folder of images, or --from a model that takes texts, found the file {}",
                table.display()
            );
        }
        let preprocessing = self.model.preprocessing(&self.images);
        let fit = |labels: &[String]| {
            let config = self.model.config(&self.images, labels.len());
            Ok((config, labels.to_vec()))
        };
        let images = self.images.open(fit, &preprocessing, globals)?;
        let config = self
            .model
            .config(&self.images, images.train().labels().len());
        config.validate()?;
        Ok(Start {
            options: self.schedule.options(config, preprocessing, false),
            model: None,
            data: Data::Images(images),
        })
    }

    /// A trained model of images.
    fn trained_on_images(&self, old: FloatModel, globals: &Globals) -> Result<Start> {
        if let Some(table) = self.images.data.as_ref().filter(|data| data.is_file()) {
            bail!(
                "expected a folder of images, as the model takes images, found the file {}",
                table.display()
            );
        }
        let fit = |labels: &[String]| {
            let model = with_labels(&old, labels, self.schedule.seed)?;
            Ok((model.config, model.labels))
        };
        let images = self.images.open(fit, &old.preprocessing, globals)?;
        let model = self.fitted(&old, images.train().labels(), globals)?;
        if images.train().labels() != model.labels {
            bail!("expected the classes of glyphs in the order of letters, found them in another");
        }
        Ok(self.start(model, Data::Images(images)))
    }

    /// A trained model of texts.
    fn trained_on_texts(&self, old: FloatModel, globals: &Globals) -> Result<Start> {
        let Some(data) = self.images.data.as_deref() else {
            bail!("expected a table of texts for --data, as the model takes texts, found glyphs");
        };
        let tables = self.texts.open(data, self.schedule.seed, globals)?;
        let model = self.fitted(&old, &tables.labels, globals)?;
        let texts = tables.encode(&model, globals)?;
        Ok(self.start(model, Data::Texts(texts)))
    }

    /// `old` with a head for `labels`; says whether it is new.
    fn fitted(&self, old: &FloatModel, labels: &[String], globals: &Globals) -> Result<FloatModel> {
        let model = with_labels(old, labels, self.schedule.seed)?;
        globals.note(&match model.params == old.params {
            true => "the model's head is kept: the classes are its own".to_owned(),
            false => format!(
                "a new head for {} classes ({}), as the model has {}",
                labels.len(),
                some_of(labels),
                match (old.config.classes(), old.labels.is_empty()) {
                    (0, _) => "none".to_owned(),
                    (count, true) => format!("{count} without names"),
                    (count, false) => format!("{count} others ({})", some_of(&old.labels)),
                }
            ),
        });
        Ok(model)
    }

    fn start(&self, model: FloatModel, data: Data) -> Start {
        let (config, preprocessing) = (model.config.clone(), model.preprocessing.clone());
        Start {
            options: self.schedule.options(config, preprocessing, true),
            model: Some(model),
            data,
        }
    }

    fn state(&self) -> PathBuf {
        let default = || self.out.with_extension("train");
        self.state.clone().unwrap_or_else(default)
    }

    fn ui(&self, globals: &Globals) -> Box<dyn TrainUi> {
        if globals.quiet {
            Box::new(Plain(io::sink()))
        } else if self.plain || globals.json || !io::stdout().is_terminal() {
            Box::new(Plain(io::stderr()))
        } else {
            Box::new(Dashboard::new())
        }
    }
}

/// The first names of classes.
fn some_of(labels: &[String]) -> String {
    let mut names = labels[..labels.len().min(5)].join(", ");
    if labels.len() > 5 {
        names.push_str(", …");
    }
    names
}

impl Data {
    /// To train on, and to validate with.
    fn examples(&self) -> [Examples<'_>; 2] {
        match self {
            Self::Images(sets) => [sets.train().into(), sets.validation().into()],
            Self::Texts([train, validation]) => [train.into(), validation.into()],
        }
    }
}
