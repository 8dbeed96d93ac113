//! The kernels by name, and one dispatch of a kernel.

#[cfg(feature = "comparison")]
use crate::params::FloatGelu;
use crate::params::{
    LayerNorm, Linear, MeanPool, PARAM_WORDS, PatchGather, ShiftGelu, WindowAttention, gather,
};
use crate::twin;

macro_rules! kernels {
    ($($(#[$meta:meta])* $variant:ident($params:ident) = $name:ident $(if $feature:literal)?),* $(,)?) => {
        /// A kernel with the parameters of one dispatch.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Dispatch { $($(#[$meta])* $(#[cfg(feature = $feature)])? $variant($params)),* }

        impl Dispatch {
            /// Names of all kernels: their WGSL files, twins, labels and benchmarks.
            pub const NAMES: &'static [&'static str] =
                &[$($(#[cfg(feature = $feature)])? stringify!($name)),*];

            /// The kernel's name.
            pub fn name(&self) -> &'static str {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$variant(_) => stringify!($name)),*
                }
            }

            /// The uniform block.
            pub fn words(&self) -> [u32; PARAM_WORDS] {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$variant(params) => params.words()),*
                }
            }

            /// Runs the scalar twin over `weights` and `arena`.
            pub fn run_twin(&self, weights: &[u32], arena: &mut [u32]) {
                match self {
                    $($(#[cfg(feature = $feature)])?
                    Self::$variant(params) => twin::$name(params, weights, arena)),*
                }
            }
        }
    };
}

kernels! {
    /// u8 pixels to int8 patches.
    PatchGather(PatchGather) = patch_gather,
    /// An int8 matrix product with its epilogue.
    Linear(Linear) = linear,
    /// Layer normalization of int16 rows, then an int8 matrix product.
    NormLinear(Linear) = norm_linear,
    /// Layer normalization of int16 rows.
    LayerNorm(LayerNorm) = layer_norm,
    /// Attention inside shifted windows.
    WindowAttention(WindowAttention) = window_attention,
    /// I-ViT's ShiftGELU.
    ShiftGelu(ShiftGelu) = shift_gelu,
    /// GELU in floats, as a pass of its own.
    FloatGelu(FloatGelu) = float_gelu if "comparison",
    /// The mean over an image's tokens.
    MeanPool(MeanPool) = mean_pool,
}

impl Dispatch {
    /// `norm_linear` as two dispatches, the norm to its scratch and the product of that; `None` for
    /// other kernels.
    pub fn split(&self) -> Option<[Self; 2]> {
        let Self::NormLinear(p) = *self else {
            return None;
        };
        let norm = LayerNorm {
            x: p.x,
            x_stride: p.x_stride,
            out: p.scratch,
            out_stride: p.k_words,
            rows: p.rows,
            channels: p.norm_channels,
            channel: p.norm_channel,
            epsilon: p.norm_epsilon,
            gather: gather::ROW,
            ..LayerNorm::default()
        };
        let product = Linear { a: p.scratch, ..p };
        Some([Self::LayerNorm(norm), Self::Linear(product)])
    }
}
