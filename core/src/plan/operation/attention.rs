//! Attention of each token to all tokens of its item.

use intformer_shaders::op::attention::{self as kernel, EXPONENTIALS, LARGEST_WEIGHT, MAX_KEYS};
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Error, Result,
    plan::{Axis, Format, InputKind, Plan, TensorId, check, packer::Packer},
};

/// The most tokens of an item that attends to itself.
pub const MAX_ATTENTION_TOKENS: usize = MAX_KEYS as usize;

/// Entries of the table of exponentials.
pub const ATTENTION_EXPONENTIALS: usize = EXPONENTIALS as usize;

/// The first and largest of them.
pub const LARGEST_EXPONENTIAL: u16 = LARGEST_WEIGHT as u16;

/// The most words of a head.
const MAX_HEAD_WORDS: usize = kernel::MAX_HEAD_WORDS as usize;

/// Attention of each token to all tokens of its item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// int8 queries, keys and values, which may be one tensor.
    pub inputs: [TensorId; 3],
    /// The words of their rows at which the heads begin, side by side.
    pub starts: [usize; 3],
    /// The inputs of the plan that say which tokens are whose; none where each item has as many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Items>,
    /// int8 rows, heads side by side.
    pub output: TensorId,
    /// Prefix of `.head_multiplier`, `.head_shift`, `.multiplier`, `.shift`.
    pub weights: String,
    /// Name of the table of exponentials, 16 bits each.
    pub exp: String,
    /// Heads.
    pub heads: usize,
    /// Words of one head in a row.
    pub head_words: usize,
}

/// Which tokens are whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Items {
    /// The tokens, each with its item.
    pub tokens: TensorId,
    /// The spans of the items.
    pub spans: TensorId,
}

impl Declared for Attention {
    type Params = kernel::Attention;
    const CROSSES_AXES: bool = true;

    /// Spans first: what they are counted by is what is read.
    fn inputs(&self) -> Vec<TensorId> {
        let mut inputs = self.ports();
        for id in self.inputs {
            if !inputs.contains(&id) {
                inputs.push(id);
            }
        }
        inputs
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn weights(&self) -> Vec<&str> {
        vec![&self.weights]
    }

    fn ports(&self) -> Vec<TensorId> {
        let items = self.items.iter();
        items
            .flat_map(|items| [items.spans, items.tokens])
            .collect()
    }

    fn fits(&self, plan: &Plan) -> bool {
        let output = &plan.tensors[self.output];
        let kind = |id: TensorId| {
            let mut ports = plan.inputs.iter();
            ports.find(|port| port.tensor == id).map(|port| port.kind)
        };
        let counted = match self.items {
            None => output.axis == Axis::Item && output.rows <= MAX_ATTENTION_TOKENS,
            Some(items) => {
                let short = |kind| match kind {
                    InputKind::Tokens(limits) => limits.positions <= MAX_KEYS,
                    _ => false,
                };
                output.axis == Axis::Token
                    && output.rows == 1
                    && kind(items.tokens).is_some_and(short)
                    && kind(items.spans) == Some(InputKind::Spans)
            }
        };
        let words = check::product(&[self.heads, self.head_words]);
        let Some(words) = words.filter(|&words| words > 0 && self.head_words <= MAX_HEAD_WORDS)
        else {
            return false;
        };
        let mut inputs = self.inputs.iter().zip(self.starts);
        counted
            && output.format == Format::Int8
            && words <= output.stride
            && inputs.all(|(&id, start)| {
                let input = &plan.tensors[id];
                input.format == Format::Int8
                    && (input.axis, input.rows) == (output.axis, output.rows)
                    && start
                        .checked_add(words)
                        .is_some_and(|end| end <= input.stride)
            })
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let Self {
            weights,
            exp,
            heads,
            head_words,
            ..
        } = self;
        let [query, key, value] = self.inputs.map(|id| packer.place(id));
        let [query_stride, key_stride, value_stride] =
            self.inputs.map(|id| packer.tensor(id).stride as u32);
        let [query_start, key_start, value_start] = self.starts.map(|start| start as u32);
        let out = packer.tensor(self.output);
        let place = |id: Option<TensorId>| id.map_or(0, |id| packer.place(id));
        Ok(kernel::Attention {
            spans: place(self.items.map(|items| items.spans)),
            tokens: place(self.items.map(|items| items.tokens)),
            query,
            query_stride,
            query_start,
            key,
            key_stride,
            key_start,
            value,
            value_stride,
            value_start,
            out: packer.place(self.output),
            out_stride: out.stride as u32,
            rows: out.rows as u32,
            items: 1,
            length: match self.items {
                Some(_) => 0,
                None => out.rows as u32,
            },
            heads: *heads as u32,
            head_words: *head_words as u32,
            head: packer.scales(&format!("{weights}.head_"), *heads, 1..=30)?,
            exp: packer.section(&format!("softmax {exp}"), |source| {
                let table: Vec<u16> = source.get(exp, &[ATTENTION_EXPONENTIALS])?;
                check::range(exp, &table, 0..=LARGEST_EXPONENTIAL)?;
                if table[0] != LARGEST_EXPONENTIAL {
                    return Err(Error::ModelFile(format!(
                        "the tensor {exp} should begin with {LARGEST_EXPONENTIAL}, found {}",
                        table[0]
                    )));
                }
                Ok(bytemuck::pod_collect_to_vec(&table))
            })?,
            // The kernel adds up to 12 to the shift: bits(total) - 11.
            channel: packer.scales(&format!("{weights}."), heads * head_words * 4, 1..=18)?,
        })
    }
}
