//! Rows of tables, summed, for tokens.

use intformer_shaders::op::embedding as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    plan::{Axis, Format, InputKind, Plan, TensorId, TokenLimits, check, packer::Packer},
};

/// The embedding of tokens: an int8 row of the id with a scale of its own, and int16 rows of position and
/// segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedding {
    /// The tokens: an input of the plan.
    pub input: TensorId,
    /// int16 rows, one a token.
    pub output: TensorId,
    /// Prefix of `.word`, `.multiplier`, `.shift`, `.position` and `.segment`.
    pub weights: String,
    /// Rows of the tables; no token is beyond them.
    pub limits: TokenLimits,
}

impl Declared for Embedding {
    type Params = kernel::Embedding;

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
        let output = &plan.tensors[self.output];
        let mut ports = plan.inputs.iter();
        let port = ports.find(|port| port.tensor == self.input);
        output.format == Format::Int16
            && output.axis == Axis::Token
            && output.rows == 1
            && output.padded_cols().is_multiple_of(16)
            && port.is_some_and(|port| port.kind == InputKind::Tokens(self.limits))
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let out = packer.tensor(self.output);
        let Self {
            weights, limits, ..
        } = self;
        let cols = out.padded_cols();
        let rows =
            [limits.vocabulary, limits.positions, limits.segments].map(|count| count as usize);
        let [vocabulary, positions, segments] = rows;
        let word = packer.section(&format!("words {weights} {vocabulary} {cols}"), |source| {
            let name = format!("{weights}.word");
            let word: Vec<i8> = source.get(&name, &[vocabulary, cols])?;
            check::range(&name, &word, -127..=127)?;
            Ok(bytemuck::pod_collect_to_vec(&word))
        })?;
        let mut halves = |part: &str, rows: usize| {
            packer.section(&format!("{part} {weights} {rows} {cols}"), |source| {
                let half: Vec<i16> = source.get(&format!("{weights}.{part}"), &[rows, cols])?;
                Ok(bytemuck::pod_collect_to_vec(&half))
            })
        };
        let (position, segment) = (halves("position", positions)?, halves("segment", segments)?);
        Ok(kernel::Embedding {
            tokens: packer.place(self.input),
            out: packer.place(self.output),
            rows: 1,
            stride: out.stride as u32,
            vocabulary: limits.vocabulary,
            positions: limits.positions,
            segments: limits.segments,
            word,
            word_scale: packer.scales(&format!("{weights}."), vocabulary, 1..=30)?,
            position,
            segment,
        })
    }
}
