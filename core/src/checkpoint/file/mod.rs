//! Tensors as files name them, whatever the format.

mod format;
mod safe;
mod torch;

pub(crate) use format::{Format, detect};

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{Cursor, Read, Seek},
    ops::Range,
    path::{Path, PathBuf},
};

use half::{bf16, f16};

use crate::{Error, HostTensor, Params, Result};

/// The largest checkpoint read, all its files together: eight times a Swin-L of 32 bit floats.
const MAX_BYTES: u64 = 8 << 30;

/// The most tensors of a checkpoint; one in a pickle may stand in many places.
const MAX_TENSORS: usize = 1 << 17;

/// Element types that become f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Float {
    F64,
    F32,
    F16,
    BF16,
}

impl Float {
    fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }
}

/// What the elements of a tensor are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Numbers that become f32.
    Float(Float),
    /// Anything else, by its name.
    Other(String),
}

/// A tensor whose elements are not read yet.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    /// Which of [`Tensors::files`] holds it.
    file: usize,
    place: Place,
}

/// Where the elements lie in a file.
#[derive(Debug)]
enum Place {
    /// At these bytes, one after the other.
    Bytes(Range<usize>),
    /// In a storage of a file of torch.save.
    View(torch::View),
}

/// An open file.
enum Content {
    Safe(Vec<u8>),
    Torch(torch::Archive),
}

/// What files are read from.
trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// The tensors of one or more files by their dotted names, read when they are asked for.
#[derive(Default)]
pub(super) struct Tensors {
    pub(super) all: BTreeMap<String, Stored>,
    /// The header of a file of this library.
    pub(super) own: Option<String>,
    /// Classes of whole modules that a pickle holds in place of their tensors.
    pub(super) modules: Vec<String>,
    files: Vec<Content>,
    /// Bytes of all files.
    size: u64,
}

impl Tensors {
    /// Opens the files at `paths`, parts of one checkpoint.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut tensors = Self::default();
        for path in paths {
            let mut file = File::open(path).map_err(|error| Error::io(path, error))?;
            let metadata = file.metadata().map_err(|error| Error::io(path, error))?;
            let size = tensors.size.saturating_add(metadata.len());
            if size > MAX_BYTES {
                return Err(Error::Checkpoint(format!(
                    "expected files of at most {MAX_BYTES} bytes in all, found more in {}",
                    path.display()
                )));
            }
            let part = match format_of(path)? {
                Format::Safe => {
                    let mut bytes = Vec::new();
                    let read = file.by_ref().take(MAX_BYTES).read_to_end(&mut bytes);
                    read.map_err(|error| Error::io(path, error))?;
                    safe::parse(bytes)?
                }
                format => torch::open(format, Box::new(file), metadata.len())?,
            };
            tensors.merge(part)?;
            tensors.size = size;
        }
        Ok(tensors)
    }

    /// Reads the `bytes` of one file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let format = detect(&bytes[..bytes.len().min(format::HEAD)])?;
        let mut tensors = Self::default();
        tensors.merge(match format {
            Format::Safe => safe::parse(bytes.to_vec())?,
            format => torch::open(
                format,
                Box::new(Cursor::new(bytes.to_vec())),
                bytes.len() as u64,
            )?,
        })?;
        tensors.size = bytes.len() as u64;
        Ok(tensors)
    }

    /// Takes up the tensors of another file.
    fn merge(&mut self, part: Self) -> Result<()> {
        let first = self.files.len();
        for (name, mut stored) in part.all {
            stored.file += first;
            self.insert(name, stored)?;
        }
        self.own = self.own.take().or(part.own);
        self.modules.extend(part.modules);
        self.files.extend(part.files);
        Ok(())
    }

    fn insert(&mut self, name: String, stored: Stored) -> Result<()> {
        if self.all.len() >= MAX_TENSORS {
            return Err(Error::Checkpoint(format!(
                "expected at most {MAX_TENSORS} tensors, found more"
            )));
        }
        match self.all.entry(name) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(stored);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(place) => Err(Error::Checkpoint(format!(
                "expected one tensor called {}, found a second",
                place.key()
            ))),
        }
    }

    /// The elements of the tensors `names`, as f32.
    ///
    /// # Errors
    /// If one is missing, does not hold floats, or if all together are more than twice as large as the files.
    pub(super) fn read(&mut self, names: &BTreeSet<&str>) -> Result<Params> {
        let mut wanted = Vec::new();
        let mut total = 0_u64;
        for &name in names {
            let stored = self.all.get(name);
            let stored =
                stored.ok_or_else(|| Error::Checkpoint(format!("the tensor {name} is missing")))?;
            let Element::Float(float) = stored.element else {
                let Element::Other(found) = &stored.element else {
                    continue;
                };
                return Err(Error::Checkpoint(format!(
                    "the tensor {name} should hold floats of 16, 32 or 64 bits, found {found}"
                )));
            };
            let elements = stored
                .shape
                .iter()
                .try_fold(float.size(), |product, &extent| product.checked_mul(extent));
            // A view can repeat its elements without end; in a state dict at most the words that a head shares with
            // the embeddings are there twice.
            total = total.saturating_add(elements.map_or(u64::MAX, |bytes| bytes as u64));
            let most = self.size.saturating_mul(2);
            if total > most {
                return Err(Error::Checkpoint(format!(
                    "expected tensors of at most {most} bytes, twice the file, found more at {name}",
                )));
            }
            wanted.push((name, stored, float));
        }
        // Views of one storage come one after the other, so that it is read once.
        wanted.sort_by(|(_, a, _), (_, b, _)| (a.file, a.storage()).cmp(&(b.file, b.storage())));
        let mut params = Params::default();
        for (name, stored, float) in wanted {
            let bytes = match (&mut self.files[stored.file], &stored.place) {
                (Content::Safe(bytes), Place::Bytes(range)) => {
                    widen(float, bytes.get(range.clone()).unwrap_or_default())
                }
                (Content::Torch(archive), Place::View(view)) => widen(
                    float,
                    &archive.read(name, view, &stored.shape, float.size())?,
                ),
                _ => Vec::new(),
            };
            if stored.shape.iter().product::<usize>() != bytes.len() {
                return Err(Error::Checkpoint(format!(
                    "the tensor {name} should hold the elements of shape {:?}, found {}",
                    stored.shape,
                    bytes.len()
                )));
            }
            let tensor = HostTensor::new(stored.shape.clone(), bytes);
            params.0.insert(name.to_owned(), tensor);
        }
        Ok(params)
    }
}

impl Tensors {
    /// The bytes of the tensor `name`, as a file of safetensors has them.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let stored = self.all.get(name);
        let byte = Element::Other("U8".to_owned());
        let found = stored.and_then(|stored| match (&self.files[stored.file], &stored.place) {
            (Content::Safe(bytes), Place::Bytes(range)) if stored.element == byte => {
                bytes.get(range.clone())
            }
            _ => None,
        });
        let bytes = found.map(<[u8]>::to_vec);
        bytes.ok_or_else(|| {
            Error::Checkpoint(format!("expected bytes in the tensor {name}, found none"))
        })
    }
}

impl Stored {
    fn storage(&self) -> &str {
        match &self.place {
            Place::Bytes(_) => "",
            Place::View(view) => &view.storage,
        }
    }
}

/// The format of the file at `path`.
pub(super) fn format_of(path: &Path) -> Result<Format> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let mut head = Vec::new();
    let read = file.take(format::HEAD as u64).read_to_end(&mut head);
    read.map_err(|error| Error::io(path, error))?;
    detect(&head).map_err(|error| match error {
        Error::Checkpoint(sentence) => Error::Checkpoint(format!("{}: {sentence}", path.display())),
        other => other,
    })
}

fn widen(float: Float, bytes: &[u8]) -> Vec<f32> {
    fn all<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes
            .as_chunks::<N>()
            .0
            .iter()
            .map(|&le| convert(le))
            .collect()
    }
    match float {
        Float::F64 => all(bytes, |le| f64::from_le_bytes(le) as f32),
        Float::F32 => all(bytes, f32::from_le_bytes),
        Float::F16 => all(bytes, |le| f16::from_le_bytes(le).to_f32()),
        Float::BF16 => all(bytes, |le| bf16::from_le_bytes(le).to_f32()),
    }
}
