//! A bias and GELU in floats, to measure against: in no model file.

use intformer_shaders::op::float_gelu as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    plan::{Plan, TensorId, check, packer::Packer},
};

/// A bias and GELU in floats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatGelu {
    /// int8 rows.
    pub input: TensorId,
    /// int8 rows.
    pub output: TensorId,
    /// Name of the biases: int32, each the bits of an f32.
    pub bias: String,
    /// The bits of the f32 that one of the input stands for.
    pub input_scale: u32,
    /// The bits of the f32 that one divided by the output's scale is.
    pub output_factor: u32,
}

impl Declared for FloatGelu {
    type Params = kernel::FloatGelu;

    fn inputs(&self) -> Vec<TensorId> {
        vec![self.input]
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn fits(&self, plan: &Plan) -> bool {
        check::bytes_to_bytes(plan, self.input, self.output)
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let x = packer.tensor(self.input);
        let cols = x.padded_cols();
        let bias = packer.section(&format!("float bias {} {cols}", self.bias), |source| {
            let bits: Vec<i32> = source.get(&self.bias, &[cols])?;
            Ok(bytemuck::cast_slice(&bits).to_vec())
        })?;
        Ok(kernel::FloatGelu {
            x: packer.place(self.input),
            out: packer.place(self.output),
            rows: x.rows as u32,
            k_words: x.stride as u32,
            bias,
            input_scale: self.input_scale,
            output_factor: self.output_factor,
        })
    }
}
