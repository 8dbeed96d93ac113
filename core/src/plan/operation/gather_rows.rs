//! Rows at given places.

use intformer_shaders::op::gather_rows as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    input::is_default,
    plan::{Axis, Format, InputKind, Plan, TensorId, packer::Packer},
};

/// The row of each item's first token, or one of the rows of each item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatherRows {
    /// Rows of any format: one a token, or some an item.
    pub input: TensorId,
    /// Where they are: the spans of the items, an input of the plan; none where items have as many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<TensorId>,
    /// Which row of an item.
    #[serde(default, skip_serializing_if = "is_default")]
    pub first: usize,
    /// Rows of the same format, one an item.
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
            None => input.axis == Axis::Item && self.first < input.rows,
            Some(index) => {
                let mut ports = plan.inputs.iter();
                let port = ports.find(|port| port.tensor == index);
                (input.axis, input.rows, self.first) == (Axis::Token, 1, 0)
                    && port.is_some_and(|port| port.kind == InputKind::Spans)
            }
        };
        // What pads an image is whatever an executor has there.
        counted
            && input.format != Format::Uint8
            && input.format == output.format
            && (input.cols, input.stride) == (output.cols, output.stride)
            && (output.axis, output.rows) == (Axis::Item, 1)
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let input = packer.tensor(self.input);
        Ok(kernel::GatherRows {
            x: packer.place(self.input),
            index: self.index.map_or(0, |index| packer.place(index)),
            out: packer.place(self.output),
            rows: 1,
            sources: input.rows as u32,
            stride: input.stride as u32,
            every: match self.index {
                None => input.rows as u32,
                Some(_) => 0,
            },
            first: self.first as u32,
        })
    }
}
