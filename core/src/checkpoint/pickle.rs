//! Files of `torch.save`: zip archives of a pickle and of the tensors' bytes.
//!
//! The reader behind this interprets pickles as data and never calls what they name.

use std::{fs::File, io::BufReader, path::Path};

use pytorch_reader::{DType, PickleValue, PytorchReader};
use zip::{CompressionMethod, ZipArchive};

use super::raw::{Float, Raw, is_index, not_float};
use crate::{Error, Result};

/// Objects that training scripts store beside the tensors, by the name of their Python type.
const HARMLESS: [&str; 14] = [
    "argparse.Namespace",
    "int",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray.scalar",
    "torch.Size",
    "torch.Tensor",
    "torch.TypedStorage",
    "torch.UntypedStorage",
    "torch.bfloat16",
    "torch.device",
    "torch.float16",
    "torch.float32",
    "torch.float64",
    "yacs.config.CfgNode",
];

/// Keys under which training scripts keep the state dict, the outer one first.
const WRAPPERS: [&str; 4] = ["model.", "state_dict.", "model_state_dict.", "module."];

/// The largest pickle read, which takes about a hundred times as much memory: a state dict has
/// some 100 bytes for every tensor.
const MAX_PICKLE: u64 = 4 << 20;

/// Reads the file at `path`.
pub(super) fn read(path: &Path) -> Result<Raw> {
    let size = check_archive(path)?;
    let malformed = |error| {
        Error::Checkpoint(format!(
            "expected a state dict written by torch.save, found a malformed file: {error}"
        ))
    };
    refuse_objects(&PytorchReader::read_pickle_data(path, None).map_err(malformed)?)?;
    let mut tensors = PytorchReader::new(path).map_err(malformed)?.into_tensors();
    for wrapper in WRAPPERS {
        if tensors.keys().any(|name| name.starts_with(wrapper)) {
            tensors = tensors
                .into_iter()
                .filter_map(|(name, tensor)| Some((name.strip_prefix(wrapper)?.to_owned(), tensor)))
                .collect();
        }
    }

    let mut raw = Raw::default();
    let mut bytes = 0_u64;
    for (name, tensor) in tensors {
        if is_index(&name) {
            continue;
        }
        let float = match tensor.dtype() {
            DType::F64 => Float::F64,
            DType::F32 => Float::F32,
            DType::F16 => Float::F16,
            DType::BF16 => Float::BF16,
            other => return Err(not_float(&name, other)),
        };
        // A view can repeat its elements without end; a state dict's tensors do not overlap.
        bytes = bytes.saturating_add(tensor.byte_len() as u64);
        if bytes > size {
            return Err(Error::Checkpoint(format!(
                "expected tensors that fit into the file's {size} bytes, found more at {name}"
            )));
        }
        let data = tensor.read().map_err(|error| {
            Error::Checkpoint(format!("expected the elements of {name}, found: {error}"))
        })?;
        raw.push(&name, tensor.shape(), float, &data)?;
    }
    Ok(raw)
}

/// Refuses what is no archive as torch.save writes it since 1.6, or would grow when it is read;
/// returns the bytes of the file.
fn check_archive(path: &Path) -> Result<u64> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let metadata = file.metadata().map_err(|error| Error::io(path, error))?;
    let malformed = |error| {
        Error::Checkpoint(format!(
            "expected a zip archive as torch.save writes it since version 1.6, found none: {error}"
        ))
    };
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(malformed)?;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(malformed)?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(Error::Checkpoint(format!(
                "expected entries without compression as torch.save writes them, found {}",
                entry.compression()
            )));
        }
        if entry.name_raw().ends_with(b"data.pkl") && entry.size() > MAX_PICKLE {
            return Err(Error::Checkpoint(format!(
                "expected a pickle of at most {MAX_PICKLE} bytes, found {}",
                entry.size()
            )));
        }
    }
    Ok(metadata.len())
}

/// Refuses a pickle with objects that no state dict has.
fn refuse_objects(root: &PickleValue) -> Result<()> {
    let mut pending = vec![root];
    while let Some(value) = pending.pop() {
        match value {
            PickleValue::List(values) => pending.extend(values),
            PickleValue::Dict(values) => pending.extend(values.values()),
            PickleValue::Unsupported(name) if !HARMLESS.contains(&name.as_str()) => {
                return Err(Error::Checkpoint(format!(
                    "expected tensors and plain values in the pickle, found {name:?}, which is refused"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}
