//! Rows at given places.

use intformer_shaders::op::gather_rows as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    plan::{Axis, InputKind, Plan, TensorId, packer::Packer},
};

/// The row of each item's first token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatherRows {
    /// Rows of any format, one a token.
    pub input: TensorId,
    /// Where they are: the spans of the items, an input of the plan.
    pub index: TensorId,
    /// Rows of the same format, one an item.
    pub output: TensorId,
}

impl Declared for GatherRows {
    type Params = kernel::GatherRows;
    const CROSSES_AXES: bool = true;

    fn inputs(&self) -> Vec<TensorId> {
        vec![self.input, self.index]
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn port(&self) -> Option<TensorId> {
        Some(self.index)
    }

    fn fits(&self, plan: &Plan) -> bool {
        let [input, output] = [self.input, self.output].map(|id| &plan.tensors[id]);
        let mut ports = plan.inputs.iter();
        let port = ports.find(|port| port.tensor == self.index);
        input.format == output.format
            && (input.cols, input.stride) == (output.cols, output.stride)
            && (input.rows, output.rows) == (1, 1)
            && (input.axis, output.axis) == (Axis::Token, Axis::Item)
            && port.is_some_and(|port| port.kind == InputKind::Spans)
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        Ok(kernel::GatherRows {
            x: packer.place(self.input),
            index: packer.place(self.index),
            out: packer.place(self.output),
            rows: 1,
            sources: 1,
            stride: packer.tensor(self.input).stride as u32,
        })
    }
}
