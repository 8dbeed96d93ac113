//! A layer normalization.

use intformer_shaders::op::layer_norm::{self as kernel, gather};
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Error, Result,
    plan::{
        Format, Plan, TensorId,
        check::{self, product},
        packer::Packer,
    },
};

/// The largest left shift of a residual channel before its normalization.
pub const MAX_EXPONENT: u8 = 3;

/// The most channels that one normalization sums in 32 bits.
pub const MAX_NORM_CHANNELS: usize = 8191;

/// A layer normalization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerNorm {
    /// int16 rows.
    pub input: TensorId,
    /// int8 or int16 rows.
    pub output: TensorId,
    /// Prefix of the norm's `.multiplier`, `.shift`, `.exponent` and `.bias`.
    pub norm: String,
    /// round(channels * eps / scale^2).
    pub epsilon: u32,
    /// The map whose 2x2 cells become rows, if the norm follows a patch merging; past an odd side
    /// it is zero.
    pub merge: Option<[usize; 2]>,
}

impl Declared for LayerNorm {
    type Params = kernel::LayerNorm;

    fn inputs(&self) -> Vec<TensorId> {
        vec![self.input]
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn weights(&self) -> Vec<&str> {
        vec![&self.norm]
    }

    fn fits(&self, plan: &Plan) -> bool {
        let [input, output] = [self.input, self.output].map(|id| &plan.tensors[id]);
        let (rows, cols) = match self.merge {
            Some([height, width]) => {
                if product(&[height, width]) != Some(input.rows) {
                    return false;
                }
                (height.div_ceil(2) * width.div_ceil(2), input.cols * 4)
            }
            None => (input.rows, input.cols),
        };
        input.format == Format::Int16
            && matches!(output.format, Format::Int8 | Format::Int16)
            && (output.rows, output.cols) == (rows, cols)
    }

    fn pack(&self, step: &str, packer: &mut Packer) -> Result<Self::Params> {
        let [x, out] = [self.input, self.output].map(|id| packer.tensor(id));
        let (gather, parts) = match self.merge {
            Some(_) => (gather::MERGE, 4),
            None => (gather::ROW, 1),
        };
        let [height, width] = self.merge.unwrap_or_default();
        Ok(kernel::LayerNorm {
            x: packer.place(self.input),
            x_stride: x.stride as u32,
            out: packer.place(self.output),
            out_stride: out.stride as u32,
            rows: out.rows as u32,
            channels: x.cols as u32,
            channel: channels(packer, &self.norm, parts * x.cols)?,
            epsilon: epsilon(step, self.epsilon)?,
            gather,
            height: height as u32,
            width: width as u32,
            wide: u32::from(out.format == Format::Int16),
        })
    }
}

/// Checks the constant that guards a normalization against a variance of zero.
pub(super) fn epsilon(step: &str, epsilon: u32) -> Result<u32> {
    check::number(step, "an epsilon", epsilon, 0..=(1 << 31) - 1)
}

/// The section of a norm's channel parameters.
pub(super) fn channels(packer: &mut Packer, name: &str, channels: usize) -> Result<u32> {
    packer.section(&format!("norm {name} {channels}"), |source| {
        if channels > MAX_NORM_CHANNELS {
            return Err(Error::ModelFile(format!(
                "the norm {name} should have at most {MAX_NORM_CHANNELS} channels, found {channels}"
            )));
        }
        let multiplier: Vec<i16> = source.get(&format!("{name}.multiplier"), &[channels])?;
        let shift: Vec<u8> = source.get(&format!("{name}.shift"), &[channels])?;
        let exponent: Vec<u8> = source.get(&format!("{name}.exponent"), &[channels])?;
        let bias: Vec<i32> = source.get(&format!("{name}.bias"), &[channels])?;
        check::range(&format!("{name}.shift"), &shift, 1..=29)?;
        check::range(&format!("{name}.exponent"), &exponent, 0..=MAX_EXPONENT)?;
        check::range(&format!("{name}.bias"), &bias, -(1 << 29)..=1 << 29)?;
        check::range(&format!("{name}.multiplier"), &multiplier, -32767..=32767)?;
        let mut words = Vec::with_capacity(2 * channels);
        for c in 0..channels {
            let scale = u32::from(multiplier[c] as u16) | u32::from(shift[c]) << 16;
            words.push(scale | u32::from(exponent[c]) << 24);
            words.push(bias[c] as u32);
        }
        Ok(words)
    })
}
