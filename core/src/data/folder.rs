//! Image folders as torchvision's `ImageFolder` reads them: one folder a class.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, Pixels, Preprocessing, Result, data::Dataset, model::SwinConfig, picture};

/// Endings of the files that count as images, in lower case.
const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// The images below a folder with a sub-folder for each class.
///
/// Classes are the sub-folders sorted by name, images the files of a class, at any depth, sorted
/// by path; names that start with a dot do not count.
#[derive(Clone, Debug)]
pub struct ImageFolder {
    labels: Vec<String>,
    images: Vec<(PathBuf, usize)>,
}

impl ImageFolder {
    /// Lists the images below `dir`.
    ///
    /// # Errors
    /// If a folder cannot be listed, there is no class, or a class has no image.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let (mut labels, mut images) = (Vec::new(), Vec::new());
        for class in entries(dir)? {
            if !class.is_dir() {
                continue;
            }
            let Some(label) = class.file_name().and_then(|name| name.to_str()) else {
                return Err(Error::Data(format!(
                    "expected a class name in UTF-8, found {}",
                    class.display()
                )));
            };
            let before = images.len();
            collect(&class, labels.len(), 0, &mut images)?;
            if images.len() == before {
                return Err(Error::Data(format!(
                    "expected PNG, JPEG or WebP files in {}, found none",
                    class.display()
                )));
            }
            labels.push(label.to_owned());
        }
        if labels.is_empty() {
            return Err(Error::Data(format!(
                "expected a folder for each class in {}, found none",
                dir.display()
            )));
        }
        Ok(Self { labels, images })
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

    /// The images as a model of `config` takes them.
    pub fn dataset(self, config: SwinConfig, preprocessing: Preprocessing) -> FolderDataset {
        FolderDataset {
            folder: self,
            config,
            preprocessing,
        }
    }
}

/// An [`ImageFolder`] read through the resize rule of a model; the same in every epoch.
#[derive(Clone, Debug)]
pub struct FolderDataset {
    folder: ImageFolder,
    config: SwinConfig,
    preprocessing: Preprocessing,
}

impl FolderDataset {
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

    fn get(&self, _epoch: u64, index: usize) -> Result<(Pixels, usize)> {
        let (path, class) = self.folder.images.get(index).ok_or_else(|| {
            Error::Data(format!(
                "expected an index below {}, found {index}",
                self.len()
            ))
        })?;
        let pixels = picture::load(path, &self.config, &self.preprocessing)?;
        Ok((pixels, *class))
    }
}

/// The visible entries of `dir`, sorted by name.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(dir)
        .and_then(|list| {
            list.map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(|error| Error::io(dir, error))?;
    paths.retain(|path| {
        path.file_name()
            .is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
    });
    paths.sort();
    Ok(paths)
}

/// Adds the images below `dir` to `images`.
fn collect(
    dir: &Path,
    class: usize,
    depth: usize,
    images: &mut Vec<(PathBuf, usize)>,
) -> Result<()> {
    // A link back to a parent folder would never end.
    const DEEPEST: usize = 16;
    if depth > DEEPEST {
        return Err(Error::Data(format!(
            "expected folders at most {DEEPEST} deep, found {}",
            dir.display()
        )));
    }
    for path in entries(dir)? {
        if path.is_dir() {
            collect(&path, class, depth + 1, images)?;
        } else if path
            .extension()
            .and_then(|ending| ending.to_str())
            .is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
        {
            images.push((path, class));
        }
    }
    Ok(())
}
