//! The images of the study: glyphs that are rendered, or a folder.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use intformer::{
    FloatModel,
    data::{Dataset, FolderDataset, GlyphSet, GlyphSplit, ImageFolder, Split, parts},
};

use super::study::digest;
use crate::{
    command::data::GlyphArguments,
    study::data::{drawn, in_memory},
};

/// The share of the images to train on that is held out where there is no part to validate with beside the test.
const HELD_OUT: f64 = 0.1;

/// Where the images come from.
pub enum Images {
    /// Rendered anew in each epoch.
    Glyphs(Arc<GlyphSet>),
    /// To train on, to validate with and to test with.
    Folder {
        train: Box<FolderDataset>,
        validation: Box<FolderDataset>,
        test: Box<FolderDataset>,
        /// In words.
        what: String,
    },
}

impl Images {
    /// Glyphs, which must be those of `teacher`.
    pub fn glyphs(rendering: &GlyphArguments, teacher: &FloatModel) -> Result<Self> {
        let glyphs = rendering.set()?;
        if teacher.labels != glyphs.labels() {
            bail!(
                "expected a teacher of the classes of the glyphs, found {} and {}",
                teacher.labels.join(""),
                glyphs.labels().join("")
            );
        }
        Ok(Self::Glyphs(Arc::new(glyphs)))
    }

    /// The folder `dir` with a part to train on, one to test with, and perhaps one to validate with, of the classes of
    /// `teacher`.
    pub fn folder(dir: &Path, teacher: &FloatModel) -> Result<Self> {
        let open = |splits: &[Split]| -> Result<(ImageFolder, Option<String>)> {
            let part = parts::find(dir, splits)?;
            let folder = ImageFolder::open(&part.path)?;
            let labelled = folder.with_labels(&teacher.labels);
            let words = || format!("the classes of the teacher in {}", part.path.display());
            Ok((labelled.with_context(words)?, part.name))
        };
        let (train, part) = open(&[Split::Train])?;
        if part.is_none() {
            bail!(
                "expected a folder train and a folder test in {}, found classes",
                dir.display()
            );
        }
        let (test, tested) = open(&[Split::Test, Split::Validation])?;
        let validated = open(&[Split::Validation]);
        let (train, validation) = match validated {
            // What is tested with has no part in a choice.
            Ok((validation, name)) if name != tested => (train, validation),
            _ => train.held_out(HELD_OUT, 0)?.into(),
        };
        let dataset = |folder: ImageFolder| -> Result<Box<FolderDataset>> {
            let image = teacher.config.image()?;
            Ok(Box::new(
                folder.dataset(image, teacher.preprocessing.clone()),
            ))
        };
        Ok(Self::Folder {
            what: format!("images of {}", dir.display()),
            train: dataset(train)?,
            validation: dataset(validation)?,
            test: dataset(test)?,
        })
    }

    /// What they are, in words.
    pub fn what(&self) -> String {
        match self {
            Self::Glyphs(glyphs) => format!(
                "glyphs, digits and letters rendered from fonts, of which {} families are of the test alone",
                glyphs.families(Split::Test).len()
            ),
            Self::Folder { what, .. } => what.clone(),
        }
    }

    /// A digest of what decides about them.
    pub fn digest(&self) -> Result<String> {
        match self {
            Self::Glyphs(glyphs) => {
                let families = Split::ALL.map(|split| glyphs.families(split));
                Ok(digest(
                    format!("{:?} {families:?}", glyphs.options()).as_bytes(),
                ))
            }
            Self::Folder {
                train,
                validation,
                test,
                ..
            } => {
                let digests = [train, validation, test].map(|data| data.folder().digest());
                let digests = digests.into_iter().collect::<intformer::Result<Vec<_>>>()?;
                Ok(digest(digests.join(" ").as_bytes()))
            }
        }
    }

    /// Those to train on, of which an epoch takes `count`.
    pub fn train(&self, count: usize) -> Box<dyn Dataset> {
        match self {
            Self::Glyphs(glyphs) => {
                Box::new(GlyphSplit::new(Arc::clone(glyphs), Split::Train, count))
            }
            Self::Folder { train, .. } => train.clone(),
        }
    }

    /// `count` images of `split`, the same in each epoch; all if there are fewer.
    pub fn some(&self, split: Split, count: usize) -> Result<Box<dyn Dataset>> {
        let (data, what) = match self {
            Self::Glyphs(glyphs) => {
                return Ok(Box::new(GlyphSplit::new(Arc::clone(glyphs), split, count)));
            }
            Self::Folder {
                train,
                validation,
                test,
                what,
            } => match split {
                Split::Train => (train, what),
                Split::Validation => (validation, what),
                Split::Test => (test, what),
            },
        };
        let indices = drawn(data.len(), count, what)?;
        Ok(Box::new(in_memory(&**data, indices)?))
    }
}
