//! What a plan and its weights must satisfy before anything runs: model files come from strangers.

use std::{collections::HashSet, fmt::Display, ops::RangeInclusive};

use intformer_shaders::op::embedding::TOKEN_WORDS;

use super::{
    Axis, Format, InputKind, IntWeights, MAX_PLAN_LENGTH, MAX_PLANS, Operation, OutputKind, Plan,
    Port, Tensor, TensorId,
};
use crate::{Error, Result};

/// Words that a tensor may have, and all that is counted by items or by tokens, for one of them: 1 GiB.
pub(super) const MAX_WORDS: usize = 1 << 28;

/// Inputs and outputs that a plan may have: each step is compared with all of them.
const MAX_PORTS: usize = 16;

fn refuse<T>(sentence: String) -> Result<T> {
    Err(Error::ModelFile(sentence))
}

/// What the tensor of a port must be.
struct Expected {
    what: &'static str,
    formats: &'static [Format],
    axis: Axis,
    /// The one number of columns and words of a row.
    words: Option<usize>,
    /// Whether an item may have several rows.
    is_map: bool,
}

impl Expected {
    fn input(kind: InputKind) -> Self {
        let index = Some(TOKEN_WORDS as usize);
        let (formats, axis, words): (&[_], _, _) = match kind {
            InputKind::Pixels => (&[Format::Uint8], Axis::Item, None),
            InputKind::Tokens(_) => (&[Format::Int32], Axis::Token, index),
            InputKind::Spans => (&[Format::Int32], Axis::Item, index),
        };
        Self {
            what: "an input",
            formats,
            axis,
            words,
            is_map: false,
        }
    }

    fn output(kind: OutputKind) -> Self {
        let (formats, axis): (&[_], _) = match kind {
            OutputKind::Logits => (&[Format::Int32, Format::Int16], Axis::Item),
            OutputKind::Pooled => (&[Format::Int32, Format::Int16], Axis::Item),
            OutputKind::TokenLogits => (&[Format::Int32], Axis::Token),
            OutputKind::MapLogits => (&[Format::Int32], Axis::Item),
            OutputKind::Sequence => (&[Format::Int32, Format::Int16], Axis::Token),
        };
        Self {
            what: "an output",
            formats,
            axis,
            words: None,
            is_map: kind == OutputKind::MapLogits,
        }
    }

    fn is(&self, tensor: &Tensor) -> bool {
        let exact = (self.words).is_none_or(|words| (tensor.cols, tensor.stride) == (words, words));
        self.formats.contains(&tensor.format)
            && tensor.axis == self.axis
            && (tensor.rows == 1 || self.is_map)
            && exact
    }
}

/// Checks how many plans share an arena, how large they are in all, and that each has a name of its own.
pub(super) fn all(names: &[&str], plans: &[&Plan]) -> Result<()> {
    if !(1..=MAX_PLANS).contains(&names.len()) {
        return refuse(format!(
            "expected 1 to {MAX_PLANS} plans, found {}",
            names.len()
        ));
    }
    if let Some(name) = repeated(names.iter().copied()) {
        return refuse(format!(
            "expected each plan to have a name of its own, found {name:?} twice"
        ));
    }
    let tensors: usize = plans.iter().map(|plan| plan.tensors.len()).sum();
    let steps: usize = plans.iter().map(|plan| plan.steps.len()).sum();
    let most = tensors.max(steps);
    if most > MAX_PLAN_LENGTH {
        return refuse(format!(
            "expected at most {MAX_PLAN_LENGTH} tensors and steps, found {most}"
        ));
    }
    Ok(())
}

/// The first name that stands there twice.
fn repeated<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut known = HashSet::new();
    names.find(|name| !known.insert(*name))
}

/// Checks the extents of every tensor, that inputs and outputs are what they must be, and that steps touch
/// tensors that there are.
pub(super) fn tensors(plan: &Plan) -> Result<()> {
    let ports = plan.inputs.len() + plan.outputs.len();
    if ports > MAX_PORTS {
        return refuse(format!(
            "expected at most {MAX_PORTS} inputs and outputs, found {ports}"
        ));
    }
    for tensor in &plan.tensors {
        let words = tensor.rows.checked_mul(tensor.stride);
        if !words.is_some_and(|words| (1..=MAX_WORDS).contains(&words)) {
            return refuse(format!(
                "the tensor {} should have from 1 to {MAX_WORDS} words, found {} rows of {}",
                tensor.name, tensor.rows, tensor.stride
            ));
        }
        if tensor.cols == 0 || tensor.cols > tensor.padded_cols() || tensor.stride % 4 != 0 {
            return refuse(format!(
                "the tensor {} should have 16-byte aligned rows that hold {} columns, found {} words",
                tensor.name, tensor.cols, tensor.stride
            ));
        }
    }
    let inputs = plan
        .inputs
        .iter()
        .map(|port| (port.tensor, Expected::input(port.kind)));
    let outputs = plan
        .outputs
        .iter()
        .map(|port| (port.tensor, Expected::output(port.kind)));
    for (id, expected) in inputs.chain(outputs) {
        let found = plan.tensors.get(id);
        if !found.is_some_and(|tensor| expected.is(tensor)) {
            let Expected {
                what,
                formats,
                axis,
                ..
            } = expected;
            let formats: Vec<_> = formats.iter().map(|format| format!("{format:?}")).collect();
            return refuse(format!(
                "{what} should be one row of {} for each {axis:?}, found {found:?}",
                formats.join(" or ")
            ));
        }
    }
    for (at, port) in plan.inputs.iter().enumerate() {
        let other = plan.inputs[..at].iter();
        if let Some(other) = other.clone().find(|other| other.tensor == port.tensor) {
            return refuse(format!(
                "an input should be a tensor of its own, found {} twice",
                plan.tensors[other.tensor].name
            ));
        }
    }
    let state = plan.tensors.iter().filter(|tensor| tensor.state);
    if let Some(name) = repeated(state.map(|tensor| tensor.name.as_str())) {
        return refuse(format!(
            "expected each state to be one tensor, found {name} twice"
        ));
    }
    let mut inputs = plan.inputs.iter();
    if let Some(port) = inputs.find(|port| plan.tensors[port.tensor].state) {
        return refuse(format!(
            "expected inputs to be no state, found {}",
            plan.tensors[port.tensor].name
        ));
    }
    if let Some(port) = plan.outputs.iter().find(|port| is_input(plan, port.tensor)) {
        return refuse(format!(
            "an output should be what a step wrote, found the input {}",
            plan.tensors[port.tensor].name
        ));
    }
    // Only tokens tell how many there are.
    let is_tokens = |port: &Port<InputKind>| matches!(port.kind, InputKind::Tokens(_));
    let of_texts = |port: &Port<InputKind>| port.kind != InputKind::Pixels;
    if plan.inputs.iter().any(of_texts)
        && (!plan.inputs.iter().all(of_texts) || !plan.inputs.iter().any(is_tokens))
    {
        return refuse(
            "expected inputs of images, or of tokens and spans, found others".to_owned(),
        );
    }
    let by_token = plan
        .tensors
        .iter()
        .find(|tensor| tensor.axis == Axis::Token);
    if let Some(tensor) = by_token.filter(|_| !plan.inputs.iter().any(is_tokens)) {
        return refuse(format!(
            "expected an input of tokens, as {} has a row for each, found none",
            tensor.name
        ));
    }
    for step in &plan.steps {
        let mut touched = step.operation.tensors().into_iter();
        if let Some(id) = touched.find(|&id| id >= plan.tensors.len()) {
            return refuse(format!(
                "step {}: expected one of {} tensors, found tensor {id}",
                step.name,
                plan.tensors.len()
            ));
        }
    }
    Ok(())
}

/// Checks that two tensors of plans that share an arena are one state.
pub(super) fn same_state(known: &Tensor, tensor: &Tensor) -> Result<()> {
    match known == tensor {
        true => Ok(()),
        false => refuse(format!(
            "expected the state {} to be the same in all plans, found {known:?} and {tensor:?}",
            tensor.name
        )),
    }
}

fn is_input(plan: &Plan, id: TensorId) -> bool {
    plan.inputs.iter().any(|port| port.tensor == id)
}

/// Whether a tensor is an input that says where kernels read.
fn is_index(plan: &Plan, id: TensorId) -> bool {
    let mut ports = plan.inputs.iter();
    ports.any(|port| port.tensor == id && port.kind != InputKind::Pixels)
}

/// Checks the tensors of one operation: formats, extents, and that what it writes is apart from
/// what it reads.
pub(super) fn operation(plan: &Plan, step: &str, operation: &Operation) -> Result<()> {
    let output = operation.output();
    let scratch = operation.scratch();
    for written in scratch.into_iter().chain([output]) {
        let mut read = operation.inputs();
        // A residual may be added in place, unless it is read as something else, too.
        if let Some(residual) = operation.residual().filter(|_| written == output)
            && let Some(at) = read.iter().rposition(|&id| id == residual)
        {
            read.remove(at);
        }
        if read.contains(&written) || scratch == Some(output) {
            return refuse(format!(
                "step {step}: expected {} apart from what is read, found them overlapping",
                plan.tensors[written].name
            ));
        }
    }
    // Executors differ in what they leave in scratch; steps that read state cannot know that it may be -128.
    let pixels = operation.writes_pixels().then_some(output);
    if let Some(id) = scratch
        .into_iter()
        .chain(pixels)
        .find(|&id| plan.tensors[id].state)
    {
        return refuse(format!(
            "step {step}: expected state to hold values from -127 on that a step wrote, found {} as scratch or \
             for pixels",
            plan.tensors[id].name
        ));
    }
    let mut axes = operation
        .tensors()
        .into_iter()
        .map(|id| plan.tensors[id].axis);
    let one_axis = operation.crosses_axes() || axes.all(|axis| axis == plan.tensors[output].axis);
    if one_axis && operation.fits(plan) {
        Ok(())
    } else {
        refuse(format!(
            "step {step}: the extents of {operation:?} do not fit its tensors {:?}",
            operation
                .tensors()
                .into_iter()
                .map(|id| &plan.tensors[id])
                .collect::<Vec<_>>()
        ))
    }
}

/// Checks that every tensor is read as it was written: after a step wrote it and before another
/// wrote over it. Otherwise bytes would depend on what an executor left there. State was written before.
pub(super) fn flow(plan: &Plan) -> Result<()> {
    if plan.inputs.is_empty() || plan.outputs.is_empty() {
        return refuse("expected a plan with inputs and outputs, found one without".to_owned());
    }
    let mut whole: Vec<bool> = plan.tensors.iter().map(|tensor| tensor.state).collect();
    let mut pixels = vec![false; plan.tensors.len()];
    for port in &plan.inputs {
        whole[port.tensor] = true;
    }
    let lost = |reader: &str, id: TensorId| {
        let name = &plan.tensors[id].name;
        refuse(format!(
            "{reader}: expected {name} to hold what a step wrote, found it overwritten or never written"
        ))
    };
    for step in &plan.steps {
        let operation = &step.operation;
        for id in operation.inputs() {
            if !whole[id] {
                return lost(&format!("step {}", step.name), id);
            }
            // What lies there depends on what else is in the batch.
            if is_index(plan, id) && !operation.ports().contains(&id) {
                return refuse(format!(
                    "step {}: expected values that a step wrote, found the input {}",
                    step.name, plan.tensors[id].name
                ));
            }
            // A black pixel is -128.
            if pixels[id] && !operation.reads_pixels() {
                return refuse(format!(
                    "step {}: expected values from -127 on, found the pixels of {}",
                    step.name, plan.tensors[id].name
                ));
            }
        }
        for written in operation.scratch().into_iter().chain([operation.output()]) {
            // No operation writes such rows now; should one, kernels would go where it says.
            if is_index(plan, written) {
                return refuse(format!(
                    "step {}: expected the input {} to stay as it is, found it written over",
                    step.name, plan.tensors[written].name
                ));
            }
            (whole[written], pixels[written]) = (false, false);
        }
        whole[operation.output()] = true;
        pixels[operation.output()] = operation.writes_pixels();
    }
    match plan.outputs.iter().find(|port| !whole[port.tensor]) {
        Some(port) => lost("the end", port.tensor),
        None => Ok(()),
    }
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
