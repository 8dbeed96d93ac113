//! Safetensors files.

use safetensors::{Dtype, SafeTensors};

use super::{
    own,
    raw::{Float, Raw, is_index, not_float},
};
use crate::{Error, Result};

/// Reads a safetensors file from its `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Result<Raw> {
    let malformed = |error| {
        Error::Checkpoint(format!(
            "expected a safetensors file, found a malformed one: {error}"
        ))
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    let own = header
        .metadata()
        .as_ref()
        .and_then(|texts| texts.get(own::KEY).cloned());
    let mut raw = Raw {
        own,
        ..Raw::default()
    };
    let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
    for (name, tensor) in file.iter() {
        if is_index(name) {
            continue;
        }
        let float = match tensor.dtype() {
            Dtype::F64 => Float::F64,
            Dtype::F32 => Float::F32,
            Dtype::F16 => Float::F16,
            Dtype::BF16 => Float::BF16,
            other => return Err(not_float(name, other)),
        };
        raw.push(name, tensor.shape(), float, tensor.data())?;
    }
    Ok(raw)
}
