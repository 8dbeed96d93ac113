//! The operations of a plan: one for each kernel, in a module of its name, which says what tensors and
//! weights it takes and makes the kernel's parameters of them.

use intformer_shaders::Dispatch;
use serde::{Serialize, de::Error as _};

use super::{Axis, Plan, TensorId, packer::Packer};
use crate::Result;

pub use attention::{ATTENTION_EXPONENTIALS, Items, LARGEST_EXPONENTIAL, MAX_ATTENTION_TOKENS};
pub use layer_norm::{MAX_EXPONENT, MAX_NORM_CHANNELS};
pub use linear::{ACCUMULATOR_BOUND, Epilogue, MAX_GELU_ONE, SecondTable};
pub use norm_linear::MAX_NORM_LINEAR_CHANNELS;
pub use shift_gelu::MAX_SHIFT_GELU_UNIT;
pub use window_attention::{MAX_HEAD_WORDS, MAX_WINDOW_TOKENS};

/// What an operation says of itself.
pub(super) trait Declared {
    /// The kernel's parameters.
    type Params;

    /// The tensors that it reads.
    fn inputs(&self) -> Vec<TensorId>;

    /// The tensor that it writes.
    fn output(&self) -> TensorId;

    /// The input that may be the output, too: what is added to.
    fn residual(&self) -> Option<TensorId> {
        None
    }

    /// A tensor whose content it may destroy, beside its output.
    fn scratch(&self) -> Option<TensorId> {
        None
    }

    /// Prefixes of the weights that are its own, without the point.
    fn weights(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether its first input may hold -128: values are -127 to 127, but for pixels.
    const READS_PIXELS: bool = false;

    /// Whether its output may hold -128.
    const WRITES_PIXELS: bool = false;

    /// Whether its tensors are counted by different axes, which `fits` checks.
    const CROSSES_AXES: bool = false;

    /// Inputs that say where it reads, which must be tokens or spans as the plan takes them.
    fn ports(&self) -> Vec<TensorId> {
        Vec::new()
    }

    /// Whether its extents and its tensors, all of them of the plan, fit each other.
    fn fits(&self, plan: &Plan) -> bool;

    /// The kernel's parameters for one of what its output is counted by, the weights packed; `step` is for
    /// messages.
    ///
    /// # Errors
    /// [`Error::ModelFile`](crate::Error::ModelFile) for weights of other shapes and for values outside
    /// the integer contract.
    fn pack(&self, step: &str, packer: &mut Packer) -> Result<Self::Params>;
}

macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident: $type:ident $(if $feature:literal)?),* $(,)?) => {
        $(
            $(#[cfg(feature = $feature)])?
            mod $name;
            $(#[cfg(feature = $feature)])?
            pub use $name::$type;

            $(#[cfg(feature = $feature)])?
            impl From<$type> for Operation {
                fn from(operation: $type) -> Self {
                    Self::$type(operation)
                }
            }
        )*

        /// The operations: one for each kernel. Weight names are prefixes of tensors in the model file.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(tag = "op", rename_all = "snake_case")]
        pub enum Operation {
            $($(#[$doc])* $(#[cfg(feature = $feature)] #[serde(skip)])? $type($type)),*
        }

        impl Operation {
            /// Reads the operation of this name out of the JSON of its step; those that need a feature are in no file.
            pub(super) fn read(name: &str, json: &str) -> serde_json::Result<Self> {
                match name {
                    $(
                        $(#[cfg(feature = $feature)])?
                        stringify!($name) $(if $feature.is_empty())? => {
                            serde_json::from_str(json).map(Self::$type)
                        }
                    )*
                    other => Err(serde_json::Error::custom(format!(
                        "expected an operation that this library knows, found {other}"
                    ))),
                }
            }

            /// Its name, which is the kernel's.
            pub fn name(&self) -> &'static str {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(_) => stringify!($name)),*
                }
            }

            /// The tensors that it reads.
            pub fn inputs(&self) -> Vec<TensorId> {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(operation) => operation.inputs()),*
                }
            }

            /// The tensor that it writes.
            pub fn output(&self) -> TensorId {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(operation) => operation.output()),*
                }
            }

            pub(super) fn residual(&self) -> Option<TensorId> {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(operation) => operation.residual()),*
                }
            }

            /// A tensor whose content it may destroy, beside its output.
            pub fn scratch(&self) -> Option<TensorId> {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(operation) => operation.scratch()),*
                }
            }

            /// What its first input is counted by.
            pub(super) fn counted_by(&self, plan: &Plan) -> Axis {
                let first = self.inputs().first().copied();
                plan.tensors[first.unwrap_or(self.output())].axis
            }

            /// What becomes of its products, if it is one.
            pub(super) fn epilogue(&self) -> Option<&Epilogue> {
                match self {
                    Self::Linear(product) => Some(&product.epilogue),
                    Self::NormLinear(product) => Some(&product.epilogue),
                    _ => None,
                }
            }

            /// All tensors that it touches.
            pub(super) fn tensors(&self) -> Vec<TensorId> {
                let mut all = self.inputs();
                all.extend(self.scratch());
                all.push(self.output());
                all
            }

            /// Prefixes of the weights that are its own, without the point: tables, which steps share,
            /// are not among them.
            pub fn weights(&self) -> Vec<&str> {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(operation) => operation.weights()),*
                }
            }

            pub(super) fn reads_pixels(&self) -> bool {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(_) => $type::READS_PIXELS),*
                }
            }

            pub(super) fn writes_pixels(&self) -> bool {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(_) => $type::WRITES_PIXELS),*
                }
            }

            /// Inputs that must be the plan's, because they say where the operation reads.
            pub(super) fn ports(&self) -> Vec<TensorId> {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(operation) => operation.ports()),*
                }
            }

            pub(super) fn crosses_axes(&self) -> bool {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(_) => $type::CROSSES_AXES),*
                }
            }

            pub(super) fn fits(&self, plan: &Plan) -> bool {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(operation) => operation.fits(plan)),*
                }
            }

            pub(super) fn pack(&self, step: &str, packer: &mut Packer) -> Result<Dispatch> {
                Ok(match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(operation) => {
                        Dispatch::$type(operation.pack(step, packer)?)
                    })*
                })
            }
        }
    };
}

intformer_shaders::operations!(declare);
