//! A plan as it stands in a model file.
//!
//! A main one that goes from an image to one output and keeps no state is written as older readers know it: with a layout of the
//! arena, which follows from the rest and is not read. Others name their inputs and outputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use super::{
    Axis, Format, InputKind, Layout, Operation, OutputKind, Plan, Port, Step, Tensor, TensorId,
    TokenLimits, header::json,
};
use crate::{Error, Result, input::is_default};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTensor {
    name: String,
    format: Format,
    #[serde(default, skip_serializing_if = "is_default")]
    axis: Axis,
    rows: usize,
    cols: usize,
    stride: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    state: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Plan", deny_unknown_fields)]
struct WirePlan {
    tensors: Vec<WireTensor>,
    steps: Vec<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<TensorId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<TensorId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arena_words: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<WirePort>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<WirePort>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePort {
    kind: WireKind,
    tensor: TensorId,
    /// Of tokens: vocabulary, positions, segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limits: Option<[u32; 3]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireKind {
    Pixels,
    Tokens,
    Spans,
    Logits,
    TokenLogits,
    MapLogits,
    Pooled,
    Sequence,
}

impl WirePort {
    fn input(port: &Port<InputKind>) -> Self {
        let (kind, limits) = match port.kind {
            InputKind::Pixels => (WireKind::Pixels, None),
            InputKind::Tokens(TokenLimits {
                vocabulary,
                positions,
                segments,
            }) => (WireKind::Tokens, Some([vocabulary, positions, segments])),
            InputKind::Spans => (WireKind::Spans, None),
        };
        Self {
            kind,
            tensor: port.tensor,
            limits,
        }
    }

    fn output(port: &Port<OutputKind>) -> Self {
        let kind = match port.kind {
            OutputKind::Logits => WireKind::Logits,
            OutputKind::TokenLogits => WireKind::TokenLogits,
            OutputKind::MapLogits => WireKind::MapLogits,
            OutputKind::Pooled => WireKind::Pooled,
            OutputKind::Sequence => WireKind::Sequence,
        };
        Self {
            kind,
            tensor: port.tensor,
            limits: None,
        }
    }

    fn to_input(&self) -> Option<Port<InputKind>> {
        let kind = match (self.kind, self.limits) {
            (WireKind::Pixels, None) => InputKind::Pixels,
            (WireKind::Tokens, Some([vocabulary, positions, segments])) => {
                InputKind::Tokens(TokenLimits {
                    vocabulary,
                    positions,
                    segments,
                })
            }
            (WireKind::Spans, None) => InputKind::Spans,
            _ => return None,
        };
        let tensor = self.tensor;
        Some(Port { kind, tensor })
    }

    fn to_output(&self) -> Option<Port<OutputKind>> {
        let kind = match (self.kind, self.limits) {
            (WireKind::Logits, None) => OutputKind::Logits,
            (WireKind::TokenLogits, None) => OutputKind::TokenLogits,
            (WireKind::MapLogits, None) => OutputKind::MapLogits,
            (WireKind::Pooled, None) => OutputKind::Pooled,
            (WireKind::Sequence, None) => OutputKind::Sequence,
            _ => return None,
        };
        let tensor = self.tensor;
        Some(Port { kind, tensor })
    }
}

/// A step by the name of its operation, with nothing kept between reading that and the rest: a third of the code that
/// serde makes for it.
impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Head {
            name: String,
            op: String,
        }
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let read = || {
            let Head { name, op } = serde_json::from_str(json.get())?;
            let operation = Operation::read(&op, json.get())?;
            Ok(Self { name, operation })
        };
        read().map_err(|error: serde_json::Error| de::Error::custom(error))
    }
}

impl Plan {
    /// Whether it goes from an image to one output and keeps no state, as all plans did before format 4. What
    /// the output is called is the configuration's to say.
    pub(super) fn is_plain(&self) -> bool {
        let pixels = |port: &Port<InputKind>| port.kind == InputKind::Pixels;
        let state = self.tensors.iter().any(|tensor| tensor.state);
        self.inputs.len() == 1
            && self.inputs.iter().all(pixels)
            && self.outputs.len() == 1
            && !state
    }
}

impl Plan {
    /// As it is written: with a layout and without names of ports if `plain`.
    fn to_wire(&self, plain: bool) -> Result<WirePlan> {
        let layout = plain.then(|| Layout::of(self)).transpose()?;
        let tensor = |(id, tensor): (TensorId, &Tensor)| WireTensor {
            name: tensor.name.clone(),
            format: tensor.format,
            axis: tensor.axis,
            rows: tensor.rows,
            cols: tensor.cols,
            stride: tensor.stride,
            state: tensor.state,
            offset: layout.as_ref().map(|layout| layout.offsets[id] as u64),
        };
        let first = |tensor: Option<TensorId>| tensor.filter(|_| plain);
        let inputs = self.inputs.iter().filter(|_| !plain);
        let outputs = self.outputs.iter().filter(|_| !plain);
        Ok(WirePlan {
            tensors: self.tensors.iter().enumerate().map(tensor).collect(),
            steps: self.steps.clone(),
            input: first(self.inputs.first().map(|port| port.tensor)),
            output: first(self.outputs.first().map(|port| port.tensor)),
            arena_words: layout.as_ref().map(|layout| layout.item_words as u64),
            inputs: inputs.map(WirePort::input).collect(),
            outputs: outputs.map(WirePort::output).collect(),
        })
    }

    /// What [`Plan::to_wire`] wrote, where one that is plain was written so if `plain`.
    fn from_wire(wire: WirePlan, plain: bool) -> Result<Self, &'static str> {
        let named = !(wire.inputs.is_empty() && wire.outputs.is_empty());
        let (inputs, outputs) = match (wire.input, wire.output) {
            (Some(input), Some(output)) if !named => {
                let input = Port {
                    kind: InputKind::Pixels,
                    tensor: input,
                };
                let output = Port {
                    kind: OutputKind::Logits,
                    tensor: output,
                };
                (Some(vec![input]), Some(vec![output]))
            }
            (None, None) => (
                wire.inputs.iter().map(WirePort::to_input).collect(),
                wire.outputs.iter().map(WirePort::to_output).collect(),
            ),
            _ => {
                return Err("expected either input and output or inputs and outputs");
            }
        };
        let (Some(inputs), Some(outputs)) = (inputs, outputs) else {
            return Err("expected inputs and outputs of kinds that there are");
        };
        let tensor = |wire: WireTensor| Tensor {
            name: wire.name,
            format: wire.format,
            axis: wire.axis,
            rows: wire.rows,
            cols: wire.cols,
            stride: wire.stride,
            state: wire.state,
        };
        let plan = Self {
            tensors: wire.tensors.into_iter().map(tensor).collect(),
            steps: wire.steps,
            inputs,
            outputs,
        };
        // One way to say it: what is read is written as it was.
        match (plain && plan.is_plain(), named) {
            (true, true) => Err(
                "expected input and output of a plan from an image to one output that keeps no state, found inputs \
                 and outputs",
            ),
            (false, false) => {
                Err("expected inputs and outputs of such a plan, found input and output")
            }
            _ => Ok(plan),
        }
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = self.to_wire(self.is_plain());
        wire.map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// Of a plan with one `output`, the file's configuration says what it is: here it is taken for logits.
impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WirePlan::deserialize(deserializer)?;
        Self::from_wire(wire, true).map_err(de::Error::custom)
    }
}

/// Further plans by name as they are written: no reader before format 4 knows them, so they always name their
/// ports.
pub(super) fn write_further(plans: &BTreeMap<String, Plan>) -> Result<String> {
    let wire = plans
        .iter()
        .map(|(name, plan)| Ok((name, plan.to_wire(false)?)));
    let wire = wire.collect::<Result<Vec<_>>>()?;
    serde_json::to_string(&wire).map_err(|error| Error::ModelFile(error.to_string()))
}

/// What [`write_further`] wrote, in the order in which it does: of text that says the same in two ways, the digest
/// would tell nothing.
pub(super) fn read_further(text: &str) -> Result<BTreeMap<String, Plan>> {
    let wire: Vec<(String, WirePlan)> = json("intformer.plans", text)?;
    let ordered = wire.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if wire.is_empty() || !ordered {
        return Err(Error::ModelFile(
            "expected further plans in the order of their names, found none or another order"
                .to_owned(),
        ));
    }
    let plan = |(name, wire)| match Plan::from_wire(wire, false) {
        Ok(plan) => Ok((name, plan)),
        Err(sentence) => Err(Error::ModelFile(format!("plan {name}: {sentence}"))),
    };
    wire.into_iter().map(plan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{FORMAT, IntModel};
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
    fn a_plan_of_several_outputs_names_them_and_has_no_layout() {
        let mut model = shipped();
        let mut output = model.plan.outputs[0];
        output.kind = OutputKind::Pooled;
        model.plan.outputs.push(output);
        let json: Value = serde_json::to_value(&model.plan).unwrap();
        assert_eq!(json["inputs"][0]["kind"], "pixels");
        assert_eq!(json["outputs"][1]["kind"], "pooled");
        let keys = ["input", "output", "arena_words"];
        assert!(keys.iter().all(|&key| json.get(key).is_none()));
        assert!(json["tensors"][0].get("offset").is_none());

        let read = IntModel::read(&model.to_bytes().unwrap()).unwrap();
        assert_eq!(read.format, FORMAT);
        assert_eq!(read.model.plan, model.plan);
        assert_eq!(read.program.main().outputs().len(), 2);
    }

    #[test]
    fn a_plan_says_its_ports_in_one_way() {
        let mut json: Value = serde_json::to_value(shipped().plan).unwrap();
        let refused = |json: &Value| {
            let error = serde_json::from_value::<Plan>(json.clone()).unwrap_err();
            error.to_string()
        };
        json["inputs"] = serde_json::json!([{"kind": "pixels", "tensor": 0}]);
        json["outputs"] = serde_json::json!([{"kind": "pooled", "tensor": json["output"]}]);
        assert!(refused(&json).contains("expected either input and output"));
        for name in ["input", "output", "arena_words"] {
            json.as_object_mut().unwrap().remove(name);
        }
        // Each by its name, as plans of several are: but this is one of one.
        assert!(refused(&json).contains("expected input and output"));
        json["inputs"][0]["kind"] = "tokens".into();
        assert!(refused(&json).contains("of kinds that there are"));
        json["inputs"][0]["limits"] = serde_json::json!([9, 9, 1]);
        let plan: Plan = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(
            serde_json::to_value(&plan).unwrap()["inputs"],
            json["inputs"]
        );
    }
}
