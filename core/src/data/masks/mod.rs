//! Folders of images with masks.

mod levels;

use std::{
    fs,
    io::BufReader,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use self::levels::{Levels, NONE};

use super::{Dataset, Scene, Split, folder::listing::entries, parts};
use crate::{Error, ImageShape, Preprocessing, Resize, Result, digest::ListHasher, input::picture};

/// The file of the names of the classes, a line each.
pub const CLASSES: &str = "classes.txt";

/// Images with a class for each pixel: a folder with `classes.txt`, and in the folder of each part `images` and `masks`, whose files
/// have the same names but for the ending.
///
/// A mask is a PNG file of grey levels or of a palette, up to 8 bits a pixel: the level, or the place in the palette, is the
/// class, a line of `classes.txt` from 0; 255 is no class, and counts for nothing. It has the size of its image, turned as its
/// file says. Both become as large as the model takes them, whatever their aspect; of masks the nearest pixel.
///
/// # Examples
///
/// ```
/// use std::fs;
///
/// use intformer::{ImageShape, Preprocessing, Resize, data::{Dataset, MaskFolder, Split}};
///
/// let dir = tempfile::tempdir()?;
/// fs::write(dir.path().join("classes.txt"), "ground\nsky\n")?;
/// for kind in ["images", "masks"] {
///     fs::create_dir_all(dir.path().join("val").join(kind))?;
///     // One grey pixel above another.
///     let image = image::GrayImage::from_raw(1, 2, vec![1, 0]).expect("two pixels");
///     image.save(dir.path().join("val").join(kind).join("hill.png"))?;
/// }
///
/// let preprocessing = Preprocessing::imagenet(1, Resize::Squash);
/// let shape = ImageShape::new(4, 2, 1);
/// let data = MaskFolder::open(dir.path(), &[Split::Test, Split::Validation], shape, preprocessing)?;
/// assert_eq!((data.part(), data.labels()), ("val", &["ground".to_owned(), "sky".to_owned()][..]));
/// let (scene, _) = data.get(0, 0)?;
/// assert_eq!(scene.mask, [1, 1, 1, 1, 0, 0, 0, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MaskFolder {
    /// Images and their masks.
    pairs: Vec<[PathBuf; 2]>,
    labels: Vec<String>,
    part: String,
    shape: ImageShape,
    preprocessing: Preprocessing,
}

impl MaskFolder {
    /// The first of the parts `splits` that `dir` has, for a model that takes images of `shape`.
    ///
    /// # Errors
    /// [`Error::Data`] if names of classes, images or masks are missing, or the images would be cropped.
    pub fn open(
        dir: impl AsRef<Path>,
        splits: &[Split],
        shape: ImageShape,
        preprocessing: Preprocessing,
    ) -> Result<Self> {
        let dir = dir.as_ref();
        let fail = |sentence: String| Err(Error::Data(sentence));
        if preprocessing.resize != Resize::Squash {
            return fail(
                "expected a model that takes whole images, as masks are of those, found one that crops them".to_owned(),
            );
        }
        let path = dir.join(CLASSES);
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
        let labels: Vec<String> = text
            .trim_end()
            .lines()
            .map(|line| line.trim().to_owned())
            .collect();
        let mut known = labels.clone();
        known.sort_unstable();
        known.dedup();
        if !(2..=usize::from(NONE)).contains(&labels.len())
            || known.len() != labels.len()
            || known[0].is_empty()
        {
            let found = match known.first() {
                Some(name) if name.is_empty() => "an empty line".to_owned(),
                _ if known.len() < labels.len() => "a name twice".to_owned(),
                _ => labels.len().to_string(),
            };
            return fail(format!(
                "expected 2 to {NONE} names of classes in {}, a line each and each once, found {found}",
                path.display()
            ));
        }
        let names: Vec<&str> = splits
            .iter()
            .flat_map(|&split| parts::names(split))
            .copied()
            .collect();
        let folders = entries(dir)?;
        let called = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.map(str::to_ascii_lowercase).unwrap_or_default()
        };
        let part = names.iter().find_map(|name| {
            let folder = folders
                .iter()
                .find(|path| path.is_dir() && called(path) == *name)?;
            Some(((*name).to_owned(), folder))
        });
        let Some((part, folder)) = part else {
            return fail(format!(
                "expected a folder {} in {}, found none",
                names.join(" or "),
                dir.display()
            ));
        };
        let [images, masks] = ["images", "masks"].map(|kind| folder.join(kind));
        let mut pairs = Vec::new();
        for image in entries(&images)?.into_iter().filter(|path| path.is_file()) {
            let stem = image.file_stem().unwrap_or_default();
            let mut mask = masks.join(stem).into_os_string();
            mask.push(".png");
            let mask = PathBuf::from(mask);
            if !mask.is_file() {
                return fail(format!(
                    "expected the mask {} of {}, found none",
                    mask.display(),
                    image.display()
                ));
            }
            pairs.push([image, mask]);
        }
        if pairs.is_empty() {
            return fail(format!(
                "expected images in {}, found none",
                images.display()
            ));
        }
        Ok(Self {
            pairs,
            labels,
            part,
            shape,
            preprocessing,
        })
    }

    /// The name of the part.
    pub fn part(&self) -> &str {
        &self.part
    }

    /// The folder of images of `part`, if it is a part with images and masks.
    pub fn images_of(part: &Path) -> Option<PathBuf> {
        let folders = ["images", "masks"].map(|kind| part.join(kind));
        let both = folders.iter().all(|folder| folder.is_dir());
        both.then(|| folders[0].clone())
    }

    /// Reads all masks, and how large the images are: the first that does not fit is said before a training begins. Calls
    /// `progress` after each, from any thread.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Image`] with that.
    pub fn check(&self, progress: impl Fn() + Sync) -> Result<()> {
        self.pairs.par_iter().try_for_each(|[image, mask]| {
            self.mask(mask, picture::size(image, &self.preprocessing)?)?;
            progress();
            Ok(())
        })
    }

    /// The mask in the file `path` of an image of height and width `size`.
    fn mask(&self, path: &Path, size: [usize; 2]) -> Result<Vec<u16>> {
        read(path, self.labels.len(), size, self.shape.size())
            .map_err(|sentence| Error::Data(format!("{}: {sentence}", path.display())))
    }

    /// A digest of the list of images, of the classes and of the files of masks; hexadecimal SHA-256.
    ///
    /// # Errors
    /// [`Error::Data`] if a name is not in UTF-8, [`Error::Io`] if a mask cannot be read.
    pub fn digest(&self) -> Result<String> {
        let mut hasher = ListHasher::new("masks");
        self.labels.iter().for_each(|label| hasher.text(label));
        for [image, mask] in &self.pairs {
            hasher.bytes(&fs::read(mask).map_err(|e| Error::io(mask, e))?);
            let name = image.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| {
                Error::Data(format!(
                    "expected a name in UTF-8, found {}",
                    image.display()
                ))
            })?;
            hasher.text(name);
        }
        Ok(hasher.finish())
    }
}

impl Dataset<Scene> for MaskFolder {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The class of the whole is 0.
    fn get(&self, _epoch: u64, index: usize) -> Result<(Scene, usize)> {
        let Some([image, mask]) = self.pairs.get(index) else {
            return Err(Error::Data(format!(
                "expected an index below {}, found {index}",
                self.pairs.len()
            )));
        };
        let seen = picture::decoded(image, &self.shape, &self.preprocessing)?;
        let mask = self.mask(mask, [seen.height, seen.width])?;
        let image = picture::squashed(&seen, &self.shape, &self.preprocessing)?;
        Ok((Scene { image, mask }, 0))
    }
}

/// The mask in the file `path`, of the height and width `size`, at the size `to`: of each pixel the class.
fn read(
    path: &Path,
    classes: usize,
    size: [usize; 2],
    to: [usize; 2],
) -> std::result::Result<Vec<u16>, String> {
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    let levels = Levels::decode(BufReader::new(file))?;
    if levels.size != size {
        let [[height, width], [of, by]] = [size, levels.size];
        return Err(format!(
            "expected a mask of {height} x {width} pixels, as its image is seen, found one of {of} x {by}"
        ));
    }
    levels.classes(classes, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is learnt is told by the masks as much as by the names.
    #[test]
    fn other_masks_are_other_data() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CLASSES), "a\nb\n").unwrap();
        let save = |kind: &str, size: [u32; 2], level: u8| {
            let folder = dir.path().join("train").join(kind);
            fs::create_dir_all(&folder).unwrap();
            let image = image::GrayImage::from_pixel(size[1], size[0], image::Luma([level]));
            image.save(folder.join("1.png")).unwrap();
        };
        let open = || {
            let pre = Preprocessing::imagenet(1, Resize::Squash);
            MaskFolder::open(dir.path(), &[Split::Train], ImageShape::new(4, 4, 1), pre).unwrap()
        };
        save("images", [3, 5], 7);
        save("masks", [3, 5], 0);
        let first = open().digest().unwrap();
        assert_eq!(open().digest().unwrap(), first);
        assert_eq!(open().get(0, 0).unwrap().0.mask, [0; 16]);
        save("masks", [3, 5], 1);
        assert_ne!(open().digest().unwrap(), first);
        open().check(|| ()).unwrap();
        save("masks", [5, 3], 1);
        for error in [
            open().check(|| ()).unwrap_err(),
            open().get(0, 0).unwrap_err(),
        ] {
            let error = error.to_string();
            assert!(error.contains("expected a mask of 3 x 5 pixels"), "{error}");
        }
        let part = dir.path().join("train");
        assert_eq!(MaskFolder::images_of(&part), Some(part.join("images")));
        assert_eq!(MaskFolder::images_of(dir.path()), None);
    }
}
