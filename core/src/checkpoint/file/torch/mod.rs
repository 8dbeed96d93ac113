//! Files of `torch.save`: a pickle that describes tensors, and the bytes of their storages.
//!
//! Pickles are read as data: nothing in them is imported, called or looked up. A value that is
//! neither plain nor a tensor is an object, and objects stay closed.

mod archive;
mod machine;
mod value;

pub(super) use archive::{Archive, View};

use std::{
    collections::HashMap,
    io::{BufReader, Read, Seek, SeekFrom},
};

use archive::{Legacy, Zip};
use machine::{Machine, Pickle};
use value::{Id, Value};

use super::{Content, Element, Float, Format, Place, Source, Stored, Tensors};
use crate::{Error, Result};

/// The largest pickle read; logs that trainers keep beside the tensors make it long.
const MAX_PICKLE: u64 = 256 << 20;

/// Dictionaries inside of each other; a state dict of modules in a few wrappers has six.
const MAX_DEPTH: usize = 48;

/// Values looked at in search of tensors, those that are used twice counted twice.
const MAX_VISITS: usize = 4 << 20;

/// The longest name of a tensor.
const MAX_NAME: usize = 1024;

/// The most bytes of a storage's key: torch counts them.
const MAX_KEY: usize = 256;

/// Opens a file of torch.save in `format`, which has `size` bytes.
pub(super) fn open(format: Format, source: Box<dyn Source>, size: u64) -> Result<Tensors> {
    let (pickle, archive) = match format {
        Format::Zip => zip(source, size)?,
        Format::Legacy => legacy(source, size)?,
        Format::Safe | Format::Index => {
            return Err(Error::Checkpoint(
                "expected a file of tensors, found the index of one in several files: name it or \
                 its folder"
                    .into(),
            ));
        }
    };
    let mut walk = Walk {
        pickle: &pickle,
        tensors: Tensors::default(),
        name: String::new(),
        visits: 0,
    };
    walk.visit(pickle.root, 0)?;
    let mut tensors = walk.tensors;
    tensors.files.push(Content::Torch(archive));
    Ok(tensors)
}

/// The error for a file that torch.save cannot have written.
fn malformed(found: &str) -> Error {
    Error::Checkpoint(format!(
        "expected a state dict written by torch.save, found a malformed file: {found}"
    ))
}

fn zip(source: Box<dyn Source>, size: u64) -> Result<(Pickle, Archive)> {
    let mut zip = Zip::open(source, size)?;
    if let Some(order) = zip.entry("byteorder", 64)?
        && order != b"little"
    {
        return Err(Error::Checkpoint(format!(
            "expected numbers with the little end first, found {:?}",
            String::from_utf8_lossy(&order)
        )));
    }
    let bytes = zip.entry("data.pkl", MAX_PICKLE)?;
    let bytes = bytes.ok_or_else(|| malformed("no data.pkl"))?;
    let pickle = Machine::default().run(&mut bytes.as_slice())?;
    Ok((pickle, Archive::zip(zip)))
}

/// The layout before version 1.6: the magic number, the version, the machine, the object and the
/// keys of its storages, a pickle each; then for each key how many elements there are and these.
fn legacy(source: Box<dyn Source>, size: u64) -> Result<(Pickle, Archive)> {
    let mut source = BufReader::new(source);
    let mut next = || {
        let mut limited = source.by_ref().take(MAX_PICKLE);
        Machine::default().run(&mut limited)
    };
    next()?;
    match next()?.root_value() {
        Value::Int(1001) => {}
        _ => return Err(malformed("another version than 1001 of torch's old format")),
    }
    let system = next()?;
    if let Some(Value::Bool(false)) = system.field("little_endian") {
        return Err(Error::Checkpoint(
            "expected numbers with the little end first, found the big end first".into(),
        ));
    }
    let pickle = next()?;
    let keys = next()?;
    let Value::List(keys_in_order) = keys.root_value() else {
        return Err(malformed("no list of storages"));
    };
    let unreadable = |error: std::io::Error| malformed(&error.to_string());
    let mut at = source.stream_position().map_err(unreadable)?;
    let mut places = HashMap::new();
    for &key in keys_in_order {
        let key = keys
            .text(key)
            .ok_or_else(|| malformed("a storage without a key"))?;
        let bytes = pickle.storages.get(&key).copied().flatten();
        let bytes = bytes.ok_or_else(|| malformed(&format!("no length of storage {key}")))?;
        let start = at.saturating_add(8);
        at = start.saturating_add(bytes);
        if at > size {
            return Err(malformed(&format!("the end inside of storage {key}")));
        }
        places.insert(key.to_string(), (start, bytes));
    }
    source.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok((pickle, Archive::legacy(Legacy { source, places })))
}

/// The search for tensors in a pickle.
struct Walk<'a> {
    pickle: &'a Pickle,
    tensors: Tensors,
    /// The keys that lead to the value at hand, dots between them.
    name: String,
    visits: usize,
}

impl Walk<'_> {
    fn visit(&mut self, id: Id, depth: usize) -> Result<()> {
        self.visits += 1;
        if self.visits > MAX_VISITS || depth > MAX_DEPTH {
            return Err(malformed("values nested without end"));
        }
        match self.pickle.value(id) {
            Value::Dict(pairs) => {
                for &(key, value) in pairs {
                    if let Some(key) = self.pickle.text(key) {
                        self.descend(&key, value, depth)?;
                    }
                }
            }
            Value::List(values) | Value::Tuple(values) => {
                for (index, &value) in values.iter().enumerate() {
                    self.descend(&index.to_string(), value, depth)?;
                }
            }
            Value::Tensor(tensor) => {
                if tensor.key.len() > MAX_KEY {
                    return Err(malformed("a storage with a key without end"));
                }
                let element = match &*tensor.element {
                    "float64" => Element::Float(Float::F64),
                    "float32" => Element::Float(Float::F32),
                    "float16" => Element::Float(Float::F16),
                    "bfloat16" => Element::Float(Float::BF16),
                    other => Element::Other(other.to_owned()),
                };
                let stored = Stored {
                    element,
                    shape: tensor.shape.clone(),
                    file: 0,
                    place: Place::View(View {
                        storage: tensor.key.to_string(),
                        offset: tensor.offset,
                        strides: tensor.strides.clone(),
                    }),
                };
                self.tensors.insert(self.name.clone(), stored)?;
            }
            Value::Object {
                class,
                module: true,
            } => self.tensors.modules.push(class.to_string()),
            _ => {}
        }
        Ok(())
    }

    fn descend(&mut self, key: &str, value: Id, depth: usize) -> Result<()> {
        // What holds no tensor is left out before its name is made.
        if !matches!(
            self.pickle.value(value),
            Value::Dict(_)
                | Value::List(_)
                | Value::Tuple(_)
                | Value::Tensor(_)
                | Value::Object { module: true, .. }
        ) {
            return Ok(());
        }
        let length = self.name.len();
        if length + key.len() + 1 > MAX_NAME {
            return Err(malformed("a tensor with a name without end"));
        }
        if length > 0 {
            self.name.push('.');
        }
        self.name.push_str(key);
        let done = self.visit(value, depth + 1);
        self.name.truncate(length);
        done
    }
}
