//! The integer plan: a static list of operations over tensors in one arena.
//!
//! A plan describes one item and one token. In a batch a tensor has so many times its rows as there are of
//! what its [`Axis`] counts, and starts so many times as far into its part of the arena as there is room for:
//! the same [`Layout`] serves all batches.
//!
//! Plans over the same weights may share an arena: a [`Program`] has an [`Entry`] for each. What a tensor of
//! state holds, it holds until a later run writes it.

mod arena;
mod axis;
mod check;
mod file;
mod header;
mod mistaken;
pub mod operation;
mod packer;
mod port;
mod program;
mod typical;
mod weights;
mod wire;

use serde::{Deserialize, Serialize};

pub use crate::graph::{Axis, OutputKind, Pooling, TokenLimits};
pub use arena::Layout;
pub use axis::{Counts, Region, Room};
pub use file::{Checked, FORMAT, IntModel, Provenance};
pub use operation::{
    ACCUMULATOR_BOUND, ATTENTION_EXPONENTIALS, Epilogue, LARGEST_EXPONENTIAL, MAX_ATTENTION_TOKENS,
    MAX_EXPONENT, MAX_GELU_ONE, MAX_HEAD_WORDS, MAX_NORM_CHANNELS, MAX_NORM_LINEAR_CHANNELS,
    MAX_SHIFT_GELU_UNIT, MAX_WINDOW_TOKENS, Operation, SecondTable,
};
pub use port::{InputKind, Port};
pub use program::{Entry, MAIN, Program, ProgramPort, ProgramStep};
pub use typical::{Hint, LEAST_IMAGES, LEAST_SPREAD, Look, Typical};
pub use weights::{IntElement, IntTensor, IntType, IntWeights};

/// The most tensors or steps of a plan.
pub const MAX_PLAN_LENGTH: usize = 1 << 14;

/// The most plans of a model file.
pub const MAX_PLANS: usize = 16;

/// Rounds a byte or channel count up to the granularity of rows: 16.
pub fn pad16(count: usize) -> usize {
    count.div_ceil(16) * 16
}

/// How the elements of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Bytes of an image.
    Uint8,
    /// Four to a word.
    Int8,
    /// Two to a word.
    Int16,
    /// One to a word.
    Int32,
}

impl Format {
    /// Elements in a 32-bit word.
    pub fn per_word(self) -> usize {
        match self {
            Self::Uint8 | Self::Int8 => 4,
            Self::Int16 => 2,
            Self::Int32 => 1,
        }
    }
}

/// A tensor of the arena: `rows` rows of `stride` words, of which the first `cols` elements count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// The name of the site that it comes from.
    pub name: String,
    /// Element format.
    pub format: Format,
    /// What its rows are counted by.
    pub axis: Axis,
    /// Rows of one item, or of one token.
    pub rows: usize,
    /// Elements of a row before padding.
    pub cols: usize,
    /// Words of a row.
    pub stride: usize,
    /// Whether it outlives a run: it holds zeros before the first, and what one run leaves there is there in
    /// the next. In plans that share an arena, one of the same name is the same.
    pub state: bool,
}

impl Tensor {
    /// Words of one item, or of one token.
    pub fn words(&self) -> usize {
        self.rows * self.stride
    }

    /// Elements of a row with padding.
    pub fn padded_cols(&self) -> usize {
        self.stride * self.format.per_word()
    }
}

/// Index of a tensor in [`Plan::tensors`].
pub type TensorId = usize;

/// One step: an operation under the name of the site it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The site.
    pub name: String,
    /// What is done.
    #[serde(flatten)]
    pub operation: Operation,
}

/// A static list of integer operations with their tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The arena's tensors.
    pub tensors: Vec<Tensor>,
    /// The operations, in order.
    pub steps: Vec<Step>,
    /// What it takes.
    pub inputs: Vec<Port<InputKind>>,
    /// What it puts out.
    pub outputs: Vec<Port<OutputKind>>,
}
