//! Glyph sets as image folders.

use std::{
    fs,
    io::Cursor,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{GlyphOptions, GlyphSet, Split};
use crate::{
    Error, Pixels, Result,
    file::{replace, replace_unsynced},
};

/// Images of each split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// For training.
    pub train: usize,
    /// For validation.
    #[serde(rename = "val")]
    pub validation: usize,
    /// For the test.
    pub test: usize,
}

impl Counts {
    /// Images of `split`.
    pub fn of(&self, split: Split) -> usize {
        match split {
            Split::Train => self.train,
            Split::Validation => self.validation,
            Split::Test => self.test,
        }
    }
}

/// How a folder of glyph images came to be: `manifest.json` in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the images were rendered with.
    pub options: GlyphOptions,
    /// How many there are.
    pub counts: Counts,
    /// Families of the training split.
    pub train: Vec<String>,
    /// Families of the validation split.
    #[serde(rename = "val")]
    pub validation: Vec<String>,
    /// Families of the test split.
    pub test: Vec<String>,
}

impl GlyphSet {
    /// What [`GlyphSet::write`] would say of `counts` images.
    pub fn manifest(&self, counts: Counts) -> Manifest {
        let names = |split| {
            self.families(split)
                .into_iter()
                .map(str::to_owned)
                .collect()
        };
        Manifest {
            options: self.options().clone(),
            counts,
            train: names(Split::Train),
            validation: names(Split::Validation),
            test: names(Split::Test),
        }
    }

    /// Writes the images of epoch 0 as `{dir}/{train,val,test}/{label}/{index}.png`, and the
    /// [`Manifest`] last. Calls `progress` with the number of images done, from any thread.
    ///
    /// # Errors
    /// If `dir` exists and is not empty, there are fewer images than classes in a split, or a
    /// file cannot be written.
    pub fn write(
        &self,
        dir: impl AsRef<Path>,
        counts: Counts,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Manifest> {
        let dir = dir.as_ref();
        let classes = self.labels().len();
        for split in Split::ALL {
            let count = counts.of(split);
            if count < classes || count > 999_999 {
                return Err(Error::Data(format!(
                    "expected {classes} to 999999 images for {}, found {count}",
                    split.name()
                )));
            }
        }
        let fail = |error| Error::io(dir, error);
        fs::create_dir_all(dir).map_err(fail)?;
        if fs::read_dir(dir).map_err(fail)?.next().is_some() {
            return Err(Error::Data(format!(
                "expected an empty folder, found files in {}",
                dir.display()
            )));
        }
        let done = AtomicUsize::new(0);
        for split in Split::ALL {
            let folder = dir.join(split.name());
            for label in self.labels() {
                let folder = folder.join(label);
                fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
            }
            (0..counts.of(split))
                .into_par_iter()
                .try_for_each(|index| {
                    let (pixels, class) = self.render(split, index as u64, 0);
                    let path = folder
                        .join(&self.labels()[class])
                        .join(format!("{index:06}.png"));
                    replace_unsynced(&path, &png(&pixels)?)?;
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                    Ok::<_, Error>(())
                })?;
        }
        let manifest = self.manifest(counts);
        let json = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| Error::Data(format!("manifest: {error}")))?;
        replace(&dir.join("manifest.json"), &json)?;
        Ok(manifest)
    }
}

/// A luma image as a PNG file.
pub(crate) fn png(pixels: &Pixels) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new(&mut bytes)
        .write_image(
            &pixels.data,
            pixels.width as u32,
            pixels.height as u32,
            ExtendedColorType::L8,
        )
        .map_err(|error| Error::Image(format!("expected a luma image to encode, found {error}")))?;
    Ok(bytes.into_inner())
}
