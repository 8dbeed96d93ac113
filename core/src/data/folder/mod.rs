//! Images in folders, as people have them.

mod files;
pub(super) mod listing;
pub mod parts;
mod sturdy;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

pub use files::ImageFiles;
pub use listing::{Findings, Skipped};
pub use sturdy::Sturdy;

use self::listing::{Entry, Walk, entries};
use super::{
    augment::Augmentation,
    classes::{ClassFolder, Matching, ModelClasses, Wish, match_classes},
};
use crate::{
    Error, ImageShape, Pixels, Preprocessing, Result, data::Dataset, digest::ListHasher, picture,
};

/// The images below a folder with a sub-folder for each class.
///
/// Classes are the sub-folders sorted by name, images the files of a class, at any depth, sorted
/// by path. Links are followed. What systems leave behind (names that start with a dot, `__MACOSX`,
/// `Thumbs.db` and the like) does not count; what else was passed over is in [`Findings`].
///
/// # Examples
///
/// ```
/// use std::fs;
///
/// use intformer::{
///     data::{Dataset, ImageFolder},
///     plan::IntModel,
/// };
///
/// # std::env::set_current_dir("..")?;
/// let dir = tempfile::tempdir()?;
/// for (class, file) in [("A", "A.png"), ("zero", "0O.png")] {
///     fs::create_dir(dir.path().join(class))?;
///     let to = dir.path().join(class).join(file);
///     fs::copy(format!("models/samples/{file}"), to)?;
/// }
/// // A photo of a phone, of a kind that is not read.
/// fs::write(dir.path().join("zero").join("IMG_1.HEIC"), "...")?;
///
/// let folder = ImageFolder::open(dir.path())?;
/// assert_eq!(folder.labels(), ["A", "zero"]);
/// assert_eq!(folder.len(), 2);
/// assert_eq!(folder.findings().lines(), ["1 file left out: 1 .heic"]);
///
/// // The images as a model takes them.
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// let data = folder.dataset(model.config.image()?, model.preprocessing);
/// let (image, class) = data.get(0, 1)?;
/// assert_eq!((image.width, class), (32, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFolder {
    root: PathBuf,
    labels: Vec<String>,
    images: Vec<(PathBuf, usize)>,
    findings: Findings,
}

impl ImageFolder {
    /// Lists the images below `dir`. No file is opened.
    ///
    /// # Errors
    /// If the folder cannot be listed, there is no class, or no class has an image.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let mut walk = Walk::within(dir)?;
        let (mut labels, mut images) = (Vec::new(), Vec::new());
        for class in entries(dir)? {
            let entry = Entry::of(&class);
            match entry {
                Entry::Folder => walk.inner(&class)?,
                // A link that led to a folder is a class whose images are gone.
                Entry::Broken(_) if class.extension().is_none() => walk.file(class.clone(), entry),
                Entry::Image => {
                    walk.findings.without_class += 1;
                    continue;
                }
                _ => {
                    walk.file(class, entry);
                    continue;
                }
            }
            let Some(label) = class.file_name().and_then(|name| name.to_str()) else {
                return Err(Error::Data(format!(
                    "expected a class name in UTF-8, found {}",
                    class.display()
                )));
            };
            let found = std::mem::take(&mut walk.images);
            images.extend(found.into_iter().map(|path| (path, labels.len())));
            labels.push(label.to_owned());
        }
        let fail = |what: &str| {
            let lines = walk.findings.lines();
            let also = lines.iter().map(|line| format!("; {line}"));
            Err(Error::Data(format!(
                "expected {what} in {}, found none{}",
                dir.display(),
                also.collect::<String>()
            )))
        };
        if labels.is_empty() {
            return fail("a folder for each class");
        }
        if images.is_empty() {
            return fail("images");
        }
        let mut folder = Self {
            root: dir.to_owned(),
            labels,
            images,
            findings: walk.findings,
        };
        folder.note_empty(&vec![1; folder.labels.len()]);
        Ok(folder)
    }

    /// Number of images; at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Names of the classes, sorted.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The file of image `index`, if there is one.
    pub fn path(&self, index: usize) -> Option<&Path> {
        self.images.get(index).map(|(path, _)| path.as_path())
    }

    /// The class of image `index`, if there is one.
    pub fn class(&self, index: usize) -> Option<usize> {
        self.images.get(index).map(|&(_, class)| class)
    }

    /// A digest of the list: names of the classes and, of each image, its place below its class's folder, its class and how
    /// many bytes it has; of no picture's contents.
    ///
    /// # Errors
    /// [`Error::Io`] if a file is gone.
    pub fn digest(&self) -> Result<String> {
        let mut hasher = ListHasher::new("images");
        hasher.names(&self.labels);
        for (path, class) in &self.images {
            let length = std::fs::metadata(path)
                .map_err(|e| Error::io(path, e))?
                .len();
            let inner = path.strip_prefix(&self.root).unwrap_or(path);
            let parts = inner.iter().map(|part| part.to_string_lossy());
            hasher.text(&parts.collect::<Vec<_>>().join("/"));
            hasher.number(*class as u64);
            hasher.number(length);
        }
        Ok(hasher.finish())
    }

    /// What was passed over.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Which of a model's classes the classes of this folder are.
    ///
    /// # Errors
    /// As [`match_classes`].
    pub fn matched(&self, model: &ModelClasses, wish: &Wish) -> Result<Matching> {
        let counts = self.counts();
        let folders = self.labels.iter().zip(counts);
        let folders: Vec<_> = folders
            .map(|(name, images)| ClassFolder {
                name,
                empty: images == 0,
            })
            .collect();
        match_classes(&folders, model, wish)
    }

    /// The folder with the classes `labels`, of which `classes` says which each of its own is.
    ///
    /// # Errors
    /// If an image has no class then.
    pub fn relabelled(mut self, labels: Vec<String>, classes: &[Option<usize>]) -> Result<Self> {
        for (path, class) in &mut self.images {
            let known = classes.get(*class).copied().flatten();
            *class = known.filter(|&class| class < labels.len()).ok_or_else(|| {
                Error::Data(format!(
                    "expected one of {} classes, found {}",
                    labels.len(),
                    path.display()
                ))
            })?;
        }
        // Images of a class lie together.
        self.images.sort_by_key(|(_, class)| *class);
        self.labels = labels;
        Ok(self)
    }

    /// The folder with the classes `labels`, among which its own are by name.
    ///
    /// # Errors
    /// If it has images of another class.
    pub fn with_labels(self, labels: &[String]) -> Result<Self> {
        let place = |name: &String| labels.iter().position(|label| label == name);
        let classes: Vec<_> = self.labels.iter().map(place).collect();
        let known = self
            .images
            .iter()
            .find(|(_, class)| classes[*class].is_none());
        if let Some((path, class)) = known {
            return Err(Error::Data(format!(
                "expected the same classes in training and validation data, found {:?} in {} alone",
                self.labels[*class],
                path.display()
            )));
        }
        self.relabelled(labels.to_vec(), &classes)
    }

    /// The folder without the classes that have no image.
    pub fn without_empty(mut self) -> Self {
        let counts = self.counts();
        let mut places = Vec::with_capacity(counts.len());
        let mut next = 0;
        for &count in &counts {
            places.push(next);
            next += usize::from(count > 0);
        }
        let mut counts = counts.into_iter();
        self.labels
            .retain(|_| counts.next().is_some_and(|count| count > 0));
        for (_, class) in &mut self.images {
            *class = places[*class];
        }
        self
    }

    /// The folder without the images `unreadable`, which are counted among the findings.
    ///
    /// # Errors
    /// If no image is left.
    pub fn without(mut self, unreadable: &[(usize, Skipped)]) -> Result<Self> {
        let before = self.counts();
        let mut gone = unreadable
            .iter()
            .map(|(index, _)| *index)
            .collect::<Vec<_>>();
        gone.sort_unstable();
        let mut index = 0;
        self.images.retain(|_| {
            index += 1;
            gone.binary_search(&(index - 1)).is_err()
        });
        let skipped = unreadable.iter().map(|(_, skipped)| skipped.clone());
        self.findings.skipped.extend(skipped);
        self.note_empty(&before);
        match self.images.is_empty() {
            false => Ok(self),
            true => Err(unread(&self.findings.skipped)),
        }
    }

    /// The images as a model that takes images of `shape` does.
    pub fn dataset(self, shape: ImageShape, preprocessing: Preprocessing) -> FolderDataset {
        FolderDataset {
            folder: self,
            shape,
            preprocessing,
            augmentation: None,
        }
    }

    /// All images but a share of each class, and those, drawn by `seed`; both in their order. Some of each class are left in
    /// the first.
    ///
    /// # Errors
    /// [`Error::Data`] if `share` is not between 0 and 1, or nothing would be held out.
    pub fn held_out(self, share: f64, seed: u64) -> Result<[Self; 2]> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut held = vec![false; self.images.len()];
        let mut start = 0;
        // Images of a class lie together.
        for class in self.images.chunk_by(|one, other| one.1 == other.1) {
            let mut places: Vec<usize> = (start..start + class.len()).collect();
            start += class.len();
            places.shuffle(&mut random);
            let count = (places.len() as f64 * share).round() as usize;
            places.truncate(count.min(places.len().saturating_sub(1)));
            places.iter().for_each(|&index| held[index] = true);
        }
        if !(0.0..1.0).contains(&share) || !held.contains(&true) {
            return Err(Error::Data(format!(
                "expected a share of {} images that leaves some for either part, found {share}",
                self.images.len()
            )));
        }
        let part = |wanted: bool| {
            let images = self
                .images
                .iter()
                .zip(&held)
                .filter(|(_, is)| **is == wanted);
            images.map(|(image, _)| image.clone()).collect()
        };
        let others = Self {
            images: part(true),
            // What was passed over counts once.
            findings: Findings::default(),
            ..self.clone()
        };
        let images = part(false);
        Ok([Self { images, ..self }, others])
    }

    /// Images of each class.
    fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        for &(_, class) in &self.images {
            counts[class] += 1;
        }
        counts
    }

    /// Notes the classes that have no image any more but had some `before`.
    fn note_empty(&mut self, before: &[usize]) {
        let counts = before.iter().zip(self.counts());
        let labels = self.labels.iter().zip(counts);
        let empty = labels.filter(|(_, (before, count))| **before > 0 && *count == 0);
        let empty = empty.map(|(label, _)| label.clone());
        self.findings.empty.extend(empty);
    }
}

/// The error of files of which not one can be read.
pub fn unread(skipped: &[Skipped]) -> Error {
    let first = match skipped.first() {
        Some(first) => format!("{} ({})", first.path.display(), first.reason),
        None => "none".to_owned(),
    };
    Error::Data(format!(
        "expected images that can be read, found {} that cannot, the first {first}",
        skipped.len()
    ))
}

/// An [`ImageFolder`] read through the resize rule of a model; the same in every epoch, unless it is augmented.
#[derive(Clone, Debug)]
pub struct FolderDataset {
    folder: ImageFolder,
    shape: ImageShape,
    preprocessing: Preprocessing,
    augmentation: Option<(Augmentation, u64)>,
}

impl FolderDataset {
    /// The images changed at random by `augmentation`, drawn by `seed`, in each epoch anew.
    ///
    /// # Errors
    /// As [`Augmentation::validate`].
    pub fn augmented(self, augmentation: Augmentation, seed: u64) -> Result<Self> {
        augmentation.validate()?;
        let augmentation = (!augmentation.is_none()).then_some((augmentation, seed));
        Ok(Self {
            augmentation,
            ..self
        })
    }

    /// How the images are changed, and by which seed, if they are.
    pub fn augmentation(&self) -> Option<&(Augmentation, u64)> {
        self.augmentation.as_ref()
    }

    /// The list of images.
    pub fn folder(&self) -> &ImageFolder {
        &self.folder
    }
}

impl Dataset for FolderDataset {
    fn len(&self) -> usize {
        self.folder.len()
    }

    fn labels(&self) -> &[String] {
        self.folder.labels()
    }

    fn get(&self, epoch: u64, index: usize) -> Result<(Pixels, usize)> {
        let (path, class) = self.folder.images.get(index).ok_or_else(|| {
            Error::Data(format!(
                "expected an index below {}, found {index}",
                self.len()
            ))
        })?;
        let (shape, pre) = (&self.shape, &self.preprocessing);
        let pixels = match &self.augmentation {
            None => picture::load(path, shape, pre)?,
            Some((augmentation, seed)) => {
                let image = picture::decoded(path, shape, pre)?;
                augmentation.apply(&image, shape, pre, [*seed, epoch, index as u64])?
            }
        };
        Ok((pixels, *class))
    }
}
