//! What a plan and its weights must satisfy before anything runs: model files come from strangers.

use std::{collections::BTreeSet, fmt::Display, ops::RangeInclusive};

use super::{Format, IntWeights, MAX_PLAN_LENGTH, Operation, Plan, Tensor, TensorId};
use crate::{Error, Result};

/// Words that the arena of one image may have: 1 GiB.
const MAX_ARENA_WORDS: usize = 1 << 28;

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
    if operation.fits(plan) {
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
            // A black pixel is -128.
            if pixels.contains(&id) && !operation.reads_pixels() {
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
        if operation.writes_pixels() {
            pixels.insert(operation.output());
        }
    }
    Ok(())
}

fn overlap(a: &Tensor, b: &Tensor) -> bool {
    a.offset < b.offset + b.words() && b.offset < a.offset + a.words()
}

/// The product of extents, unless it overflows.
pub(super) fn product(extents: &[usize]) -> Option<usize> {
    extents
        .iter()
        .try_fold(1usize, |product, &extent| product.checked_mul(extent))
}

/// Whether both are int8 tensors of the same extents.
pub(super) fn bytes_to_bytes(plan: &Plan, input: TensorId, output: TensorId) -> bool {
    let extents = |tensor: &Tensor| (tensor.format, tensor.rows, tensor.cols, tensor.stride);
    let [input, output] = [input, output].map(|id| &plan.tensors[id]);
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

/// Multipliers and shifts, `{prefix}multiplier` and `{prefix}shift`, packed into one word each.
pub(super) fn packed_scales(
    source: &IntWeights,
    prefix: &str,
    count: usize,
    shifts: RangeInclusive<u8>,
) -> Result<Vec<u32>> {
    let multiplier: Vec<u16> = source.get(&format!("{prefix}multiplier"), &[count])?;
    let shift: Vec<u8> = source.get(&format!("{prefix}shift"), &[count])?;
    range(&format!("{prefix}shift"), &shift, shifts)?;
    Ok(multiplier
        .iter()
        .zip(shift)
        .map(|(&multiplier, shift)| u32::from(multiplier) | u32::from(shift) << 16)
        .collect())
}
