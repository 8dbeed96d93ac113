//! A plan as it stands in a model file: with the layout of the arena, one input and one output.
//!
//! The layout is there for older readers. It follows from the rest, so it is not read.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use super::{Format, InputKind, Layout, OutputKind, Plan, Port, Step, Tensor, TensorId};
use crate::{Error, Result};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacedTensor {
    name: String,
    format: Format,
    rows: usize,
    cols: usize,
    stride: usize,
    offset: u64,
}

/// A plan with its layout.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Plan", deny_unknown_fields)]
struct PlacedPlan {
    tensors: Vec<PlacedTensor>,
    steps: Vec<Step>,
    input: TensorId,
    output: TensorId,
    arena_words: u64,
}

impl PlacedPlan {
    /// `plan` with its layout.
    ///
    /// # Errors
    /// [`Error::ModelFile`] for a plan of other inputs or outputs than one each, or as [`Layout::of`].
    fn new(plan: &Plan) -> Result<Self> {
        let ([input], [output]) = (plan.inputs.as_slice(), plan.outputs.as_slice()) else {
            return Err(Error::ModelFile(format!(
                "expected a plan of one input and one output, found {} and {}",
                plan.inputs.len(),
                plan.outputs.len()
            )));
        };
        let layout = Layout::of(plan)?;
        let placed = |(tensor, &offset): (&Tensor, &usize)| PlacedTensor {
            name: tensor.name.clone(),
            format: tensor.format,
            rows: tensor.rows,
            cols: tensor.cols,
            stride: tensor.stride,
            offset: offset as u64,
        };
        Ok(Self {
            tensors: plan
                .tensors
                .iter()
                .zip(&layout.offsets)
                .map(placed)
                .collect(),
            steps: plan.steps.clone(),
            input: input.tensor,
            output: output.tensor,
            arena_words: layout.words as u64,
        })
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let placed = PlacedPlan::new(self).map_err(ser::Error::custom)?;
        placed.serialize(serializer)
    }
}

/// The file's configuration says what the output is: here it is taken for logits.
impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let placed = PlacedPlan::deserialize(deserializer)?;
        let tensor = |placed: PlacedTensor| Tensor {
            name: placed.name,
            format: placed.format,
            rows: placed.rows,
            cols: placed.cols,
            stride: placed.stride,
        };
        Ok(Self {
            tensors: placed.tensors.into_iter().map(tensor).collect(),
            steps: placed.steps,
            inputs: vec![Port {
                kind: InputKind::Pixels,
                tensor: placed.input,
            }],
            outputs: vec![Port {
                kind: OutputKind::Logits,
                tensor: placed.output,
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::IntModel;
    use serde_json::Value;

    fn shipped() -> IntModel {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
        IntModel::load(format!("{models}/glyphs.safetensors")).unwrap()
    }

    #[test]
    fn the_layout_is_written_and_not_read() {
        let plan = shipped().plan;
        let mut json: Value = serde_json::to_value(&plan).unwrap();
        assert!(json["arena_words"].as_u64().unwrap() > 0);
        json["arena_words"] = 0.into();
        for tensor in json["tensors"].as_array_mut().unwrap() {
            tensor["offset"] = (1_u64 << 40).into();
        }
        assert_eq!(serde_json::from_value::<Plan>(json).unwrap(), plan);
    }

    #[test]
    fn a_plan_of_several_outputs_has_no_place_in_a_file_yet() {
        let mut model = shipped();
        model.plan.outputs.push(model.plan.outputs[0]);
        let refused = model.to_bytes().unwrap_err().to_string();
        assert!(refused.contains("found 1 and 2"), "{refused}");
    }
}
