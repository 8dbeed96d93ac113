//! The mean or the largest of each item's rows.

use intformer_shaders::op::pool_rows::{self as kernel, MAX_ROWS};
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    input::is_default,
    plan::{Axis, Format, InputKind, Plan, Pooling, TensorId, packer::Packer},
};

/// The mean or the largest of the rows of each item, by channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRows {
    /// int16 rows: one a token, or some an item.
    pub input: TensorId,
    /// Where they are: the spans of the items, an input of the plan; none where items have as many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spans: Option<TensorId>,
    /// How many rows of each item are left out, the first ones; 0 with spans.
    #[serde(default, skip_serializing_if = "is_default")]
    pub first: usize,
    /// What becomes of them.
    pub pooling: Pooling,
    /// An int16 row an item.
    pub output: TensorId,
}

impl Declared for PoolRows {
    type Params = kernel::PoolRows;
    const CROSSES_AXES: bool = true;

    fn inputs(&self) -> Vec<TensorId> {
        [self.input].into_iter().chain(self.spans).collect()
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn ports(&self) -> Vec<TensorId> {
        self.spans.into_iter().collect()
    }

    fn fits(&self, plan: &Plan) -> bool {
        let [input, output] = [self.input, self.output].map(|id| &plan.tensors[id]);
        let counted = match self.spans {
            None => {
                input.axis == Axis::Item
                    && self.first < input.rows
                    && input.rows <= MAX_ROWS as usize
            }
            Some(spans) => {
                let short = |kind| match kind {
                    InputKind::Tokens(limits) => limits.positions <= MAX_ROWS,
                    _ => false,
                };
                let mut ports = plan.inputs.iter();
                let port = ports.find(|port| port.tensor == spans);
                (input.axis, input.rows, self.first) == (Axis::Token, 1, 0)
                    && port.is_some_and(|port| port.kind == InputKind::Spans)
                    && plan.inputs.iter().any(|port| short(port.kind))
            }
        };
        counted
            && [input.format, output.format] == [Format::Int16; 2]
            && (input.cols, input.stride) == (output.cols, output.stride)
            && (output.axis, output.rows) == (Axis::Item, 1)
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let input = packer.tensor(self.input);
        Ok(kernel::PoolRows {
            x: packer.place(self.input),
            spans: self.spans.map_or(0, |spans| packer.place(spans)),
            out: packer.place(self.output),
            rows: 1,
            sources: input.rows as u32,
            stride: input.stride as u32,
            every: match self.spans {
                None => input.rows as u32,
                Some(_) => 0,
            },
            first: self.first as u32,
            largest: u32::from(self.pooling == Pooling::Max),
        })
    }
}
