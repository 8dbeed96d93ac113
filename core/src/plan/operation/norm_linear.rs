//! A layer normalization and a matrix product.

use intformer_shaders::op::{linear as kernel, norm_linear::MAX_K_WORDS};
use serde::{Deserialize, Serialize};

use super::{Declared, Epilogue, layer_norm, linear};
use crate::{
    Error, Result,
    plan::{Format, Plan, TensorId, packer::Packer},
};

/// The most channels (padded) that `norm_linear` takes; wider rows are normalized by `layer_norm`.
pub const MAX_NORM_LINEAR_CHANNELS: usize = 4 * MAX_K_WORDS as usize;

/// A layer normalization and a matrix product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormLinear {
    /// int16 rows.
    pub input: TensorId,
    /// Rows in the format of the epilogue.
    pub output: TensorId,
    /// Room for the int8 rows between the two.
    pub scratch: TensorId,
    /// Prefix of the norm's `.multiplier`, `.shift`, `.exponent` and `.bias`.
    pub norm: String,
    /// round(channels * eps / scale^2).
    pub epsilon: u32,
    /// Prefix of `.weight`, `.bias`, `.multiplier` and `.shift`.
    pub weights: String,
    /// What becomes of the accumulators.
    pub epilogue: Epilogue,
}

impl Declared for NormLinear {
    type Params = kernel::Linear;

    fn inputs(&self) -> Vec<TensorId> {
        let residual = self.epilogue.residual();
        [self.input].into_iter().chain(residual).collect()
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn residual(&self) -> Option<TensorId> {
        self.epilogue.residual()
    }

    fn scratch(&self) -> Option<TensorId> {
        Some(self.scratch)
    }

    fn weights(&self) -> Vec<&str> {
        vec![&self.norm, &self.weights]
    }

    fn fits(&self, plan: &Plan) -> bool {
        let ids = [self.input, self.scratch, self.output];
        let [input, scratch, output] = ids.map(|id| &plan.tensors[id]);
        input.format == Format::Int16
            && input.cols <= scratch.padded_cols()
            && input.rows == scratch.rows
            && self.epilogue.fits(plan, scratch, output)
    }

    fn pack(&self, step: &str, packer: &mut Packer) -> Result<Self::Params> {
        let [x, scratch] = [self.input, self.scratch].map(|id| packer.tensor(id));
        let ids = [self.scratch, self.output];
        let product = linear::pack(packer, ids, &self.weights, &self.epilogue, 127)?;
        if scratch.padded_cols() > MAX_NORM_LINEAR_CHANNELS {
            return Err(Error::ModelFile(format!(
                "step {step}: expected at most {MAX_NORM_LINEAR_CHANNELS} channels, found {}",
                scratch.padded_cols()
            )));
        }
        Ok(kernel::Linear {
            x: packer.place(self.input),
            x_stride: x.stride as u32,
            norm_channel: layer_norm::channels(packer, &self.norm, x.cols)?,
            norm_channels: x.cols as u32,
            norm_epsilon: layer_norm::epsilon(step, self.epsilon)?,
            scratch: packer.place(self.scratch),
            ..product
        })
    }
}
