//! Invented plans that keep state, and further plans over the same weights: before there is a decoder, they
//! drive what one will need.

use intformer::{
    plan::{
        Epilogue, IntModel, IntWeights, MAIN, Operation, OutputKind, Plan, Port, Step, Tensor,
        TokenLimits, operation,
    },
    quant::Gelu,
};

use crate::{synthetic, texts};

/// A plan that keeps state.
pub const REMEMBER: &str = "remember";

/// A plan that looks at the state of [`REMEMBER`].
pub const LOOK: &str = "look";

fn place(plan: &Plan, name: &str) -> usize {
    let found = plan.steps.iter().position(|step| step.name == name);
    found.expect("a step of that name")
}

/// Makes the last residual addition, `site`, add to what it added before, and the steps after it read that.
fn remember(plan: &mut Plan, site: &str) {
    let at = place(plan, site);
    let Operation::Linear(add) = &plan.steps[at].operation else {
        panic!("{site} is a product");
    };
    let stream = add.output;
    let memory = plan.tensors.len();
    plan.tensors.push(Tensor {
        name: "memory".to_owned(),
        state: true,
        ..plan.tensors[stream].clone()
    });
    if let Operation::Linear(add) = &mut plan.steps[at].operation {
        add.output = memory;
        add.epilogue = Epilogue::Residual { residual: memory };
    }
    for step in &mut plan.steps[at + 1..] {
        match &mut step.operation {
            Operation::LayerNorm(norm) if norm.input == stream => norm.input = memory,
            Operation::GatherRows(gather) if gather.input == stream => gather.input = memory,
            _ => {}
        }
    }
}

/// A model of images with two further plans: in [`REMEMBER`] the last block adds to what it added in earlier
/// runs, and the pooled features are kept; [`LOOK`] makes logits of those, whatever image it gets.
pub fn images(seed: u64) -> IntModel {
    let config = intformer::architecture::SwinConfig {
        classes: 1 + seed as usize % 7,
        ..crate::configs::small()
    };
    let mut model = synthetic::int_model_with(&config, seed, Gelu::Table).expect("a valid one");
    let depths = &config.depths;
    let last = format!(
        "layers.{}.blocks.{}.mlp.fc2",
        depths.len() - 1,
        depths[depths.len() - 1] - 1
    );
    let mut remembering = model.plan.clone();
    let plan = &mut remembering;
    remember(plan, &last);
    let pool = plan.steps[place(plan, "pool")].operation.output();
    plan.tensors[pool].state = true;

    let head = plan.steps[place(plan, "head.fc")].clone();
    let Operation::Linear(linear) = head.operation else {
        panic!("the head is a product");
    };
    let tensors = [plan.inputs[0].tensor, pool, linear.output];
    let look = Plan {
        tensors: tensors.map(|id| plan.tensors[id].clone()).to_vec(),
        steps: vec![Step {
            name: head.name,
            operation: operation::Linear {
                input: 1,
                output: 2,
                ..linear
            }
            .into(),
        }],
        inputs: vec![Port {
            tensor: 0,
            ..plan.inputs[0]
        }],
        outputs: vec![Port {
            tensor: 2,
            ..plan.outputs[0]
        }],
    };
    model.plans.insert(LOOK.to_owned(), look);
    model.plans.insert(REMEMBER.to_owned(), remembering);
    model
}

/// The plan of [`texts::plan`]; the same with a memory for each token; and what that holds of an item's first
/// token.
pub fn texts(seed: u64) -> ([(&'static str, Plan); 3], IntWeights, TokenLimits) {
    let (main, weights, limits) = texts::plan(seed);
    let mut plan = main.clone();
    remember(&mut plan, "fc2");
    let mut look = Plan {
        tensors: plan.tensors.clone(),
        inputs: plan.inputs.clone(),
        ..Plan::default()
    };
    for name in ["first", "pooled", "Logits"] {
        look.steps.push(plan.steps[place(&plan, name)].clone());
    }
    let logits = plan.outputs.iter();
    look.outputs = logits
        .filter(|port| port.kind == OutputKind::Logits)
        .copied()
        .collect();
    (
        [(MAIN, main), (LOOK, look), (REMEMBER, plan)],
        weights,
        limits,
    )
}
