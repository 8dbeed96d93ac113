//! Pictures with a class for each pixel: plates with letters and digits, on paper.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rayon::prelude::*;

use super::{Dataset, GlyphSet, Split, glyphs::png, masks::CLASSES};
use crate::{
    Error, Pixels, Result,
    file::{replace, replace_unsynced},
};

/// A picture and the class of each of its pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// The picture.
    pub image: Pixels,
    /// A class for each pixel, row by row.
    pub mask: Vec<u16>,
}

/// Scenes of a split of a [`GlyphSet`]: some of its images, as plates that do not overlap, on paper of a random grey. The
/// first class is the paper's, the others are those of the set.
///
/// A scene is a pure function of the set's options, the fonts, the index and, to train on, the epoch.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use intformer::data::{Dataset, GlyphOptions, GlyphSet, SceneSet, Split};
///
/// let options = GlyphOptions {
///     size: 20,
///     classes: ('0'..='9').map(String::from).collect(),
///     ..GlyphOptions::default()
/// };
/// let scenes = SceneSet::new(Arc::new(GlyphSet::discover(options)?), Split::Test, 64, 10)?;
/// assert_eq!(scenes.labels()[..2], ["paper", "0"]);
/// let (scene, _) = scenes.get(0, 3)?;
/// assert_eq!((scene.image.height, scene.mask.len()), (64, 64 * 64));
/// assert!(scene.mask.contains(&0) && scene.mask.iter().any(|&class| class > 0));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SceneSet {
    set: Arc<GlyphSet>,
    split: Split,
    side: usize,
    len: usize,
    labels: Vec<String>,
}

/// Plates of a scene, at most.
const PLATES: usize = 5;

/// Places that are tried for a plate.
const TRIES: usize = 12;

impl SceneSet {
    /// `len` scenes of `side` times `side` pixels with plates of the size of `set`.
    ///
    /// # Errors
    /// [`Error::Data`] if no plate fits into a scene, or there are too many classes for a mask.
    pub fn new(set: Arc<GlyphSet>, split: Split, side: usize, len: usize) -> Result<Self> {
        let plate = set.options().size;
        if set.labels().len() > 200 {
            return Err(Error::Data(format!(
                "expected at most 200 classes, found {}",
                set.labels().len()
            )));
        }
        if plate > side || side > 4096 {
            return Err(Error::Data(format!(
                "expected scenes of {plate} to 4096 pixels, as wide as a plate at least, found {side}"
            )));
        }
        let paper = "paper".to_owned();
        let labels = std::iter::once(paper).chain(set.labels().iter().cloned());
        Ok(Self {
            labels: labels.collect(),
            set,
            split,
            side,
            len,
        })
    }

    /// Writes the scenes of epoch 0 into the folder `dir` as [`MaskFolder`](super::MaskFolder) reads them: `{split}/images`,
    /// `{split}/masks` and `classes.txt`. Calls `progress` with the number of scenes done, from any thread.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, dir: &Path, split: Split, progress: impl Fn(usize) + Sync) -> Result<()> {
        let folders = ["images", "masks"].map(|kind| dir.join(split.name()).join(kind));
        for folder in &folders {
            fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        }
        let done = AtomicUsize::new(0);
        (0..self.len).into_par_iter().try_for_each(|index| {
            let (Scene { image, mask }, _) = self.scene(0, index as u64);
            let mask = Pixels {
                data: mask.iter().map(|&class| class as u8).collect(),
                ..image
            };
            for (folder, pixels) in folders.iter().zip([&image, &mask]) {
                replace_unsynced(&folder.join(format!("{index:06}.png")), &png(pixels)?)?;
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            Ok::<_, Error>(())
        })?;
        let names: String = self
            .labels
            .iter()
            .map(|label| format!("{label}\n"))
            .collect();
        replace(&dir.join(CLASSES), names.as_bytes())
    }

    fn scene(&self, epoch: u64, index: u64) -> (Scene, usize) {
        let epoch = match self.split {
            Split::Train => epoch,
            Split::Validation | Split::Test => 0,
        };
        let mut seed = [0; 32];
        let numbers = [self.set.options().seed, self.split as u64, epoch, !index];
        for (bytes, number) in seed.chunks_exact_mut(8).zip(numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        let rng = &mut ChaCha8Rng::from_seed(seed);
        let mut below = |count: usize| (rng.next_u64() % count as u64) as usize;
        let (side, plate) = (self.side, self.set.options().size);
        let (grey, grain) = (40 + below(160), 1 + below(24));
        let mut data: Vec<u8> = (0..side * side)
            .map(|_| (grey + below(grain)) as u8)
            .collect();
        let mut mask = vec![0; side * side];
        let mut taken: Vec<[usize; 2]> = Vec::new();
        let mut first = 0;
        for at in 0..1 + below(PLATES) {
            let free = |place: &[usize; 2]| {
                let apart = |other: &[usize; 2]| {
                    let pairs = place.iter().zip(other);
                    pairs.into_iter().any(|(a, b)| a.abs_diff(*b) >= plate)
                };
                taken.iter().all(apart)
            };
            let places: Vec<[usize; 2]> = (0..TRIES)
                .map(|_| [0; 2].map(|_| below(side - plate + 1)))
                .collect();
            let Some(&[top, left]) = places.iter().find(|place| free(place)) else {
                continue;
            };
            taken.push([top, left]);
            let glyph = (below(1 << 32) + at) as u64;
            let (pixels, class) = self.set.render(self.split, glyph, epoch);
            if first == 0 {
                first = class + 1;
            }
            for (row, line) in pixels.data.chunks(plate).enumerate() {
                let start = (top + row) * side + left;
                data[start..start + plate].copy_from_slice(line);
                mask[start..start + plate].fill(class as u16 + 1);
            }
        }
        let image = Pixels {
            height: side,
            width: side,
            channels: 1,
            data,
        };
        (Scene { image, mask }, first)
    }
}

impl Dataset<Scene> for SceneSet {
    fn len(&self) -> usize {
        self.len
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The class of the whole is that of its first plate.
    fn get(&self, epoch: u64, index: usize) -> Result<(Scene, usize)> {
        if index >= self.len {
            return Err(Error::Data(format!(
                "expected an index below {}, found {index}",
                self.len
            )));
        }
        Ok(self.scene(epoch, index as u64))
    }
}
