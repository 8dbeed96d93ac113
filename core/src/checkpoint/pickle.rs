//! Files of `torch.save`.
//!
//! The reader behind this interprets pickles as data and never calls what they name.

use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader};

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

/// Reads the file at `path`.
pub(super) fn read(path: &Path) -> Result<Raw> {
    let malformed = |error| {
        Error::Checkpoint(format!(
            "expected a state dict written by torch.save, found a malformed file: {error}"
        ))
    };
    let size = std::fs::metadata(path)
        .map_err(|error| Error::io(path, error))?
        .len();
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
