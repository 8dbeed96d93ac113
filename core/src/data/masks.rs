//! Folders of images with masks.

use std::{
    fs,
    io::{BufReader, Seek},
    path::{Path, PathBuf},
};

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use rayon::prelude::*;

use super::{Dataset, Scene, Split, folder::listing::entries, parts};
use crate::{
    Error, ImageShape, Preprocessing, Resize, Result, dense::IGNORED, digest::ListHasher,
    input::picture,
};

/// The file of the names of the classes, a line each.
pub const CLASSES: &str = "classes.txt";

/// The byte of a mask's pixel that is of no class.
const NONE: u8 = 255;

/// The most pixels of a mask.
const MAX_PIXELS: u64 = 1 << 28;

/// Images with a class for each pixel: a folder with `classes.txt`, and in the folder of each part `images` and `masks`, whose files
/// have the same names but for the ending.
///
/// A mask is a PNG file of grey levels or of a palette, up to 8 bits a pixel: the level, or the place in the palette, is the
/// class, a line of `classes.txt` from 0; 255 is no class, and counts for nothing. Images and masks become as large as the
/// model takes them, whatever their aspect; of masks the nearest pixel.
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
        let labels: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        let mut known = labels.clone();
        known.sort_unstable();
        known.dedup();
        if !(2..=usize::from(NONE)).contains(&labels.len())
            || known.len() != labels.len()
            || known[0].is_empty()
        {
            return fail(format!(
                "expected 2 to {NONE} names of classes in {}, a line each and each once, found {}",
                path.display(),
                labels.len()
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

    /// Reads all masks: the first that is none is said before a training begins. Calls `progress` after each, from any thread.
    ///
    /// # Errors
    /// [`Error::Data`] with that.
    pub fn check(&self, progress: impl Fn() + Sync) -> Result<()> {
        self.pairs.par_iter().try_for_each(|[_, mask]| {
            self.mask(mask)?;
            progress();
            Ok(())
        })
    }

    fn mask(&self, path: &Path) -> Result<Vec<u16>> {
        read(path, self.labels.len(), self.shape.size())
            .map_err(|sentence| Error::Data(format!("{}: {sentence}", path.display())))
    }

    /// A digest of the list of images and of the classes; hexadecimal SHA-256.
    ///
    /// # Errors
    /// [`Error::Data`] if a name is not in UTF-8.
    pub fn digest(&self) -> Result<String> {
        let mut hasher = ListHasher::new("masks");
        self.labels.iter().for_each(|label| hasher.text(label));
        for [image, _] in &self.pairs {
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
        let image = picture::load(image, &self.shape, &self.preprocessing)?;
        let mask = self.mask(mask)?;
        Ok((Scene { image, mask }, 0))
    }
}

/// The mask in the file `path` at the size `to`: of each pixel the class.
fn read(path: &Path, classes: usize, to: [usize; 2]) -> std::result::Result<Vec<u16>, String> {
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    let (size, bytes) = decode(BufReader::new(file))?;
    let wrong = |byte: &&u8| **byte != NONE && usize::from(**byte) >= classes;
    if let Some(class) = bytes.iter().find(wrong) {
        return Err(format!("expected classes below {classes}, found {class}"));
    }
    let mut mask = Vec::with_capacity(to[0] * to[1]);
    for row in 0..to[0] {
        let from = (2 * row + 1) * size[0] / (2 * to[0]);
        let line = &bytes[from * size[1]..][..size[1]];
        for column in 0..to[1] {
            let byte = line[(2 * column + 1) * size[1] / (2 * to[1])];
            mask.push(match byte {
                NONE => IGNORED,
                class => class.into(),
            });
        }
    }
    Ok(mask)
}

/// Height, width and the levels or places in the palette of a PNG file's pixels.
fn decode(
    file: impl std::io::BufRead + Seek,
) -> std::result::Result<([usize; 2], Vec<u8>), String> {
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: 64 << 20 });
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let info = reader.info();
    let (width, height) = (info.width, info.height);
    let (kind, depth) = (info.color_type, info.bit_depth);
    let is_mask = [ColorType::Grayscale, ColorType::Indexed].contains(&kind);
    if !is_mask || depth == BitDepth::Sixteen {
        return Err(format!(
            "expected grey levels or a palette of up to 8 bits a pixel, found {kind:?} of {depth:?}"
        ));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "expected at most {MAX_PIXELS} pixels, found {width} x {height}"
        ));
    }
    let room = reader
        .output_buffer_size()
        .ok_or("expected a smaller image")?;
    let mut bytes = vec![0; room];
    reader.next_frame(&mut bytes).map_err(|e| e.to_string())?;
    let (height, width) = (height as usize, width as usize);
    let bits = depth as usize;
    let each = 8 / bits;
    let line = width.div_ceil(each);
    let place = |at: usize| {
        let (row, column) = (at / width, at % width);
        let byte = bytes[row * line + column / each];
        let low = 8 - bits * (column % each + 1);
        (byte >> low) & (0xff >> (8 - bits))
    };
    let places = (0..height * width).map(place).collect();
    Ok(([height, width], places))
}

#[cfg(test)]
mod tests {
    use png::Encoder;

    use super::*;

    fn encoded(kind: ColorType, depth: BitDepth, size: [u32; 2], bytes: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, size[1], size[0]);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        if kind == ColorType::Indexed {
            encoder.set_palette(vec![7; 3 * 16]);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(bytes).unwrap();
        writer.finish().unwrap();
        file
    }

    fn decoded(file: Vec<u8>) -> std::result::Result<([usize; 2], Vec<u8>), String> {
        decode(std::io::Cursor::new(file))
    }

    #[test]
    fn places_of_all_depths_are_read() {
        let eight = encoded(ColorType::Grayscale, BitDepth::Eight, [1, 3], &[0, 9, 255]);
        assert_eq!(decoded(eight).unwrap(), ([1, 3], vec![0, 9, 255]));
        // The palette says how it looks, not what it is.
        let four = encoded(
            ColorType::Indexed,
            BitDepth::Four,
            [2, 3],
            &[0x12, 0x30, 0x45, 0x60],
        );
        assert_eq!(decoded(four).unwrap(), ([2, 3], vec![1, 2, 3, 4, 5, 6]));
        let one = encoded(
            ColorType::Grayscale,
            BitDepth::One,
            [1, 9],
            &[0b1010_0001, 0x80],
        );
        assert_eq!(decoded(one).unwrap().1, [1, 0, 1, 0, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        let colour = encoded(ColorType::Rgb, BitDepth::Eight, [1, 1], &[1, 2, 3]);
        assert!(decoded(colour).unwrap_err().contains("found Rgb"));
        assert!(decoded(b"no image".to_vec()).is_err());
        let mut cut = encoded(ColorType::Grayscale, BitDepth::Eight, [4, 4], &[1; 16]);
        cut.truncate(cut.len() - 20);
        assert!(decoded(cut).is_err());
    }
}
