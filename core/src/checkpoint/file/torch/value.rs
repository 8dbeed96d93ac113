//! What a pickle describes: plain values, tensors, and objects that stay closed.

use std::rc::Rc;

/// The place of a value among all of a pickle. Values refer to each other by it, so that one which
/// is used twice is held once.
pub(super) type Id = u32;

/// A value of a pickle.
#[derive(Debug)]
pub(super) enum Value {
    /// What no tensor needs: None, a float, bytes, a long text.
    Nothing,
    Bool(bool),
    Int(i64),
    Text(Rc<str>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function, by module and name. It is never called.
    Global(Rc<str>),
    Storage(Rc<Storage>),
    Tensor(Rc<Tensor>),
    /// Any other object.
    Object {
        class: Rc<str>,
        /// Whether it is a torch.nn.Module with its tensors inside.
        module: bool,
    },
}

/// Bytes that tensors are views of.
#[derive(Debug)]
pub(super) struct Storage {
    /// torch's name of the element type.
    pub(super) element: Rc<str>,
    pub(super) key: Rc<str>,
    /// The first element of a view.
    pub(super) start: usize,
}

/// A view of a storage.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) element: Rc<str>,
    pub(super) key: Rc<str>,
    /// The first element.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Bytes of an element by torch's names, if it is known.
pub(super) fn size(element: &str) -> Option<usize> {
    Some(match element {
        "float64" | "int64" | "uint64" | "complex64" => 8,
        "float32" | "int32" | "uint32" | "qint32" => 4,
        "float16" | "bfloat16" | "int16" | "uint16" => 2,
        "int8" | "uint8" | "bool" | "qint8" | "quint8" | "untyped" => 1,
        "complex128" => 16,
        _ => return None,
    })
}

/// Bytes that are kept of the name of an unknown element type.
const MAX_ELEMENT: usize = 32;

/// torch's name of the elements of a storage class such as `torch.FloatStorage`.
pub(super) fn element(class: &str) -> Rc<str> {
    let name = class.rsplit('.').next().unwrap_or(class);
    match name.strip_suffix("Storage").unwrap_or(name) {
        "Double" => "float64",
        "Float" => "float32",
        "Half" => "float16",
        "BFloat16" => "bfloat16",
        "Long" => "int64",
        "Int" => "int32",
        "Short" => "int16",
        "Char" => "int8",
        "Byte" => "uint8",
        "Bool" => "bool",
        "ComplexDouble" => "complex128",
        "ComplexFloat" => "complex64",
        "QInt32" => "qint32",
        "QInt8" => "qint8",
        "QUInt8" => "quint8",
        "Untyped" => "untyped",
        // A name from a stranger is kept short.
        other => &other[..other.floor_char_boundary(MAX_ELEMENT)],
    }
    .into()
}
