//! Safetensors files.

use safetensors::{Dtype, SafeTensors};

use super::{Content, Element, Float, Place, Stored, Tensors};
use crate::{Error, Result, checkpoint::own};

/// The tensors of a safetensors file of these `bytes`.
pub(super) fn parse(bytes: Vec<u8>) -> Result<Tensors> {
    let malformed = |error| {
        Error::Checkpoint(format!(
            "expected a safetensors file, found a malformed one: {error}"
        ))
    };
    let (length, header) = SafeTensors::read_metadata(&bytes).map_err(malformed)?;
    let own = header
        .metadata()
        .as_ref()
        .and_then(|texts| texts.get(own::KEY).cloned());
    let start = 8 + length;
    let mut tensors = Tensors {
        own,
        ..Tensors::default()
    };
    for (name, info) in header.tensors() {
        let element = match info.dtype {
            Dtype::F64 => Element::Float(Float::F64),
            Dtype::F32 => Element::Float(Float::F32),
            Dtype::F16 => Element::Float(Float::F16),
            Dtype::BF16 => Element::Float(Float::BF16),
            other => Element::Other(format!("{other:?}")),
        };
        let (from, to) = info.data_offsets;
        let stored = Stored {
            element,
            shape: info.shape.clone(),
            file: 0,
            place: Place::Bytes(start + from..start + to),
        };
        tensors.insert(name, stored)?;
    }
    tensors.files.push(Content::Safe(bytes));
    Ok(tensors)
}
