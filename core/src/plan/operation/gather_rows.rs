//! Rows at given places.

use intformer_shaders::op::gather_rows as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    plan::{Axis, Format, InputKind, Plan, TensorId, packer::Packer},
};

/// The row of each item's first token, or some of the rows of each item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatherRows {
    /// Rows of any format: one a token, or some an item.
    pub input: TensorId,
    /// Where they are: the spans of the items, an input of the plan; none where items have as many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<TensorId>,
    /// Which rows of an item, in the order of the output; none where `index` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<usize>,
    /// Rows of the same format.
    pub output: TensorId,
}

impl Declared for GatherRows {
    type Params = kernel::GatherRows;
    const CROSSES_AXES: bool = true;

    fn inputs(&self) -> Vec<TensorId> {
        [self.input].into_iter().chain(self.index).collect()
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn ports(&self) -> Vec<TensorId> {
        self.index.into_iter().collect()
    }

    fn fits(&self, plan: &Plan) -> bool {
        let [input, output] = [self.input, self.output].map(|id| &plan.tensors[id]);
        let counted = match self.index {
            None => {
                input.axis == Axis::Item
                    && output.rows == self.tokens.len()
                    && self.tokens.iter().all(|&token| token < input.rows)
            }
            Some(index) => {
                let mut ports = plan.inputs.iter();
                let port = ports.find(|port| port.tensor == index);
                (input.axis, input.rows, output.rows) == (Axis::Token, 1, 1)
                    && self.tokens.is_empty()
                    && port.is_some_and(|port| port.kind == InputKind::Spans)
            }
        };
        // What pads an image is whatever an executor has there.
        counted
            && input.format != Format::Uint8
            && input.format == output.format
            && (input.cols, input.stride) == (output.cols, output.stride)
            && output.axis == Axis::Item
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let [input, output] = [self.input, self.output].map(|id| packer.tensor(id));
        let tokens = || self.tokens.iter().map(|&token| token as u32).collect();
        Ok(kernel::GatherRows {
            x: packer.place(self.input),
            index: self.index.map_or(0, |index| packer.place(index)),
            out: packer.place(self.output),
            rows: output.rows as u32,
            sources: input.rows as u32,
            stride: input.stride as u32,
            every: match self.index {
                None => input.rows as u32,
                Some(_) => 0,
            },
            kept: output.rows as u32,
            table: match self.index {
                None => packer.section(&format!("tokens {:?}", self.tokens), |_| Ok(tokens()))?,
                Some(_) => 0,
            },
        })
    }
}
