//! Integer weights by name, as the model file holds them.

use std::collections::BTreeMap;

use bytemuck::Pod;

use crate::{Error, Result};

/// Element type of an integer weight tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntType {
    /// Signed bytes.
    I8,
    /// Unsigned bytes.
    U8,
    /// Signed half-words.
    I16,
    /// Unsigned half-words.
    U16,
    /// Signed words.
    I32,
}

impl IntType {
    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 => 4,
        }
    }
}

/// Rust types that weight tensors hold.
pub trait IntElement: Pod {
    /// The element type.
    const TYPE: IntType;
}

macro_rules! elements {
    ($($rust:ty = $variant:ident),*) => {
        $(impl IntElement for $rust { const TYPE: IntType = IntType::$variant; })*
    };
}
elements!(i8 = I8, u8 = U8, i16 = I16, u16 = U16, i32 = I32);

/// A row-major integer tensor, little end first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntTensor {
    /// Element type.
    pub kind: IntType,
    /// Extents, outermost first.
    pub shape: Vec<usize>,
    /// The elements.
    pub bytes: Vec<u8>,
}

/// Integer weight tensors by name.
///
/// # Examples
///
/// How much of what int8 holds do the weights of the classifier use?
///
/// ```
/// use intformer::plan::IntModel;
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// // 34 classes, padded to rows of 16.
/// let weights = model.weights.get::<i8>("head.fc.weight", &[48, 128])?;
/// for class in weights.chunks(128).take(34) {
///     let largest = class.iter().map(|weight| weight.unsigned_abs()).max();
///     assert_eq!(largest, Some(127));
/// }
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntWeights(pub BTreeMap<String, IntTensor>);

impl IntWeights {
    /// Adds a tensor.
    ///
    /// # Panics
    /// If `values` does not hold the product of `shape`.
    pub fn insert<T: IntElement>(&mut self, name: String, shape: &[usize], values: &[T]) {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        let tensor = IntTensor {
            kind: T::TYPE,
            shape: shape.to_vec(),
            bytes: bytemuck::cast_slice(values).to_vec(),
        };
        self.0.insert(name, tensor);
    }

    /// The elements of `name`, which must have element type `T` and `shape`.
    ///
    /// # Errors
    /// [`Error::ModelFile`] that names the tensor.
    pub fn get<T: IntElement>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let fail = |sentence| Err(Error::ModelFile(sentence));
        let Some(tensor) = self.0.get(name) else {
            return fail(format!("the tensor {name} is missing"));
        };
        if tensor.kind != T::TYPE || tensor.shape != shape {
            return fail(format!(
                "the tensor {name} should be {:?} {shape:?}, found {:?} {:?}",
                T::TYPE,
                tensor.kind,
                tensor.shape
            ));
        }
        Ok(bytemuck::pod_collect_to_vec(&tensor.bytes))
    }

    /// Bytes of all tensors.
    pub fn bytes(&self) -> usize {
        self.0.values().map(|tensor| tensor.bytes.len()).sum()
    }
}
