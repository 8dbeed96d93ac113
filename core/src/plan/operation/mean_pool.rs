//! The mean over all tokens.

use intformer_shaders::op::mean_pool as kernel;
use serde::{Deserialize, Serialize};

use super::{Declared, linear::ACCUMULATOR_BOUND};
use crate::{
    Result,
    plan::{Format, Plan, TensorId, packer::Packer},
};

/// The mean over all tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeanPool {
    /// int8 rows.
    pub input: TensorId,
    /// One int8 row.
    pub output: TensorId,
    /// Prefix of `.multiplier` and `.shift`.
    pub weights: String,
}

impl Declared for MeanPool {
    type Params = kernel::MeanPool;

    fn inputs(&self) -> Vec<TensorId> {
        vec![self.input]
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn weights(&self) -> Vec<&str> {
        vec![&self.weights]
    }

    fn fits(&self, plan: &Plan) -> bool {
        let [input, output] = [self.input, self.output].map(|id| &plan.tensors[id]);
        input.format == Format::Int8
            && output.format == Format::Int8
            && output.rows == 1
            && output.stride == input.stride
            && (input.rows as i64) < ACCUMULATOR_BOUND / 127
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let x = packer.tensor(self.input);
        Ok(kernel::MeanPool {
            x: packer.place(self.input),
            out: packer.place(self.output),
            stride: x.stride as u32,
            tokens: x.rows as u32,
            batch: 1,
            channel: packer.scales(&format!("{}.", self.weights), x.stride * 4, 1..=30)?,
        })
    }
}
