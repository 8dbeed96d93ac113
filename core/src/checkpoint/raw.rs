//! Tensors as a file names them, whatever the file format.

use std::{fs::File, io::Read, path::Path};

use half::{bf16, f16};

use super::{pickle, safe};
use crate::{Error, HostTensor, Params, Result};

/// The largest file read: eight times a Swin-L of 32 bit floats.
const MAX_FILE: u64 = 8 << 30;

/// Element types that become f32.
#[derive(Clone, Copy)]
pub(super) enum Float {
    F64,
    F32,
    F16,
    BF16,
}

/// Tensors as a file names them.
#[derive(Default)]
pub(super) struct Raw {
    /// The float tensors, buffers included.
    pub(super) params: Params,
    /// The header of a file of this library.
    pub(super) own: Option<String>,
}

impl Raw {
    /// Reads the file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        if is_pickle(&path.to_string_lossy())? {
            return pickle::read(path);
        }
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let mut bytes = Vec::new();
        let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
        read.map_err(|error| Error::io(path, error))?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(Error::Checkpoint(format!(
                "expected a file of at most {MAX_FILE} bytes, found more in {}",
                path.display()
            )));
        }
        safe::parse(&bytes)
    }

    /// Reads the `bytes` of a file called `name`.
    pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        if !is_pickle(name)? {
            return safe::parse(bytes);
        }
        // The reader of torch.save files seeks in a file, so the bytes become one.
        let mut file = tempfile::NamedTempFile::new().map_err(|error| Error::io(name, error))?;
        let written = std::io::Write::write_all(&mut file, bytes);
        written.map_err(|error| Error::io(file.path(), error))?;
        pickle::read(file.path())
    }

    /// Takes up the tensor `name` of little-endian `bytes`.
    pub(super) fn push(
        &mut self,
        name: &str,
        shape: &[usize],
        float: Float,
        bytes: &[u8],
    ) -> Result<()> {
        let data = widen(float, bytes);
        let elements = shape
            .iter()
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent));
        if elements != Some(data.len()) {
            return Err(Error::Checkpoint(format!(
                "the tensor {name} should hold the elements of shape {shape:?}, found {}",
                data.len()
            )));
        }
        let tensor = HostTensor::new(shape, data);
        self.params.0.insert(name.to_owned(), tensor);
        Ok(())
    }
}

/// The error for a tensor that is no float and no known buffer.
pub(super) fn not_float(name: &str, found: impl std::fmt::Debug) -> Error {
    Error::Checkpoint(format!(
        "the tensor {name} should hold floats of 16, 32 or 64 bits, found {found:?}"
    ))
}

/// Whether the tensor `name` is an index that follows from the window size.
pub(super) fn is_index(name: &str) -> bool {
    name.ends_with("relative_position_index")
}

fn is_pickle(name: &str) -> Result<bool> {
    match name.rsplit('.').next() {
        Some("safetensors") => Ok(false),
        Some("pth" | "pt" | "bin") => Ok(true),
        _ => Err(Error::Checkpoint(format!(
            "expected a file that ends in .safetensors, .pth, .pt or .bin, found {name}"
        ))),
    }
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
