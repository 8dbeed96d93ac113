//! Weights packed into one buffer, and the dispatches that point into it.

use std::collections::{HashMap, HashSet};

use intformer_shaders::{
    Dispatch,
    params::{self, epilogue, gather},
};

use super::{
    Epilogue, IntWeights, MAX_EXPONENT, MAX_GELU_ONE, MAX_NORM_CHANNELS, MAX_NORM_LINEAR_CHANNELS,
    MAX_SHIFT_GELU_UNIT, Operation, Plan, Step, Tensor, TensorId, check,
};
use crate::{Error, Result};

/// Packs weight sections on first use and knows where they are.
pub(super) struct Packer<'a> {
    plan: &'a Plan,
    /// Tensors of gathered pixels.
    pixels: HashSet<TensorId>,
    source: &'a IntWeights,
    words: Vec<u32>,
    sections: HashMap<String, u32>,
}

impl<'a> Packer<'a> {
    /// Nothing packed yet.
    pub(super) fn new(plan: &'a Plan, source: &'a IntWeights) -> Self {
        let gathered = |step: &Step| match step.operation {
            Operation::PatchGather { output, .. } => Some(output),
            _ => None,
        };
        Self {
            plan,
            pixels: plan.steps.iter().filter_map(gathered).collect(),
            source,
            words: Vec::new(),
            sections: HashMap::new(),
        }
    }

    /// All sections.
    pub(super) fn into_words(self) -> Vec<u32> {
        self.words
    }

    /// The place of the section `key`, packed when it is first asked for. The key says all that
    /// `words` checks: another use of the same tensor is packed and checked anew.
    fn section(
        &mut self,
        key: &str,
        words: impl FnOnce(&IntWeights) -> Result<Vec<u32>>,
    ) -> Result<u32> {
        if let Some(&at) = self.sections.get(key) {
            return Ok(at);
        }
        let at = self.words.len() as u32;
        self.words.extend(words(self.source)?);
        self.words.resize(self.words.len().next_multiple_of(4), 0);
        self.sections.insert(key.to_owned(), at);
        Ok(at)
    }

    /// The dispatch of an operation for one image, its weights packed.
    ///
    /// # Errors
    /// [`Error::ModelFile`] for weights of other shapes or outside their ranges.
    pub(super) fn dispatch(&mut self, step: &str, operation: &Operation) -> Result<Dispatch> {
        let plan = self.plan;
        let tensor = |id: usize| &plan.tensors[id];
        Ok(match operation {
            Operation::PatchGather {
                input,
                output,
                grid,
                patch,
                channels,
            } => Dispatch::PatchGather(params::PatchGather {
                image: tensor(*input).offset as u32,
                out: tensor(*output).offset as u32,
                rows: tensor(*output).rows as u32,
                k_words: tensor(*output).stride as u32,
                image_stride: tensor(*input).words() as u32,
                grid_height: grid[0] as u32,
                grid_width: grid[1] as u32,
                channels: *channels as u32,
                patch_size: *patch as u32,
            }),
            Operation::Linear {
                input,
                output,
                weights,
                epilogue,
            } => {
                // Pixels reach -128, everything else stays within 127.
                let largest = if self.pixels.contains(input) {
                    128
                } else {
                    127
                };
                let mut p = self.linear(tensor(*input), *output, weights, epilogue, largest)?;
                p.a = tensor(*input).offset as u32;
                Dispatch::Linear(p)
            }
            Operation::NormLinear {
                input,
                output,
                scratch,
                norm,
                epsilon,
                weights,
                epilogue,
            } => {
                let x = tensor(*input);
                let mut p = self.linear(tensor(*scratch), *output, weights, epilogue, 127)?;
                if p.k_words as usize * 4 > MAX_NORM_LINEAR_CHANNELS {
                    return Err(Error::ModelFile(format!(
                        "step {step}: expected at most {MAX_NORM_LINEAR_CHANNELS} channels, found {}",
                        p.k_words * 4
                    )));
                }
                p.x = x.offset as u32;
                p.x_stride = x.stride as u32;
                p.norm_channel = self.norm(norm, x.cols)?;
                p.norm_channels = x.cols as u32;
                p.norm_epsilon = check::epsilon(step, *epsilon)?;
                p.scratch = tensor(*scratch).offset as u32;
                Dispatch::NormLinear(p)
            }
            Operation::LayerNorm {
                input,
                output,
                norm,
                epsilon,
                merge,
            } => {
                let (x, out) = (tensor(*input), tensor(*output));
                let parts = if merge.is_some() { 4 } else { 1 };
                let [height, width] = merge.unwrap_or([0, 0]);
                Dispatch::LayerNorm(params::LayerNorm {
                    x: x.offset as u32,
                    x_stride: x.stride as u32,
                    out: out.offset as u32,
                    out_stride: out.stride as u32,
                    rows: out.rows as u32,
                    channels: x.cols as u32,
                    channel: self.norm(norm, parts * x.cols)?,
                    epsilon: check::epsilon(step, *epsilon)?,
                    gather: if merge.is_some() {
                        gather::MERGE
                    } else {
                        gather::ROW
                    },
                    height: height as u32,
                    width: width as u32,
                    wide: u32::from(out.format == super::Format::Int16),
                })
            }
            Operation::WindowAttention {
                input,
                output,
                weights,
                exp,
                map,
                window,
                shift,
                roll,
                heads,
                head_words,
            } => {
                let roll = roll.unwrap_or(*map);
                let (heads, channels) = (*heads, heads * head_words * 4);
                let entries = (2 * window[0] - 1) * (2 * window[1] - 1);
                let key = format!("position bias {weights} {heads} {entries} {head_words}");
                let bias = self.section(&key, |source| {
                    let name = format!("{weights}.position_bias");
                    let bias: Vec<i32> = source.get(&name, &[heads, entries])?;
                    check::logits(&name, &bias, *head_words)?;
                    Ok(bytemuck::cast_slice(&bias).to_vec())
                })?;
                let head = self.scales(&format!("{weights}.head_"), heads, 1..=30)?;
                // The kernel adds up to 8 to the shift: bits(total) - 8.
                let channel = self.scales(&format!("{weights}."), channels, 1..=22)?;
                let exp = self.section(&format!("exp {exp}"), |source| {
                    let table: Vec<u8> = source.get(exp, &[256])?;
                    check::exp(exp, &table)?;
                    Ok(bytemuck::pod_collect_to_vec(&table))
                })?;
                let pads = (0..2).any(|axis| map[axis] % window[axis] != 0);
                let padding = match pads {
                    true => self.section(&format!("padding {weights} {channels}"), |source| {
                        let name = format!("{weights}.padding");
                        let row: Vec<i8> = source.get(&name, &[3 * channels])?;
                        check::range(&name, &row, -127..=127)?;
                        Ok(bytemuck::pod_collect_to_vec(&row))
                    })?,
                    false => 0,
                };
                Dispatch::WindowAttention(params::WindowAttention {
                    qkv: tensor(*input).offset as u32,
                    qkv_stride: tensor(*input).stride as u32,
                    out: tensor(*output).offset as u32,
                    out_stride: tensor(*output).stride as u32,
                    batch: 1,
                    height: map[0] as u32,
                    width: map[1] as u32,
                    window_height: window[0] as u32,
                    window_width: window[1] as u32,
                    shift_height: shift[0] as u32,
                    shift_width: shift[1] as u32,
                    roll_height: roll[0] as u32,
                    roll_width: roll[1] as u32,
                    heads: heads as u32,
                    head_words: *head_words as u32,
                    bias,
                    head,
                    exp,
                    channel,
                    padding,
                })
            }
            Operation::ShiftGelu {
                input,
                output,
                unit,
                multiplier,
                shift,
            } => {
                let x = tensor(*input);
                Dispatch::ShiftGelu(params::ShiftGelu {
                    x: x.offset as u32,
                    out: tensor(*output).offset as u32,
                    rows: x.rows as u32,
                    k_words: x.stride as u32,
                    unit: check::number(step, "a unit", *unit, 1..=MAX_SHIFT_GELU_UNIT)?,
                    scale: check::packed_scale(step, *multiplier, *shift)?,
                })
            }
            #[cfg(feature = "comparison")]
            Operation::FloatGelu {
                input,
                output,
                bias,
                input_scale,
                output_factor,
            } => {
                let x = tensor(*input);
                let cols = x.padded_cols();
                let bias = self.section(&format!("float bias {bias} {cols}"), |source| {
                    let bits: Vec<i32> = source.get(bias, &[cols])?;
                    Ok(bytemuck::cast_slice(&bits).to_vec())
                })?;
                Dispatch::FloatGelu(params::FloatGelu {
                    x: x.offset as u32,
                    out: tensor(*output).offset as u32,
                    rows: x.rows as u32,
                    k_words: x.stride as u32,
                    bias,
                    input_scale: *input_scale,
                    output_factor: *output_factor,
                })
            }
            Operation::MeanPool {
                input,
                output,
                weights,
            } => {
                let x = tensor(*input);
                Dispatch::MeanPool(params::MeanPool {
                    x: x.offset as u32,
                    out: tensor(*output).offset as u32,
                    stride: x.stride as u32,
                    tokens: x.rows as u32,
                    batch: 1,
                    channel: self.scales(&format!("{weights}."), x.stride * 4, 1..=30)?,
                })
            }
        })
    }

    fn linear(
        &mut self,
        a: &Tensor,
        output: usize,
        name: &str,
        kind: &Epilogue,
        largest: i64,
    ) -> Result<params::Linear> {
        let out = &self.plan.tensors[output];
        let (k, cols) = (a.padded_cols(), out.padded_cols());
        let key = format!("weight {name} {cols} {k} {largest}");
        let weight = self.section(&key, |source| {
            let weight: Vec<i8> = source.get(&format!("{name}.weight"), &[cols, k])?;
            let bias: Vec<i32> = source.get(&format!("{name}.bias"), &[cols])?;
            check::accumulators(name, &weight, &bias, largest)?;
            Ok(bytemuck::pod_collect_to_vec(&weight))
        })?;
        let channel = self.section(&format!("channel {name} {cols}"), |source| {
            let bias: Vec<i32> = source.get(&format!("{name}.bias"), &[cols])?;
            let scales = packed_scales(source, &format!("{name}."), cols, 1..=30)?;
            Ok(bias
                .iter()
                .zip(scales)
                .flat_map(|(&bias, scale)| [bias as u32, scale])
                .collect())
        })?;
        let mut p = params::Linear {
            weight,
            channel,
            out: out.offset as u32,
            rows: out.rows as u32,
            k_words: a.stride as u32,
            cols: cols as u32,
            out_stride: out.stride as u32,
            low: -127i32 as u32,
            ..Default::default()
        };
        p.epilogue = match kind {
            Epilogue::Int8 { relu } => {
                p.low = if *relu { 0 } else { p.low };
                epilogue::INT8
            }
            Epilogue::Table { table } => {
                p.table = self.section(&format!("table {table}"), |source| {
                    let name = table;
                    let table: Vec<i8> = source.get(name, &[256])?;
                    check::range(name, &table, -127..=127)?;
                    Ok(bytemuck::pod_collect_to_vec(&table))
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
                p.residual = self.plan.tensors[*residual].offset as u32;
                epilogue::RESIDUAL
            }
            Epilogue::Int16 => epilogue::INT16,
            Epilogue::Int32 => epilogue::INT32,
        };
        Ok(p)
    }

    /// The section of multipliers and shifts `{prefix}multiplier` and `{prefix}shift`.
    fn scales(
        &mut self,
        prefix: &str,
        count: usize,
        shifts: std::ops::RangeInclusive<u8>,
    ) -> Result<u32> {
        self.section(&format!("scales {prefix} {count} {shifts:?}"), |source| {
            packed_scales(source, prefix, count, shifts)
        })
    }

    fn norm(&mut self, name: &str, channels: usize) -> Result<u32> {
        self.section(&format!("norm {name} {channels}"), |source| {
            if channels > MAX_NORM_CHANNELS {
                return Err(Error::ModelFile(format!(
                    "the norm {name} should have at most {MAX_NORM_CHANNELS} channels, found {channels}"
                )));
            }
            let multiplier: Vec<i16> = source.get(&format!("{name}.multiplier"), &[channels])?;
            let shift: Vec<u8> = source.get(&format!("{name}.shift"), &[channels])?;
            let exponent: Vec<u8> = source.get(&format!("{name}.exponent"), &[channels])?;
            let bias: Vec<i32> = source.get(&format!("{name}.bias"), &[channels])?;
            check::range(&format!("{name}.shift"), &shift, 1..=29)?;
            check::range(&format!("{name}.exponent"), &exponent, 0..=MAX_EXPONENT)?;
            check::range(&format!("{name}.bias"), &bias, -(1 << 29)..=1 << 29)?;
            check::range(&format!("{name}.multiplier"), &multiplier, -32767..=32767)?;
            let mut words = Vec::with_capacity(2 * channels);
            for c in 0..channels {
                let scale = u32::from(multiplier[c] as u16) | u32::from(shift[c]) << 16;
                words.push(scale | u32::from(exponent[c]) << 24);
                words.push(bias[c] as u32);
            }
            Ok(words)
        })
    }
}

fn packed_scales(
    source: &IntWeights,
    prefix: &str,
    count: usize,
    shifts: std::ops::RangeInclusive<u8>,
) -> Result<Vec<u32>> {
    let multiplier: Vec<u16> = source.get(&format!("{prefix}multiplier"), &[count])?;
    let shift: Vec<u8> = source.get(&format!("{prefix}shift"), &[count])?;
    check::range(&format!("{prefix}shift"), &shift, shifts)?;
    Ok(multiplier
        .iter()
        .zip(shift)
        .map(|(&multiplier, shift)| u32::from(multiplier) | u32::from(shift) << 16)
        .collect())
}
