//! How a float model becomes integers.

use super::RangeMethod;

/// The forms of GELU in integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gelu {
    /// A table of 256 bytes: exact for int8.
    #[default]
    Table,
    /// The polynomial of I-BERT (arXiv 2101.01321) over an 11-bit input.
    IGelu,
    /// The sigmoid form of I-ViT (arXiv 2207.01405): shifts and a division, relative to the largest
    /// channel of a token.
    ShiftGelu,
    /// A pass in floats, as FasterTransformer's int8 Swin has it: fc1 puts out int8 without bias;
    /// then bias, GELU and int8 again. Not integer-only: to measure against, in no model file.
    #[cfg(feature = "comparison")]
    Float,
}

impl Gelu {
    /// The forms that are integer-only.
    pub const INTEGER: [Self; 3] = [Self::Table, Self::IGelu, Self::ShiftGelu];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::IGelu => "i-gelu",
            Self::ShiftGelu => "shift-gelu",
            #[cfg(feature = "comparison")]
            Self::Float => "float",
        }
    }
}

/// How the weights of matrix products become int8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rounding {
    /// Each to the nearest.
    Nearest,
    /// Each to what makes up best for the errors of those before it, as far as the inputs that calibration saw vary together:
    /// OPTQ (arXiv 2210.17323). For products that read a normalization, an attention or an activation; of others each to the
    /// nearest. Calibration must have been asked for the covariances
    /// ([`Calibration::watch`](super::Calibration::watch)), as `float::calibrate` does.
    #[default]
    Optq,
}

/// How a float model becomes integers.
///
/// # Examples
///
/// One model with each form of GELU: the polynomial is an epilogue as the table is, ShiftGELU a step
/// of its own.
///
/// ```
/// use intformer::{
///     architecture::SwinConfig,
///     quant::{Gelu, QuantizeOptions, invented},
/// };
///
/// # let config = SwinConfig {
/// #     image_size: [8, 8],
/// #     embed_dim: 8,
/// #     depths: vec![2],
/// #     heads: vec![1],
/// #     window_size: 2,
/// #     classes: 3,
/// #     ..SwinConfig::tiny()
/// # };
/// let steps = |gelu| -> intformer::Result<usize> {
///     let options = QuantizeOptions {
///         gelu,
///         ..QuantizeOptions::default()
///     };
///     Ok(invented(&config, 0, &options)?.plan.steps.len())
/// };
/// assert_eq!(steps(Gelu::IGelu)?, steps(Gelu::Table)?);
/// let blocks = config.blocks().len();
/// assert_eq!(steps(Gelu::ShiftGelu)?, steps(Gelu::Table)? + blocks);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizeOptions {
    /// Range of int8 activations; keys of an attention keep all of theirs, around its middle.
    pub range: RangeMethod,
    /// Whether each channel of the residual has its own power-of-two factor.
    pub residual_exponents: bool,
    /// Whether biases make up for the mean error of rounded weights.
    pub bias_correction: bool,
    /// How weights become int8.
    pub rounding: Rounding,
    /// What GELU becomes.
    pub gelu: Gelu,
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            range: RangeMethod::MeanSquaredError,
            residual_exponents: true,
            bias_correction: true,
            rounding: Rounding::Optq,
            gelu: Gelu::Table,
        }
    }
}
