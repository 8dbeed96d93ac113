//! What stands in the metadata of a model file, and the digest of all of it.

use safetensors::Dtype;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{IntTensor, IntType, IntWeights, Provenance, Typical};
use crate::{ClassOrder, Error, Preprocessing, Result, Tokenization, architecture::Config};

/// The metadata's one key: JSON with format version, digest, model and plan.
pub(super) const KEY: &str = "intformer";

/// The part of the metadata that every version has.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) format: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Metadata {
    pub(super) format: u32,
    pub(super) digest: String,
    pub(super) model: Box<RawValue>,
    pub(super) plan: Box<RawValue>,
    /// Further plans, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plans: Option<Box<RawValue>>,
    /// Not part of the digest: it says nothing of what is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) typical: Option<Typical>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) config: Config,
    #[serde(
        default = "Preprocessing::none",
        skip_serializing_if = "Preprocessing::is_none"
    )]
    pub(super) preprocessing: Preprocessing,
    /// Tokens that a text may have, where the tensor [`TOKENIZER`] makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tokens: Option<usize>,
    pub(super) labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) class_order: Option<ClassOrder>,
    pub(super) provenance: Provenance,
    /// As decimal text, so that JSON readers cannot round it.
    pub(super) logit_scale: String,
}

/// The tensor that is a tokenizer's JSON, and no weight.
pub(super) const TOKENIZER: &str = "tokenizer.json";

/// A tensor as it stands in a file: name, type, shape, bytes.
pub(super) type Stored<'a> = (&'a str, IntType, Vec<usize>, &'a [u8]);

pub(super) fn as_stored<'a>((name, tensor): (&'a String, &'a IntTensor)) -> Stored<'a> {
    (name, tensor.kind, tensor.shape.clone(), &tensor.bytes)
}

/// The tensors of a file, in the order of their names.
pub(super) fn stored(weights: &IntWeights) -> impl Iterator<Item = Stored<'_>> {
    weights.0.iter().map(as_stored)
}

impl Header {
    /// Takes the tokenizer out of the tensors of the file.
    pub(super) fn tokenization(&self, tensors: &mut IntWeights) -> Result<Option<Tokenization>> {
        match (self.tokens, tensors.0.remove(TOKENIZER)) {
            (None, None) => Ok(None),
            (Some(limit), Some(tensor))
                if tensor.kind == IntType::U8 && tensor.shape.len() == 1 =>
            {
                let json = tensor.bytes;
                Ok(Some(Tokenization { json, limit }))
            }
            (tokens, tensor) => Err(Error::ModelFile(format!(
                "expected a limit of tokens and the bytes of a tokenizer, or neither, found {tokens:?} and {:?}",
                tensor.map(|tensor| (tensor.kind, tensor.shape))
            ))),
        }
    }
}

impl Tokenization {
    /// As it stands in a file.
    pub(super) fn stored(&self) -> Stored<'_> {
        (TOKENIZER, IntType::U8, vec![self.json.len()], &self.json)
    }
}

pub(super) fn json<T: DeserializeOwned>(key: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|e| Error::ModelFile(format!("the metadata {key} is not as expected: {e}")))
}

/// What stands in the metadata as text, and is part of the digest so.
pub(super) struct Texts {
    pub(super) model: Box<RawValue>,
    pub(super) plan: Box<RawValue>,
    pub(super) plans: Option<Box<RawValue>>,
}

impl Texts {
    /// Those that every file has.
    fn first(&self) -> [&str; 2] {
        [self.model.get(), self.plan.get()]
    }
}

/// SHA-256 over the texts and, in the order of their names, all tensors with name, type and shape.
pub(super) fn digest<'a>(texts: &Texts, tensors: impl Iterator<Item = Stored<'a>>) -> String {
    let mut hash = Sha256::new();
    for text in texts.first() {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    if let Some(plans) = &texts.plans {
        // A tensor begins with a new line.
        hash.update("plans");
        hash.update((plans.get().len() as u64).to_le_bytes());
        hash.update(plans.get());
    }
    for (name, kind, shape, bytes) in tensors {
        hash.update(format!("\n{name} {kind:?} {shape:?}\n"));
        hash.update(bytes);
    }
    crate::hex(&hash.finalize())
}

pub(super) fn dtype(kind: IntType) -> Dtype {
    match kind {
        IntType::I8 => Dtype::I8,
        IntType::U8 => Dtype::U8,
        IntType::I16 => Dtype::I16,
        IntType::U16 => Dtype::U16,
        IntType::I32 => Dtype::I32,
    }
}

pub(super) fn int_type(name: &str, dtype: Dtype) -> Result<IntType> {
    Ok(match dtype {
        Dtype::I8 => IntType::I8,
        Dtype::U8 => IntType::U8,
        Dtype::I16 => IntType::I16,
        Dtype::U16 => IntType::U16,
        Dtype::I32 => IntType::I32,
        other => {
            return Err(Error::ModelFile(format!(
                "the tensor {name} should hold integers, found {other:?}"
            )));
        }
    })
}
