//! The integer plan: a static list of operations over tensors in one arena.
//!
//! A plan describes one image. At batch size B every tensor holds B times as many rows and starts
//! at B times its offset, so the same layout serves all batch sizes.

mod arena;
mod check;
mod file;
mod mistaken;
mod packer;
mod program;
mod typical;
mod weights;

use serde::{Deserialize, Serialize};

pub use arena::layout;
pub use file::{Checked, FORMAT, IntModel, Provenance};
pub use program::{Program, ProgramStep, Region};
pub use typical::{Hint, LEAST_IMAGES, LEAST_SPREAD, Look, Typical};
pub use weights::{IntElement, IntTensor, IntType, IntWeights};

/// The most channels (padded) that `norm_linear` takes; wider rows are normalized by `layer_norm`.
pub const MAX_NORM_LINEAR_CHANNELS: usize = 4 * intformer_shaders::NORM_LINEAR_MAX_K_WORDS as usize;

/// The most tokens in an attention window: 255 * 256 weights still sum to 16 bits.
pub const MAX_WINDOW_TOKENS: usize = intformer_shaders::ATTENTION_MAX_TOKENS as usize;

/// The most words of an attention head.
pub const MAX_HEAD_WORDS: usize = intformer_shaders::ATTENTION_MAX_HEAD_WORDS as usize;

/// The most tensors or steps of a plan.
pub const MAX_PLAN_LENGTH: usize = 1 << 14;

/// The largest left shift of a residual channel before its normalization.
pub const MAX_EXPONENT: u8 = 3;

/// The most channels that one normalization sums in 32 bits.
pub const MAX_NORM_CHANNELS: usize = 8191;

/// Accumulators stay below this in magnitude.
pub const ACCUMULATOR_BOUND: i64 = 1 << 30;

/// The most that may stand for 1 in I-BERT's integer GELU: 2 * 1023 times it is below 2^30.
pub const MAX_GELU_ONE: u32 = 524_800;

/// The most that may stand for 1 in the exponent of I-ViT's ShiftGELU.
pub const MAX_SHIFT_GELU_UNIT: u32 = 127;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Unique name.
    pub name: String,
    /// Element format.
    pub format: Format,
    /// Rows of one image.
    pub rows: usize,
    /// Elements of a row before padding.
    pub cols: usize,
    /// Words of a row.
    pub stride: usize,
    /// First word in the arena, for one image.
    pub offset: usize,
}

impl Tensor {
    /// Words of one image.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The site.
    pub name: String,
    /// What is done.
    #[serde(flatten)]
    pub operation: Operation,
}

/// The operations: one for each kernel. Weight names are prefixes of tensors in the model file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Operation {
    /// u8 pixels to int8 patches.
    PatchGather {
        /// The image, `[height, width * channels]` bytes without row padding.
        input: TensorId,
        /// `[patches, patch * patch * channels]`.
        output: TensorId,
        /// Patches down and across.
        grid: [usize; 2],
        /// Side of a patch.
        patch: usize,
        /// Image channels.
        channels: usize,
    },
    /// A matrix product.
    Linear {
        /// int8 rows.
        input: TensorId,
        /// Rows in the format of the epilogue.
        output: TensorId,
        /// Prefix of `.weight`, `.bias`, `.multiplier` and `.shift`.
        weights: String,
        /// What becomes of the accumulators.
        epilogue: Epilogue,
    },
    /// A layer normalization and a matrix product.
    NormLinear {
        /// int16 rows.
        input: TensorId,
        /// Rows in the format of the epilogue.
        output: TensorId,
        /// Room for the int8 rows between the two.
        scratch: TensorId,
        /// Prefix of the norm's `.multiplier`, `.shift`, `.exponent` and `.bias`.
        norm: String,
        /// round(channels * eps / scale^2).
        epsilon: u32,
        /// Prefix of `.weight`, `.bias`, `.multiplier` and `.shift`.
        weights: String,
        /// What becomes of the accumulators.
        epilogue: Epilogue,
    },
    /// A layer normalization.
    LayerNorm {
        /// int16 rows.
        input: TensorId,
        /// int8 or int16 rows.
        output: TensorId,
        /// Prefix of the norm's `.multiplier`, `.shift`, `.exponent` and `.bias`.
        norm: String,
        /// round(channels * eps / scale^2).
        epsilon: u32,
        /// The map whose 2x2 cells become rows, if the norm follows a patch merging; past an odd side
        /// it is zero.
        merge: Option<[usize; 2]>,
    },
    /// Attention inside shifted windows.
    WindowAttention {
        /// int8 queries, keys and values.
        input: TensorId,
        /// int8 rows, heads side by side.
        output: TensorId,
        /// Prefix of `.position_bias`, `.head_multiplier`, `.head_shift`, `.multiplier`, `.shift`,
        /// and of `.padding`, a row of the input, where the window does not divide the map.
        weights: String,
        /// Name of the table of 256 exponentials.
        exp: String,
        /// The map, rows and columns.
        map: [usize; 2],
        /// The window.
        window: [usize; 2],
        /// The cyclic shift.
        shift: [usize; 2],
        /// Extents within which the shift goes round, where they are not the map's: on an axis
        /// either the map's or those of the map padded to whole windows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roll: Option<[usize; 2]>,
        /// Heads.
        heads: usize,
        /// Words of one head in a row.
        head_words: usize,
    },
    /// I-ViT's ShiftGELU.
    ShiftGelu {
        /// int8 rows.
        input: TensorId,
        /// int8 rows.
        output: TensorId,
        /// The input that stands for 1 in the exponent, 1 to 127.
        unit: u32,
        /// Multiplier of the output.
        multiplier: u16,
        /// Shift of the output.
        shift: u8,
    },
    /// A bias and GELU in floats, to measure against: in no model file.
    #[cfg(feature = "comparison")]
    #[serde(skip)]
    FloatGelu {
        /// int8 rows.
        input: TensorId,
        /// int8 rows.
        output: TensorId,
        /// Name of the biases: int32, each the bits of an f32.
        bias: String,
        /// The bits of the f32 that one of the input stands for.
        input_scale: u32,
        /// The bits of the f32 that one divided by the output's scale is.
        output_factor: u32,
    },
    /// The mean over all tokens.
    MeanPool {
        /// int8 rows.
        input: TensorId,
        /// One int8 row.
        output: TensorId,
        /// Prefix of `.multiplier` and `.shift`.
        weights: String,
    },
}

impl Operation {
    /// The tensor that the operation writes.
    pub fn output(&self) -> TensorId {
        match *self {
            Self::PatchGather { output, .. }
            | Self::Linear { output, .. }
            | Self::NormLinear { output, .. }
            | Self::LayerNorm { output, .. }
            | Self::WindowAttention { output, .. }
            | Self::ShiftGelu { output, .. }
            | Self::MeanPool { output, .. } => output,
            #[cfg(feature = "comparison")]
            Self::FloatGelu { output, .. } => output,
        }
    }

    /// The tensors that the operation reads; the residual of an epilogue is the last.
    pub fn inputs(&self) -> Vec<TensorId> {
        let (input, epilogue) = match self {
            Self::Linear {
                input, epilogue, ..
            }
            | Self::NormLinear {
                input, epilogue, ..
            } => (*input, Some(epilogue)),
            Self::PatchGather { input, .. }
            | Self::LayerNorm { input, .. }
            | Self::WindowAttention { input, .. }
            | Self::ShiftGelu { input, .. }
            | Self::MeanPool { input, .. } => (*input, None),
            #[cfg(feature = "comparison")]
            Self::FloatGelu { input, .. } => (*input, None),
        };
        match epilogue {
            Some(Epilogue::Residual { residual }) => vec![input, *residual],
            _ => vec![input],
        }
    }

    /// A tensor whose content the operation may destroy, beside its output.
    pub fn scratch(&self) -> Option<TensorId> {
        match self {
            Self::NormLinear { scratch, .. } => Some(*scratch),
            _ => None,
        }
    }
}

/// What a matrix product does with its accumulators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Epilogue {
    /// int8; with `relu` the lower clamp is 0.
    Int8 {
        /// Whether negative values become 0.
        relu: bool,
    },
    /// int8 through a table of 256 bytes.
    Table {
        /// Name of the table in the model file.
        table: String,
    },
    /// int8 through I-BERT's integer GELU.
    IGelu {
        /// Where its polynomial ends; its square is at most `one`.
        clip: u32,
        /// What stands for 1 in the polynomial.
        one: u32,
        /// Multiplier of the output.
        multiplier: u16,
        /// Shift of the output.
        shift: u8,
    },
    /// Added to an int16 tensor of the output's shape, which may be the output itself.
    Residual {
        /// The tensor.
        residual: TensorId,
    },
    /// int16.
    Int16,
    /// int32.
    Int32,
}

impl Epilogue {
    /// The output's format.
    pub fn format(&self) -> Format {
        match self {
            Self::Int8 { .. } | Self::Table { .. } | Self::IGelu { .. } => Format::Int8,
            Self::Residual { .. } | Self::Int16 => Format::Int16,
            Self::Int32 => Format::Int32,
        }
    }
}

/// A static list of integer operations with their tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The arena's tensors.
    pub tensors: Vec<Tensor>,
    /// The operations, in order.
    pub steps: Vec<Step>,
    /// The image.
    pub input: TensorId,
    /// The logits, int32 `[1, classes]`.
    pub output: TensorId,
    /// Words of the arena for one image.
    pub arena_words: usize,
}
