//! A matrix product.

use intformer_shaders::{
    I_GELU_MOST_ONE,
    op::linear::{self as kernel, epilogue},
};
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Error, Result,
    plan::{Format, Plan, Tensor, TensorId, check, packer::Packer},
};

/// Accumulators stay below this in magnitude.
pub const ACCUMULATOR_BOUND: i64 = 1 << 30;

/// The most that may stand for 1 in I-BERT's integer GELU: 2 * 1023 times it is below 2^30.
pub const MAX_GELU_ONE: u32 = I_GELU_MOST_ONE;

/// A matrix product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linear {
    /// int8 rows.
    pub input: TensorId,
    /// Rows in the format of the epilogue.
    pub output: TensorId,
    /// Prefix of `.weight`, `.bias`, `.multiplier` and `.shift`.
    pub weights: String,
    /// What becomes of the accumulators.
    pub epilogue: Epilogue,
}

/// What a matrix product does with its accumulators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Epilogue {
    /// int8; with `relu` the lower clamp is 0.
    Int8 {
        /// Whether negative values become 0.
        relu: bool,
    },
    /// int8 through a table of 256 bytes.
    Table {
        /// Name of the table in the model file.
        table: String,
        /// Another for the last of the columns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        second: Option<SecondTable>,
    },
    /// int8 through I-BERT's integer GELU.
    IGelu {
        /// Where its polynomial ends; its square is at most `one`.
        clip: u32,
        /// What stands for 1 in the polynomial.
        one: u32,
        /// Multiplier of the output.
        multiplier: u16,
        /// Shift of the output.
        shift: u8,
    },
    /// Added to an int16 tensor of the output's shape, which may be the output itself.
    Residual {
        /// The tensor.
        residual: TensorId,
    },
    /// int16.
    Int16,
    /// int32.
    Int32,
}

/// A table for the last of the columns: those of a range of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondTable {
    /// Its name in the model file.
    pub table: String,
    /// The first of its columns, a multiple of 16.
    pub from: usize,
}

impl Epilogue {
    /// The output's format.
    pub fn format(&self) -> Format {
        match self {
            Self::Int8 { .. } | Self::Table { .. } | Self::IGelu { .. } => Format::Int8,
            Self::Residual { .. } | Self::Int16 => Format::Int16,
            Self::Int32 => Format::Int32,
        }
    }

    /// The first column of a second table.
    pub(crate) fn split(&self) -> Option<usize> {
        match self {
            Self::Table { second, .. } => second.as_ref().map(|second| second.from),
            _ => None,
        }
    }

    /// The tensor that it reads.
    pub(super) fn residual(&self) -> Option<TensorId> {
        match self {
            Self::Residual { residual } => Some(*residual),
            _ => None,
        }
    }

    /// Whether a product of `a` gives the tensor `output`.
    pub(super) fn fits(&self, plan: &Plan, a: &Tensor, output: &Tensor) -> bool {
        let shape = |tensor: &Tensor| (tensor.rows, tensor.stride);
        let added = |id: TensorId| {
            let residual = &plan.tensors[id];
            residual.format == Format::Int16 && shape(residual) == shape(output)
        };
        a.format == Format::Int8
            && output.format == self.format()
            && output.padded_cols().is_multiple_of(16)
            && a.rows == output.rows
            && self.residual().is_none_or(added)
            && self.split().is_none_or(|from| {
                from.is_multiple_of(16) && (1..output.padded_cols()).contains(&from)
            })
    }
}

impl Declared for Linear {
    type Params = kernel::Linear;
    // Accumulators are proven for the pixels' -128.
    const READS_PIXELS: bool = true;

    fn inputs(&self) -> Vec<TensorId> {
        let residual = self.epilogue.residual();
        [self.input].into_iter().chain(residual).collect()
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn residual(&self) -> Option<TensorId> {
        self.epilogue.residual()
    }

    fn weights(&self) -> Vec<&str> {
        vec![&self.weights]
    }

    fn fits(&self, plan: &Plan) -> bool {
        let [input, output] = [self.input, self.output].map(|id| &plan.tensors[id]);
        self.epilogue.fits(plan, input, output)
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let largest = if packer.holds_pixels(self.input) {
            128
        } else {
            127
        };
        let ids = [self.input, self.output];
        let product = pack(packer, ids, &self.weights, &self.epilogue, largest)?;
        Ok(kernel::Linear {
            a: packer.place(self.input),
            ..product
        })
    }
}

/// The product of `a`, with values of at most `largest`, and the weights `name`, without the place of `a`.
pub(super) fn pack(
    packer: &mut Packer,
    [a, output]: [TensorId; 2],
    name: &str,
    kind: &Epilogue,
    largest: i64,
) -> Result<kernel::Linear> {
    let [a, out] = [a, output].map(|id| packer.tensor(id));
    let (k, cols) = (a.padded_cols(), out.padded_cols());
    let key = format!("weight {name} {cols} {k} {largest}");
    let weight = packer.section(&key, |source| {
        let weight: Vec<i8> = source.get(&format!("{name}.weight"), &[cols, k])?;
        let bias: Vec<i32> = source.get(&format!("{name}.bias"), &[cols])?;
        accumulators(name, &weight, &bias, largest)?;
        Ok(bytemuck::pod_collect_to_vec(&weight))
    })?;
    let channel = packer.section(&format!("channel {name} {cols}"), |source| {
        let bias: Vec<i32> = source.get(&format!("{name}.bias"), &[cols])?;
        let scales = check::packed_scales(source, &format!("{name}."), cols, 1..=30)?;
        let pairs = bias.iter().zip(scales);
        Ok(pairs.flat_map(|(&b, scale)| [b as u32, scale]).collect())
    })?;
    let mut p = kernel::Linear {
        weight,
        channel,
        out: packer.place(output),
        rows: out.rows as u32,
        k_words: a.stride as u32,
        cols: cols as u32,
        out_stride: out.stride as u32,
        low: -127i32 as u32,
        split: cols as u32,
        ..Default::default()
    };
    p.epilogue = match kind {
        Epilogue::Int8 { relu } => {
            p.low = if *relu { 0 } else { p.low };
            epilogue::INT8
        }
        Epilogue::Table { table, second } => {
            if let Some(SecondTable { from, .. }) = second {
                p.split = *from as u32;
            }
            let second = second.as_ref().map(|second| &second.table);
            p.table = packer.section(&format!("table {table} {second:?}"), |source| {
                let mut words = Vec::new();
                for name in std::iter::once(table).chain(second) {
                    let table: Vec<i8> = source.get(name, &[256])?;
                    check::range(name, &table, -127..=127)?;
                    words.extend(bytemuck::pod_collect_to_vec::<i8, u32>(&table));
                }
                Ok(words)
            })?;
            epilogue::TABLE
        }
        Epilogue::IGelu {
            clip,
            one,
            multiplier,
            shift,
        } => {
            p.gelu_one = check::number(name, "a one of GELU", *one, 1..=MAX_GELU_ONE)?;
            p.gelu_clip = check::number(name, "a clip of GELU", *clip, 0..=one.isqrt())?;
            p.gelu_scale = check::packed_scale(name, *multiplier, *shift)?;
            epilogue::I_GELU
        }
        Epilogue::Residual { residual } => {
            p.residual = packer.place(*residual);
            epilogue::RESIDUAL
        }
        Epilogue::Int16 => epilogue::INT16,
        Epilogue::Int32 => epilogue::INT32,
    };
    Ok(p)
}

/// Proves that no accumulator of a matrix product leaves its bound, whatever the input:
/// |bias| + largest * sum |weight| < 2^30 for every output.
fn accumulators(name: &str, weight: &[i8], bias: &[i32], largest: i64) -> Result<()> {
    if weight.contains(&-128) {
        return Err(Error::ModelFile(format!(
            "the tensor {name}.weight should hold values from -127 to 127, found -128"
        )));
    }
    let rows = weight.chunks(weight.len() / bias.len());
    for (row, (weights, bias)) in rows.zip(bias).enumerate() {
        let sum: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
        let bound = sum * largest + i64::from(*bias).abs();
        if bound >= ACCUMULATOR_BOUND {
            return Err(Error::ModelFile(format!(
                "{name}: expected accumulators below {ACCUMULATOR_BOUND}, output {row} may reach {bound}"
            )));
        }
    }
    Ok(())
}
