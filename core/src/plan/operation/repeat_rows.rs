//! The same rows for each item.

use intformer_shaders::op::repeat_rows as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    plan::{Axis, Format, Plan, TensorId, check, packer::Packer},
};

/// The same int16 rows for each item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatRows {
    /// int16 rows.
    pub output: TensorId,
    /// Prefix of `.rows`, int16 with their padding.
    pub weights: String,
}

impl Declared for RepeatRows {
    type Params = kernel::RepeatRows;

    fn inputs(&self) -> Vec<TensorId> {
        Vec::new()
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn weights(&self) -> Vec<&str> {
        vec![&self.weights]
    }

    fn fits(&self, plan: &Plan) -> bool {
        let output = &plan.tensors[self.output];
        output.format == Format::Int16 && output.axis == Axis::Item
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let out = packer.tensor(self.output);
        let (rows, cols) = (out.rows, out.padded_cols());
        let key = format!("rows {} {rows} {cols}", self.weights);
        Ok(kernel::RepeatRows {
            table: packer.section(&key, |source| {
                let name = format!("{}.rows", self.weights);
                let table: Vec<i16> = source.get(&name, &[rows, cols])?;
                for row in table.chunks(cols) {
                    check::range(&name, &row[out.cols..], 0..=0)?;
                }
                Ok(bytemuck::pod_collect_to_vec(&table))
            })?,
            out: packer.place(self.output),
            items: 1,
            words: out.words() as u32,
        })
    }
}
