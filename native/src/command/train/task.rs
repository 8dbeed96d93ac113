//! What is trained, on what, and how: the same for one training and for several.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::{
    FloatModel, Preprocessing, Resize,
    data::{
        Augmentation, Dataset, Examples, Findings, MaskFolder, Selected, Split, Subset, TextSet,
    },
    float::train::{
        Origin, TrainOptions, TrainUi, Trained, dense_with_labels, train_from, with_labels,
    },
    method::hscore::RunLog,
};

use super::{new::ModelArguments, schedule::ScheduleArguments, texts::TextDataArguments};
use crate::{
    cli::Globals,
    command::training_images::{TrainingImages, TrainingSets},
    reading::Reading,
};

/// A training.
#[derive(Args)]
#[command(mut_arg("data", |arg| arg.required_unless_present("masks")))]
pub struct TaskArguments {
    /// The model that the training begins with: a float model's file, a checkpoint's folder, or a
    /// Hugging Face id.
    #[arg(long, value_name = "MODEL")]
    pub from: Option<String>,
    #[command(flatten)]
    images: TrainingImages,
    /// A folder of images with masks, a class for each pixel (docs/dense.md): makes a dense model, for `intformer segment`. Of
    /// `intformer train` alone: answers to pixels are not recorded.
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["data", "glyphs", "glyphs_val", "hold_out", "hold_out_seed", "strict", "label_column"]
    )]
    pub masks: Option<PathBuf>,
    #[command(flatten)]
    texts: TextDataArguments,
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    pub schedule: ScheduleArguments,
}

/// What is trained on and validated with.
enum Data {
    Images(TrainingSets),
    /// Images with masks to train on, and to validate with.
    Masks(Box<[MaskFolder; 2]>),
    Texts {
        /// To train on, and to validate with.
        sets: Box<[TextSet; 2]>,
        /// Digest of the rows to train on.
        digest: String,
    },
}

/// A training that can begin.
pub struct Task {
    /// How.
    pub options: TrainOptions,
    /// The trained model, with a head for the classes.
    model: Option<FloatModel>,
    /// Digest of it before it had that head.
    from: Option<String>,
    data: Data,
}

impl TaskArguments {
    /// Reads the model and the data; `seed` is that of a new head and of the order.
    pub fn prepare(&self, seed: u64, globals: &Globals) -> Result<Task> {
        let mut task = match (&self.masks, &self.from) {
            (Some(folder), _) => self.dense(folder, seed, globals)?,
            (None, None) => self.new_model(seed, globals)?,
            (None, Some(source)) => {
                let reading = Reading::of_size(self.model.image_size);
                let model = reading.float(source, globals)?;
                let from = Origin {
                    params: Some(&model.params),
                    tokenization: model.tokenization.as_ref(),
                    ..Origin::default()
                };
                let from = from.digest();
                let task = match model.config.text() {
                    Ok(_) => self.trained_on_texts(model, seed, globals)?,
                    Err(_) => self.trained_on_images(model, seed, globals)?,
                };
                Task {
                    from: Some(from),
                    ..task
                }
            }
        };
        task.options.seed = seed;
        Ok(task)
    }

    /// A model from nothing, on images.
    fn new_model(&self, seed: u64, globals: &Globals) -> Result<Task> {
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
        let images = self.images.open(fit, &preprocessing, seed, globals)?;
        let classes = images.train().labels();
        if classes.len() < 2 {
            bail!(
                "expected two classes or more to train on, found {}",
                classes.join(", ")
            );
        }
        let config = self
            .model
            .config(&self.images, images.train().labels().len());
        config.validate()?;
        Ok(Task {
            options: self.schedule.options(config, preprocessing, false),
            model: None,
            from: None,
            data: Data::Images(images),
        })
    }

    /// A dense model, new or from a trained model of images.
    fn dense(&self, folder: &Path, seed: u64, globals: &Globals) -> Result<Task> {
        if !self.images.augment.augmentation().is_none() {
            bail!("expected no changes of images, as masks do not follow them, found some");
        }
        let old = match &self.from {
            Some(source) => {
                let reading = Reading::of_size(self.model.image_size);
                Some(reading.float(source, globals)?)
            }
            None => None,
        };
        let (image, preprocessing) = match &old {
            Some(model) => (model.config.image()?, model.preprocessing.clone()),
            None => {
                let config = self.model.config(&self.images, 2);
                config.validate()?;
                (config.image()?, self.model.preprocessing(&self.images))
            }
        };
        let preprocessing = Preprocessing {
            resize: Resize::Squash,
            ..preprocessing
        };
        let open =
            |splits: &[Split]| MaskFolder::open(folder, splits, image, preprocessing.clone());
        let sets = [
            open(&[Split::Train])?,
            open(&[Split::Validation, Split::Test])?,
        ];
        let parts = sets.each_ref().map(MaskFolder::part);
        globals.note(&format!(
            "images of the parts {} and {}",
            parts[0], parts[1]
        ));
        let bar = globals.bar("checking", sets.iter().map(Dataset::len).sum());
        let checked = sets.iter().try_for_each(|set| set.check(|| bar.inc(1)));
        bar.finish_and_clear();
        checked?;
        let labels = sets[0].labels();
        let Some(old) = old else {
            let mut config = self.model.config(&self.images, labels.len());
            config.set_dense()?;
            config.validate()?;
            return Ok(Task {
                options: self.schedule.options(config, preprocessing, false),
                model: None,
                from: None,
                data: Data::Masks(Box::new(sets)),
            });
        };
        let model = dense_with_labels(&old, labels, seed)?;
        globals.note(&match model.params == old.params {
            true => "the model's dense head is kept: the classes are its own".to_owned(),
            false => format!(
                "a new dense head for {} classes ({})",
                labels.len(),
                some_of(labels)
            ),
        });
        let from = Origin {
            params: Some(&old.params),
            ..Origin::default()
        };
        Ok(Task {
            from: Some(from.digest()),
            ..self.start(model, Data::Masks(Box::new(sets)))
        })
    }

    /// A trained model of images.
    fn trained_on_images(&self, old: FloatModel, seed: u64, globals: &Globals) -> Result<Task> {
        if let Some(table) = self.images.data.as_ref().filter(|data| data.is_file()) {
            bail!(
                "expected a folder of images, as the model takes images, found the file {}",
                table.display()
            );
        }
        let fit = |labels: &[String]| {
            let model = with_labels(&old, labels, seed)?;
            Ok((model.config, model.labels))
        };
        let images = self.images.open(fit, &old.preprocessing, seed, globals)?;
        let model = Self::fitted(&old, images.train().labels(), seed, globals)?;
        if images.train().labels() != model.labels {
            bail!("expected the classes of glyphs in the order of letters, found them in another");
        }
        Ok(self.start(model, Data::Images(images)))
    }

    /// A trained model of texts.
    fn trained_on_texts(&self, old: FloatModel, seed: u64, globals: &Globals) -> Result<Task> {
        let changes = self.images.augment.augmentation();
        if !changes.is_none() {
            bail!("expected no changes of images, as the model takes texts, found {changes:?}");
        }
        let Some(data) = self.images.data.as_deref() else {
            bail!("expected a table of texts for --data, as the model takes texts, found glyphs");
        };
        let tables = self.texts.open(data, &self.images.held_out, globals)?;
        let model = Self::fitted(&old, &tables.labels, seed, globals)?;
        let digest = tables.digest();
        let sets = Box::new(tables.encode(&model, globals)?);
        Ok(self.start(model, Data::Texts { sets, digest }))
    }

    /// `old` with a head for `labels`; says whether it is new.
    fn fitted(
        old: &FloatModel,
        labels: &[String],
        seed: u64,
        globals: &Globals,
    ) -> Result<FloatModel> {
        let model = with_labels(old, labels, seed)?;
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

    fn start(&self, model: FloatModel, data: Data) -> Task {
        let (config, preprocessing) = (model.config.clone(), model.preprocessing.clone());
        Task {
            options: self.schedule.options(config, preprocessing, true),
            model: Some(model),
            from: None,
            data,
        }
    }
}

impl Task {
    /// Trains on all examples, or on those of `subset`.
    pub fn train(
        &self,
        options: &TrainOptions,
        subset: Option<&Subset>,
        ui: &mut dyn TrainUi,
    ) -> Result<Trained> {
        let model = self.model.as_ref();
        let origin = Origin {
            params: model.map(|model| &model.params),
            tokenization: model.and_then(|model| model.tokenization.as_ref()),
            ..Origin::default()
        };
        let [mut train, validation] = self.examples();
        // An answer is recorded under the place of its image.
        if let (true, Data::Images(images)) = (options.record, &self.data) {
            train = images.exact().into();
        }
        let Some(subset) = subset else {
            return Ok(train_from(options, &origin, train, validation, ui)?);
        };
        Ok(match train {
            Examples::Images(images) => {
                let selected = Selected::new(images, subset)?;
                train_from(
                    options,
                    &origin,
                    Examples::Images(&selected),
                    validation,
                    ui,
                )?
            }
            Examples::Scenes(scenes) => {
                let selected = Selected::new(scenes, subset)?;
                train_from(
                    options,
                    &origin,
                    Examples::Scenes(&selected),
                    validation,
                    ui,
                )?
            }
            Examples::Texts(texts) => {
                let selected = Selected::new(texts, subset)?;
                train_from(options, &origin, Examples::Texts(&selected), validation, ui)?
            }
        })
    }

    /// To train on, and to validate with.
    pub fn examples(&self) -> [Examples<'_>; 2] {
        match &self.data {
            Data::Images(sets) => [sets.train().into(), sets.validation().into()],
            Data::Masks(sets) => [Examples::Scenes(&sets[0]), Examples::Scenes(&sets[1])],
            Data::Texts { sets, .. } => [(&sets[0]).into(), (&sets[1]).into()],
        }
    }

    /// A digest that tells the examples to train on from others; none of images that are rendered.
    pub fn told_apart(&self, subset: Option<&Subset>) -> Result<Option<String>> {
        let told = match &self.data {
            Data::Images(images) => images.told_apart()?,
            Data::Masks(sets) => Some(sets[0].digest()?),
            Data::Texts { digest, .. } => Some(digest.clone()),
        };
        let told = told.map(|told| match subset {
            Some(subset) => format!("{told} {}", subset.digest()),
            None => told,
        });
        Ok(told)
    }

    /// How images are changed, if they are.
    fn augmentation(&self) -> Option<&Augmentation> {
        match &self.data {
            Data::Images(images) => images.augmentation(),
            Data::Masks(_) | Data::Texts { .. } => None,
        }
    }

    /// What a run of `options` said, as a log that says of which data set and settings it is.
    pub fn log(&self, options: &TrainOptions, trained: &Trained) -> Result<RunLog> {
        let Some(answers) = &trained.answers else {
            bail!("expected a training that records, found none");
        };
        let mut log = RunLog::of_answers(options.seed.to_string(), answers)?;
        log.data = Some(self.digest()?);
        log.settings = Some(self.settings(options)?);
        Ok(log)
    }

    /// What runs have in common that differ in their seed alone, as JSON.
    pub fn settings(&self, options: &TrainOptions) -> Result<String> {
        let mut settings = serde_json::to_value(options)?;
        if let Some(object) = settings.as_object_mut() {
            for key in [
                "seed",
                "out",
                "resume",
                "checkpoint_seconds",
                "record",
                "data",
                "last",
            ] {
                object.remove(key);
            }
            object.insert("from".to_owned(), self.from.clone().into());
            if let Some(how) = self.augmentation() {
                object.insert("augmentation".to_owned(), serde_json::to_value(how)?);
            }
        }
        Ok(settings.to_string())
    }

    /// What was passed over so far.
    pub fn findings(&self) -> Findings {
        match &self.data {
            Data::Images(images) => images.findings(),
            Data::Masks(_) | Data::Texts { .. } => Findings::default(),
        }
    }

    /// A digest of the examples to train on, by which a subset knows its data set.
    pub fn digest(&self) -> Result<String> {
        match &self.data {
            Data::Images(images) => images.digest(),
            Data::Masks(sets) => Ok(sets[0].digest()?),
            Data::Texts { digest, .. } => Ok(digest.clone()),
        }
    }

    /// The examples that `file` names, checked to be of this data set.
    pub fn subset(&self, file: &Path, globals: &Globals) -> Result<Subset> {
        let subset = Subset::load(file)?;
        let of = self.examples()[0].len();
        let checked = subset.check(of, &self.digest()?);
        checked.with_context(|| file.display().to_string())?;
        globals.note(&format!(
            "{} of {of} {}: {}",
            subset.indices().len(),
            self.examples()[0].kind(),
            subset.note().escape_debug()
        ));
        if subset.data().is_none() {
            globals.note("the subset does not say of which data set it is");
        }
        Ok(subset)
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
