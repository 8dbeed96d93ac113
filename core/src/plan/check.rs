//! What a plan and its weights must satisfy before anything runs: model files come from strangers.

use std::{collections::BTreeSet, fmt::Display, ops::RangeInclusive};

use super::{
    ACCUMULATOR_BOUND, Epilogue, Format, MAX_HEAD_WORDS, MAX_PLAN_LENGTH, MAX_WINDOW_TOKENS,
    Operation, Plan, Tensor, TensorId,
};
use crate::{Error, Result};

/// Words that the arena of one image may have: 1 GiB.
const MAX_ARENA_WORDS: usize = 1 << 28;
/// Tokens that a padded map may have: twice those of the largest image in patches of a pixel.
const MAX_PADDED_TOKENS: usize = 1 << 25;

fn refuse<T>(sentence: String) -> Result<T> {
    Err(Error::ModelFile(sentence))
}

/// Checks that every tensor lies in the arena and that input and output are what they must be.
pub(super) fn tensors(plan: &Plan) -> Result<()> {
    let most = plan.tensors.len().max(plan.steps.len());
    if most > MAX_PLAN_LENGTH {
        return refuse(format!(
            "expected at most {MAX_PLAN_LENGTH} tensors and steps, found {most}"
        ));
    }
    if plan.arena_words > MAX_ARENA_WORDS {
        return refuse(format!(
            "expected an arena of at most {MAX_ARENA_WORDS} words, found {}",
            plan.arena_words
        ));
    }
    for tensor in &plan.tensors {
        let words = tensor.rows.checked_mul(tensor.stride);
        let end = words.and_then(|words| words.checked_add(tensor.offset));
        if end.is_none_or(|end| end > plan.arena_words) || words == Some(0) {
            return refuse(format!(
                "the tensor {} should lie in an arena of {} words, found {} rows of {} words at {}",
                tensor.name, plan.arena_words, tensor.rows, tensor.stride, tensor.offset
            ));
        }
        if tensor.cols == 0
            || tensor.cols > tensor.padded_cols()
            || tensor.offset % 4 != 0
            || tensor.stride % 4 != 0
        {
            return refuse(format!(
                "the tensor {} should have 16-byte aligned rows that hold {} columns, found {} words at {}",
                tensor.name, tensor.cols, tensor.stride, tensor.offset
            ));
        }
    }
    let end = |id: TensorId, what: &str, format: Format| match plan.tensors.get(id) {
        Some(tensor) if tensor.format == format && tensor.rows == 1 => Ok(()),
        _ => refuse(format!(
            "the {what} should be one row of {format:?}, found {:?}",
            plan.tensors.get(id)
        )),
    };
    end(plan.input, "input", Format::Uint8)?;
    end(plan.output, "output", Format::Int32)?;
    match plan.steps.last() {
        Some(step) if step.operation.output() == plan.output => Ok(()),
        _ => refuse("the last step should write the output".to_owned()),
    }
}

/// Checks the tensors of one operation: formats, extents, and that what it writes is apart from
/// what it reads.
pub(super) fn operation(plan: &Plan, step: &str, operation: &Operation) -> Result<()> {
    let inputs = operation.inputs();
    let output = operation.output();
    let all = inputs.iter().copied().chain(operation.scratch());
    if let Some(id) = all.chain([output]).find(|&id| id >= plan.tensors.len()) {
        return refuse(format!(
            "step {step}: expected one of {} tensors, found tensor {id}",
            plan.tensors.len()
        ));
    }
    for written in operation.scratch().into_iter().chain([output]) {
        for (at, &read) in inputs.iter().enumerate() {
            // A residual, the second input, may be added in place.
            let in_place = written == read && at == 1;
            if !in_place && overlap(&plan.tensors[written], &plan.tensors[read]) {
                return refuse(format!(
                    "step {step}: expected {} apart from {}, found them overlapping",
                    plan.tensors[written].name, plan.tensors[read].name
                ));
            }
        }
    }
    if let Some(scratch) = operation.scratch()
        && overlap(&plan.tensors[scratch], &plan.tensors[output])
    {
        return refuse(format!("step {step}: scratch and output overlap"));
    }
    let input = &plan.tensors[inputs[0]];
    if shapes_fit(plan, operation, input, &plan.tensors[output]) {
        Ok(())
    } else {
        refuse(format!(
            "step {step}: the extents of {operation:?} do not fit its tensors {input:?} and {:?}",
            plan.tensors[output]
        ))
    }
}

/// Checks that every tensor is read as it was written: after a step wrote it and before another
/// wrote over it. Otherwise bytes would depend on what an executor left there.
pub(super) fn flow(plan: &Plan) -> Result<()> {
    let mut whole = BTreeSet::from([plan.input]);
    let mut pixels = BTreeSet::new();
    for step in &plan.steps {
        let operation = &step.operation;
        for id in operation.inputs() {
            let name = &plan.tensors[id].name;
            if !whole.contains(&id) {
                return refuse(format!(
                    "step {}: expected {name} to hold what a step wrote, found it overwritten or never written",
                    step.name
                ));
            }
            // Only `linear` is proven for the -128 of a black pixel.
            if pixels.contains(&id) && !matches!(operation, Operation::Linear { .. }) {
                return refuse(format!(
                    "step {}: expected values from -127 on, found the pixels of {name}",
                    step.name
                ));
            }
        }
        for written in operation.scratch().into_iter().chain([operation.output()]) {
            let lost = |id: &TensorId| overlap(&plan.tensors[written], &plan.tensors[*id]);
            whole.retain(|id| !lost(id));
            pixels.retain(|id| !lost(id));
        }
        whole.insert(operation.output());
        if matches!(operation, Operation::PatchGather { .. }) {
            pixels.insert(operation.output());
        }
    }
    Ok(())
}

fn overlap(a: &Tensor, b: &Tensor) -> bool {
    a.offset < b.offset + b.words() && b.offset < a.offset + a.words()
}

fn product(extents: &[usize]) -> Option<usize> {
    extents
        .iter()
        .try_fold(1usize, |product, &extent| product.checked_mul(extent))
}

fn shapes_fit(plan: &Plan, operation: &Operation, input: &Tensor, output: &Tensor) -> bool {
    let linear = |a: &Tensor, epilogue: &Epilogue| {
        let residual = match epilogue {
            Epilogue::Residual { residual } => {
                let tensor = &plan.tensors[*residual];
                tensor.format == Format::Int16
                    && (tensor.rows, tensor.stride) == (output.rows, output.stride)
            }
            _ => true,
        };
        a.format == Format::Int8
            && output.format == epilogue.format()
            && output.padded_cols().is_multiple_of(16)
            && a.rows == output.rows
            && residual
    };
    match operation {
        Operation::PatchGather {
            grid: [down, across],
            patch,
            channels,
            ..
        } => {
            let bytes = product(&[*down, *across, *patch, *patch, *channels]);
            input.format == Format::Uint8
                && input.rows == 1
                && bytes == Some(input.cols)
                && output.format == Format::Int8
                && Some(output.rows) == product(&[*down, *across])
                && Some(output.cols) == product(&[*patch, *patch, *channels])
        }
        Operation::Linear { epilogue, .. } => linear(input, epilogue),
        Operation::NormLinear {
            scratch, epilogue, ..
        } => {
            let scratch = &plan.tensors[*scratch];
            input.format == Format::Int16
                && input.cols <= scratch.padded_cols()
                && input.rows == scratch.rows
                && linear(scratch, epilogue)
        }
        Operation::LayerNorm { merge, .. } => {
            let (rows, cols) = match merge {
                Some([height, width]) => {
                    if product(&[*height, *width]) != Some(input.rows) {
                        return false;
                    }
                    (height.div_ceil(2) * width.div_ceil(2), input.cols * 4)
                }
                None => (input.rows, input.cols),
            };
            input.format == Format::Int16
                && matches!(output.format, Format::Int8 | Format::Int16)
                && (output.rows, output.cols) == (rows, cols)
        }
        Operation::WindowAttention {
            map,
            window,
            shift,
            roll,
            heads,
            head_words,
            ..
        } => {
            let tiles = |axis: usize| {
                // One round at most, so that kernels need no division.
                let extent = roll.map_or(map[axis], |roll| roll[axis]);
                (1..=MAX_WINDOW_TOKENS).contains(&window[axis])
                    && [map[axis], map[axis].next_multiple_of(window[axis])].contains(&extent)
                    && shift[axis] < window[axis]
                    && shift[axis] < extent
            };
            let words = product(&[*heads, *head_words]);
            input.format == Format::Int8
                && output.format == Format::Int8
                && product(map) == Some(input.rows)
                && output.rows == input.rows
                && tiles(0)
                && tiles(1)
                && window[0] * window[1] <= MAX_WINDOW_TOKENS
                && product(&[0, 1].map(|axis| map[axis].next_multiple_of(window[axis])))
                    .is_some_and(|padded| padded <= MAX_PADDED_TOKENS)
                && *head_words <= MAX_HEAD_WORDS
                && words.is_some_and(|words| {
                    words > 0 && words <= output.stride && words <= input.stride / 3
                })
        }
        Operation::ShiftGelu { .. } => bytes_to_bytes(input, output),
        #[cfg(feature = "comparison")]
        Operation::FloatGelu { .. } => bytes_to_bytes(input, output),
        Operation::MeanPool { .. } => {
            input.format == Format::Int8
                && output.format == Format::Int8
                && output.rows == 1
                && output.stride == input.stride
                && (input.rows as i64) < ACCUMULATOR_BOUND / 127
        }
    }
}

fn bytes_to_bytes(input: &Tensor, output: &Tensor) -> bool {
    let extents = |tensor: &Tensor| (tensor.format, tensor.rows, tensor.cols, tensor.stride);
    input.format == Format::Int8 && extents(input) == extents(output)
}

/// Checks that a number of step `step` lies in `range`.
pub(super) fn number(
    step: &str,
    what: &str,
    value: u32,
    range: RangeInclusive<u32>,
) -> Result<u32> {
    match range.contains(&value) {
        true => Ok(value),
        false => refuse(format!(
            "step {step}: expected {what} from {} to {}, found {value}",
            range.start(),
            range.end()
        )),
    }
}

/// Checks a multiplier and a shift of step `step`, and packs them.
pub(super) fn packed_scale(step: &str, multiplier: u16, shift: u8) -> Result<u32> {
    let shift = number(step, "a shift", shift.into(), 1..=30)?;
    Ok(u32::from(multiplier) | shift << 16)
}

/// Checks that every value lies in `range`.
pub(super) fn range<T: PartialOrd + Display + Copy>(
    name: &str,
    values: &[T],
    range: RangeInclusive<T>,
) -> Result<()> {
    match values.iter().find(|value| !range.contains(value)) {
        Some(value) => refuse(format!(
            "the tensor {name} should hold values from {} to {}, found {value}",
            range.start(),
            range.end()
        )),
        None => Ok(()),
    }
}

/// Checks the constant that guards a normalization against a variance of zero.
pub(super) fn epsilon(step: &str, epsilon: u32) -> Result<u32> {
    number(step, "an epsilon", epsilon, 0..=(1 << 31) - 1)
}

/// Proves that no accumulator of a matrix product leaves its bound, whatever the input:
/// |bias| + largest * sum |weight| < 2^30 for every output.
pub(super) fn accumulators(name: &str, weight: &[i8], bias: &[i32], largest: i64) -> Result<()> {
    if weight.contains(&-128) {
        return refuse(format!(
            "the tensor {name}.weight should hold values from -127 to 127, found -128"
        ));
    }
    for (row, (weights, bias)) in weight
        .chunks(weight.len() / bias.len())
        .zip(bias)
        .enumerate()
    {
        let sum: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
        let bound = sum * largest + i64::from(*bias).abs();
        if bound >= ACCUMULATOR_BOUND {
            return refuse(format!(
                "{name}: expected accumulators below {ACCUMULATOR_BOUND}, output {row} may reach {bound}"
            ));
        }
    }
    Ok(())
}

/// The same for attention logits: the difference of two must stay below 2^30.
pub(super) fn logits(name: &str, bias: &[i32], head_words: usize) -> Result<()> {
    let products = 127 * 127 * 4 * head_words as i64;
    let largest = bias.iter().map(|&b| i64::from(b).abs()).max().unwrap_or(0);
    match products + largest < ACCUMULATOR_BOUND / 2 {
        true => Ok(()),
        false => refuse(format!(
            "{name}: expected logits below {}, they may reach {}",
            ACCUMULATOR_BOUND / 2,
            products + largest
        )),
    }
}

/// The exponential table must give the largest logit the weight 255.
pub(super) fn exp(name: &str, table: &[u8]) -> Result<()> {
    match table[0] {
        255 => Ok(()),
        first => refuse(format!(
            "the tensor {name} should begin with 255, found {first}"
        )),
    }
}
