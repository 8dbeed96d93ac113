//! I-ViT's ShiftGELU.

use intformer_shaders::op::shift_gelu as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    plan::{Plan, TensorId, check, packer::Packer},
};

/// The most that may stand for 1 in the exponent of I-ViT's ShiftGELU.
pub const MAX_SHIFT_GELU_UNIT: u32 = kernel::MAX_UNIT;

/// I-ViT's ShiftGELU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftGelu {
    /// int8 rows.
    pub input: TensorId,
    /// int8 rows.
    pub output: TensorId,
    /// The input that stands for 1 in the exponent, 1 to 127.
    pub unit: u32,
    /// Multiplier of the output.
    pub multiplier: u16,
    /// Shift of the output.
    pub shift: u8,
}

impl Declared for ShiftGelu {
    type Params = kernel::ShiftGelu;

    fn inputs(&self) -> Vec<TensorId> {
        vec![self.input]
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn fits(&self, plan: &Plan) -> bool {
        check::bytes_to_bytes(plan, self.input, self.output)
    }

    fn pack(&self, step: &str, packer: &mut Packer) -> Result<Self::Params> {
        let x = packer.tensor(self.input);
        Ok(kernel::ShiftGelu {
            x: packer.place(self.input),
            out: packer.place(self.output),
            rows: x.rows as u32,
            k_words: x.stride as u32,
            unit: check::number(step, "a unit", self.unit, 1..=MAX_SHIFT_GELU_UNIT)?,
            scale: check::packed_scale(step, self.multiplier, self.shift)?,
        })
    }
}
