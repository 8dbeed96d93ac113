//! The images that commands train on.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::{
    FloatModel, Preprocessing,
    architecture::Config,
    data::{
        Augmentation, Dataset, Findings, FolderDataset, GlyphSplit, ImageFolder, Skipped, Sturdy,
        classes::{ModelClasses, Rule, Wish},
        parts,
    },
};
use rayon::prelude::*;

use crate::{
    cli::{Globals, count},
    command::{
        augment::AugmentArguments,
        classes::Said,
        data::{GlyphArguments, Part},
        hold_out::HoldOutArguments,
        passed_over,
    },
};

/// Images to train on and to validate with.
#[derive(Args)]
pub struct TrainingImages {
    /// A folder with train and val (or validation, valid, or else test), each with a sub-folder for
    /// each class, or one of classes, of which --hold-out is kept; of a model of texts a table. The place of an image that cannot be read is taken by the next of its class.
    #[arg(long, required_unless_present = "glyphs", conflicts_with = "glyphs")]
    pub data: Option<PathBuf>,
    /// Renders so many images of letters and digits anew in each epoch.
    #[arg(long, value_name = "N", value_parser = count())]
    pub glyphs: Option<usize>,
    /// Images of glyphs to validate with, of other fonts.
    #[arg(long, default_value_t = 2000, value_parser = count())]
    glyphs_val: usize,
    /// Ends at the first file that cannot be read, in place of passing it over.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    pub held_out: HoldOutArguments,
    #[command(flatten)]
    pub augment: AugmentArguments,
    #[command(flatten)]
    pub rendering: GlyphArguments,
}

/// The sets of images.
pub enum TrainingSets {
    /// Rendered.
    Glyphs(Box<[GlyphSplit; 2]>),
    /// In folders.
    Folders {
        /// To train on.
        train: Box<Sturdy>,
        /// To validate with; all can be read.
        validation: Box<FolderDataset>,
        /// Whether a file that cannot be read ends the run.
        strict: bool,
    },
}

impl TrainingSets {
    /// The images to train on.
    pub fn train(&self) -> &dyn Dataset {
        match self {
            Self::Glyphs(splits) => &splits[0],
            Self::Folders {
                train,
                strict: true,
                ..
            } => train.data(),
            Self::Folders { train, .. } => &**train,
        }
    }

    /// The images to validate with.
    pub fn validation(&self) -> &dyn Dataset {
        match self {
            Self::Glyphs(splits) => &splits[1],
            Self::Folders { validation, .. } => &**validation,
        }
    }

    /// A digest of the list of images to train on.
    pub fn digest(&self) -> Result<String> {
        match self {
            Self::Glyphs(_) => bail!(
                "expected the same images in each epoch, found glyphs that are rendered anew: `intformer data glyphs` \
                 writes them to a folder"
            ),
            Self::Folders { train, .. } => Ok(train.data().folder().digest()?),
        }
    }

    /// How the images to train on are changed, if they are.
    pub fn augmentation(&self) -> Option<&Augmentation> {
        match self {
            Self::Glyphs(_) => None,
            Self::Folders { train, .. } => train.data().augmentation().map(|(how, _)| how),
        }
    }

    /// What tells the images to train on from others, and how they are changed; none of images that are rendered.
    pub fn told_apart(&self) -> Result<Option<String>> {
        if let Self::Glyphs(_) = self {
            return Ok(None);
        }
        let digest = self.digest()?;
        Ok(Some(match self.augmentation() {
            Some(how) => format!("{digest} {}", serde_json::to_string(how)?),
            None => digest,
        }))
    }

    /// The images to train on, none of which another stands in for: the first that cannot be read is an error.
    pub fn exact(&self) -> &dyn Dataset {
        match self {
            Self::Glyphs(splits) => &splits[0],
            Self::Folders { train, .. } => train.data(),
        }
    }

    /// What was passed over so far.
    pub fn findings(&self) -> Findings {
        match self {
            Self::Glyphs(_) => Findings::default(),
            Self::Folders {
                train, validation, ..
            } => {
                let mut findings = train.data().folder().findings().clone();
                findings.extend(validation.folder().findings().clone());
                findings.skipped.extend(train.damaged());
                findings
            }
        }
    }
}

impl TrainingImages {
    /// The images, changed at random by `seed` if that is asked for, for a model with classes of the data's own, the folders in train: `fit` gives its configuration, and the
    /// order in which it has them.
    pub fn open(
        &self,
        fit: impl FnOnce(&[String]) -> Result<(Config, Vec<String>)>,
        preprocessing: &Preprocessing,
        seed: u64,
        globals: &Globals,
    ) -> Result<TrainingSets> {
        let Some(([train, validation], notes)) = self.folders()? else {
            return self.render();
        };
        let train = train.without_empty();
        let (config, labels) = fit(train.labels())?;
        let folders = [
            train.with_labels(&labels)?,
            validation.with_labels(&labels)?,
        ];
        self.read(folders, &config, preprocessing, seed, &[notes], globals)
    }

    /// As [`TrainingImages::open`], for a model that there is, with its classes; `said` is what the user says of them.
    pub fn open_for(
        &self,
        model: &FloatModel,
        said: &Said,
        seed: u64,
        globals: &Globals,
    ) -> Result<TrainingSets> {
        let Some((folders, parts)) = self.folders()? else {
            return self.render();
        };
        let classes = ModelClasses {
            count: model.config.classes(),
            labels: &model.labels,
            order: model.class_order,
        };
        let matched = |folder: &ImageFolder| folder.matched(&classes, &said.wish());
        let train = matched(&folders[0])?;
        // Folders of the validation images may be fewer: their own order would be another.
        let named = train.labels(folders[0].labels(), model.config.classes());
        let validation = match train.rule {
            Rule::Order(..) => {
                let classes = ModelClasses {
                    labels: &named,
                    ..classes
                };
                folders[1].matched(&classes, &Wish::default())?
            }
            _ => matched(&folders[1])?,
        };
        let notes = [parts, format!("classes {}", train.rule.words())];
        let labels = match model.labels.is_empty() {
            false => model.labels.clone(),
            true => named.clone(),
        };
        let [a, b] = folders;
        let folders = [
            a.relabelled(labels.clone(), &train.classes)?,
            b.relabelled(labels, &validation.classes)?,
        ];
        self.read(
            folders,
            &model.config,
            &model.preprocessing,
            seed,
            &notes,
            globals,
        )
    }

    fn render(&self) -> Result<TrainingSets> {
        let Some(count) = self.glyphs else {
            bail!("expected --data or --glyphs");
        };
        let parts = [(Part::Train, count), (Part::Val, self.glyphs_val)];
        let splits = self.rendering.splits(parts)?;
        Ok(TrainingSets::Glyphs(Box::new(splits)))
    }

    /// The folders of --data, and which parts they are.
    fn folders(&self) -> Result<Option<([ImageFolder; 2], String)>> {
        // What is not possible is said before images are read.
        self.augment.augmentation().validate()?;
        let Some(folder) = &self.data else {
            return Ok(None);
        };
        let (train, validation) = parts::find_training(folder)?;
        let named = train.name;
        let train = ImageFolder::open(train.path)?;
        let (folders, note) = match validation {
            Some(validation) => {
                self.held_out.refuse(folder)?;
                let names =
                    [&named, &validation.name].map(|name| name.as_deref().unwrap_or_default());
                let note = format!("images of the parts {} and {}", names[0], names[1]);
                ([train, ImageFolder::open(validation.path)?], note)
            }
            None => {
                let (share, seed) = (self.held_out.share(), self.held_out.seed());
                let folders = train.held_out(share, seed);
                let folders = folders.context("--hold-out")?;
                let [train, held] = &folders;
                let note = format!(
                    "{} images to train on, {} kept to validate with",
                    train.len(),
                    held.len()
                );
                (folders, note)
            }
        };
        for folder in &folders {
            passed_over::check(folder.findings(), self.strict)?;
        }
        Ok(Some((folders, note)))
    }

    /// Every epoch validates with the same images, so those that cannot be read are found first.
    fn read(
        &self,
        [train, validation]: [ImageFolder; 2],
        config: &Config,
        preprocessing: &Preprocessing,
        seed: u64,
        notes: &[String],
        globals: &Globals,
    ) -> Result<TrainingSets> {
        config.validate()?;
        let image = config.image()?;
        let dataset = |folder: ImageFolder| folder.dataset(image, preprocessing.clone());
        let data = dataset(validation.clone());
        let bar = globals.bar("checking", data.len());
        let check = |index| {
            let read = data.get(0, index);
            bar.inc(1);
            match read {
                Ok(_) => None,
                Err(error) if error.is_file() && !self.strict => {
                    let path = validation.path(index)?;
                    Some(Ok((index, Skipped::new(path, &error))))
                }
                Err(error) => Some(Err(error)),
            }
        };
        let unreadable = (0..data.len()).into_par_iter().filter_map(check);
        let unreadable = unreadable.collect::<intformer::Result<Vec<_>>>()?;
        bar.finish_and_clear();
        let sets = TrainingSets::Folders {
            train: Box::new(Sturdy::new(
                dataset(train).augmented(self.augment.augmentation(), seed)?,
            )),
            validation: Box::new(dataset(validation.without(&unreadable)?)),
            strict: self.strict,
        };
        for line in notes.iter().chain(&sets.findings().lines()) {
            globals.note(line);
        }
        Ok(sets)
    }
}
