//! Attention inside shifted windows.

use intformer_shaders::op::window_attention::{self as kernel, MAX_TOKENS};
use serde::{Deserialize, Serialize};

use super::{Declared, linear::ACCUMULATOR_BOUND};
use crate::{
    Error, Result,
    plan::{
        Format, Plan, TensorId,
        check::{self, product},
        packer::Packer,
    },
};

/// The most tokens in an attention window: 255 * 256 weights still sum to 16 bits.
pub const MAX_WINDOW_TOKENS: usize = MAX_TOKENS as usize;

/// The most words of an attention head.
pub const MAX_HEAD_WORDS: usize = kernel::MAX_HEAD_WORDS as usize;

/// Tokens that a padded map may have: twice those of the largest image in patches of a pixel.
const MAX_PADDED_TOKENS: usize = 1 << 25;

/// Attention inside shifted windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowAttention {
    /// int8 queries, keys and values.
    pub input: TensorId,
    /// int8 rows, heads side by side.
    pub output: TensorId,
    /// Prefix of `.position_bias`, `.head_multiplier`, `.head_shift`, `.multiplier`, `.shift`,
    /// and of `.padding`, a row of the input, where the window does not divide the map.
    pub weights: String,
    /// Name of the table of 256 exponentials.
    pub exp: String,
    /// The map, rows and columns.
    pub map: [usize; 2],
    /// The window.
    pub window: [usize; 2],
    /// The cyclic shift.
    pub shift: [usize; 2],
    /// Extents within which the shift goes round, where they are not the map's: on an axis
    /// either the map's or those of the map padded to whole windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll: Option<[usize; 2]>,
    /// Heads.
    pub heads: usize,
    /// Words of one head in a row.
    pub head_words: usize,
}

impl WindowAttention {
    /// Whether window, shift and roll are possible on an axis.
    fn tiles(&self, axis: usize) -> bool {
        let (map, window, shift) = (self.map[axis], self.window[axis], self.shift[axis]);
        if !(1..=MAX_WINDOW_TOKENS).contains(&window) {
            return false;
        }
        let roll = self.roll.unwrap_or(self.map)[axis];
        // One round at most, so that kernels need no division.
        [map, map.next_multiple_of(window)].contains(&roll) && shift < window && shift < roll
    }
}

impl Declared for WindowAttention {
    type Params = kernel::WindowAttention;

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
        let [input, output] = [self.input, self.output].map(|id| &plan.tensors[id]);
        let padded = || [0, 1].map(|axis| self.map[axis].next_multiple_of(self.window[axis]));
        let words = product(&[self.heads, self.head_words]);
        input.format == Format::Int8
            && output.format == Format::Int8
            && product(&self.map) == Some(input.rows)
            && output.rows == input.rows
            && self.tiles(0)
            && self.tiles(1)
            && product(&self.window).is_some_and(|tokens| tokens <= MAX_WINDOW_TOKENS)
            && product(&padded()).is_some_and(|tokens| tokens <= MAX_PADDED_TOKENS)
            && self.head_words <= MAX_HEAD_WORDS
            && words.is_some_and(|words| {
                words > 0 && words <= output.stride && words <= input.stride / 3
            })
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let [qkv, out] = [self.input, self.output].map(|id| packer.tensor(id));
        let Self {
            weights,
            exp,
            map,
            window,
            shift,
            heads,
            head_words,
            ..
        } = self;
        let channels = heads * head_words * 4;
        let entries = (2 * window[0] - 1) * (2 * window[1] - 1);
        let key = format!("position bias {weights} {heads} {entries} {head_words}");
        let bias = packer.section(&key, |source| {
            let name = format!("{weights}.position_bias");
            let bias: Vec<i32> = source.get(&name, &[*heads, entries])?;
            logits(&name, &bias, *head_words)?;
            Ok(bytemuck::cast_slice(&bias).to_vec())
        })?;
        let head = packer.scales(&format!("{weights}.head_"), *heads, 1..=30)?;
        // The kernel adds up to 8 to the shift: bits(total) - 8.
        let channel = packer.scales(&format!("{weights}."), channels, 1..=22)?;
        let exp = packer.section(&format!("exp {exp}"), |source| {
            let table: Vec<u8> = source.get(exp, &[256])?;
            exponentials(exp, &table)?;
            Ok(bytemuck::pod_collect_to_vec(&table))
        })?;
        let pads = (0..2).any(|axis| map[axis] % window[axis] != 0);
        let padding = match pads {
            true => packer.section(&format!("padding {weights} {channels}"), |source| {
                let name = format!("{weights}.padding");
                let row: Vec<i8> = source.get(&name, &[3 * channels])?;
                check::range(&name, &row, -127..=127)?;
                Ok(bytemuck::pod_collect_to_vec(&row))
            })?,
            false => 0,
        };
        let roll = self.roll.unwrap_or(*map);
        Ok(kernel::WindowAttention {
            qkv: packer.place(self.input),
            qkv_stride: qkv.stride as u32,
            out: packer.place(self.output),
            out_stride: out.stride as u32,
            batch: 1,
            height: map[0] as u32,
            width: map[1] as u32,
            window_height: window[0] as u32,
            window_width: window[1] as u32,
            shift_height: shift[0] as u32,
            shift_width: shift[1] as u32,
            roll_height: roll[0] as u32,
            roll_width: roll[1] as u32,
            heads: *heads as u32,
            head_words: *head_words as u32,
            bias,
            head,
            exp,
            channel,
            padding,
        })
    }
}

/// Proves that the difference of two logits stays below the bound of accumulators.
fn logits(name: &str, bias: &[i32], head_words: usize) -> Result<()> {
    let products = 127 * 127 * 4 * head_words as i64;
    let largest = bias.iter().map(|&b| i64::from(b).abs()).max().unwrap_or(0);
    match products + largest < ACCUMULATOR_BOUND / 2 {
        true => Ok(()),
        false => Err(Error::ModelFile(format!(
            "{name}: expected logits below {}, they may reach {}",
            ACCUMULATOR_BOUND / 2,
            products + largest
        ))),
    }
}

/// Checks that the largest logit has the weight 255.
fn exponentials(name: &str, table: &[u8]) -> Result<()> {
    match table[0] {
        255 => Ok(()),
        first => Err(Error::ModelFile(format!(
            "the tensor {name} should begin with 255, found {first}"
        ))),
    }
}
