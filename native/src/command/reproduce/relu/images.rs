//! The images of the study: glyphs that are rendered, or a folder.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use intformer::{
    FloatModel,
    data::{Dataset, FolderDataset, GlyphSet, GlyphSplit, ImageFolder, Split, parts},
};

use crate::{
    command::data::GlyphArguments,
    digest::sha256,
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
        // What is tested with has no part in a choice.
        let has_both = parts::find(dir, &[Split::Validation]).is_ok_and(|part| part.name != tested);
        let (train, validation) = match has_both {
            true => (train, open(&[Split::Validation])?.0),
            false => train.held_out(HELD_OUT, 0)?.into(),
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
                Ok(sha256(
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
                Ok(sha256(digests.join(" ").as_bytes()))
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

    /// Images of `split`: of glyphs as many as anyone may want.
    pub fn len(&self, split: Split) -> usize {
        match self.of(split) {
            Some(data) => data.len(),
            None => usize::MAX,
        }
    }

    /// The folder's images of `split`.
    fn of(&self, split: Split) -> Option<&FolderDataset> {
        match (self, split) {
            (Self::Glyphs(_), _) => None,
            (Self::Folder { train, .. }, Split::Train) => Some(train),
            (Self::Folder { validation, .. }, Split::Validation) => Some(validation),
            (Self::Folder { test, .. }, Split::Test) => Some(test),
        }
    }

    /// `count` images of `split`, the same in each epoch; all if there are fewer.
    pub fn some(&self, split: Split, count: usize) -> Result<Box<dyn Dataset>> {
        if let Self::Glyphs(glyphs) = self {
            return Ok(Box::new(GlyphSplit::new(Arc::clone(glyphs), split, count)));
        }
        let data = self.of(split).context("expected a folder")?;
        let indices = drawn(data.len(), count, self.what())?;
        Ok(Box::new(in_memory(data, indices)?))
    }
}
