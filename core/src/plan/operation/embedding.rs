//! Rows of tables, summed, for tokens.

use intformer_shaders::op::embedding as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Error, Result,
    plan::{
        Axis, Format, InputKind, IntElement, IntType, Plan, TensorId, TokenLimits, check,
        packer::Packer,
    },
};

/// The embedding of tokens: an int8 row of the id with a scale of its own, and int16 rows of position and
/// segment. The tables have as many rows as the input has limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedding {
    /// The tokens: an input of the plan.
    pub input: TensorId,
    /// int16 rows, one a token.
    pub output: TensorId,
    /// Prefix of `.word`, `.multiplier`, `.shift`, `.position` and `.segment`.
    pub weights: String,
}

impl Embedding {
    /// What its tokens are below.
    fn limits(&self, plan: &Plan) -> Option<TokenLimits> {
        let mut ports = plan.inputs.iter();
        match ports.find(|port| port.tensor == self.input)?.kind {
            InputKind::Tokens(limits) => Some(limits),
            _ => None,
        }
    }
}

impl Declared for Embedding {
    type Params = kernel::Embedding;

    fn inputs(&self) -> Vec<TensorId> {
        vec![self.input]
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn ports(&self) -> Vec<TensorId> {
        vec![self.input]
    }

    fn weights(&self) -> Vec<&str> {
        vec![&self.weights]
    }

    fn fits(&self, plan: &Plan) -> bool {
        let output = &plan.tensors[self.output];
        output.format == Format::Int16
            && output.axis == Axis::Token
            && output.rows == 1
            && output.padded_cols().is_multiple_of(16)
            && self.limits(plan).is_some()
    }

    fn pack(&self, step: &str, packer: &mut Packer) -> Result<Self::Params> {
        let out = packer.tensor(self.output);
        let (weights, cols) = (&self.weights, out.padded_cols());
        let limits = self
            .limits(packer.plan())
            .ok_or_else(|| Error::ModelFile(format!("step {step}: expected an input of tokens")))?;
        let TokenLimits {
            vocabulary,
            positions,
            segments,
        } = limits;
        let [word, position, segment] = [
            table::<i8>(packer, &format!("{weights}.word"), vocabulary, cols)?,
            table::<i16>(packer, &format!("{weights}.position"), positions, cols)?,
            table::<i16>(packer, &format!("{weights}.segment"), segments, cols)?,
        ];
        Ok(kernel::Embedding {
            tokens: packer.place(self.input),
            out: packer.place(self.output),
            rows: 1,
            stride: out.stride as u32,
            vocabulary,
            positions,
            segments,
            word,
            word_scale: packer.scales(&format!("{weights}."), vocabulary as usize, 1..=30)?,
            position,
            segment,
        })
    }
}

/// The section of a table; int8 values are from -127 on.
fn table<T: IntElement>(packer: &mut Packer, name: &str, rows: u32, cols: usize) -> Result<u32> {
    packer.section(&format!("embedding {name} {rows} {cols}"), |source| {
        let values: Vec<T> = source.get(name, &[rows as usize, cols])?;
        let bytes: &[i8] = bytemuck::cast_slice(&values);
        if T::TYPE == IntType::I8 {
            check::range(name, bytes, -127..=127)?;
        }
        Ok(bytemuck::pod_collect_to_vec(bytes))
    })
}
