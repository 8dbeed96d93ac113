//! Graphs that no architecture here has: what they lower to, against floats.

use std::sync::Arc;

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};

use super::*;
use crate::{
    Resize,
    float::{Attention, Forward, Parameters},
    graph::{Activation, Census, NodeId, OutputKind, Windows},
    plan::Program,
    quant::{Random, invented::random_params},
    runtime::{Batch, Executor, Reference},
};

const IMAGES: usize = 16;
const SIDE: usize = 8;
const WIDTH: usize = 16;
const EPS: f64 = 1e-5;

/// The root of the mean square of the integers' error, relative to the output's; the largest of all outputs.
fn error(graph: &Graph) -> f64 {
    let shapes = Census::of(graph).params;
    let params = random_params(&shapes, 1);
    let preprocessing = Preprocessing::imagenet(1, Resize::Squash);
    let mut random = Random(3);
    let bytes: Vec<u8> = (0..IMAGES * SIDE * SIDE)
        .map(|_| random.bits() as u8)
        .collect();
    let (mean, std) = (preprocessing.mean[0], preprocessing.std[0]);
    let real = |&byte: &u8| ((f64::from(byte) / 255.0 - mean) / std) as f32;
    let device = Device::flex();
    let values = TensorData::new(bytes.iter().map(real).collect(), [IMAGES, SIDE * SIDE, 1]);
    let images = Tensor::<3>::from_data(values, &device);

    let parameters = Parameters::new(shapes, &params, &device).unwrap();
    let mut attention = Attention::new(&device);
    let mut calibration = Calibration::new();
    calibration.watch(graph);
    let mut expected = Vec::new();
    for pass in 0..2 {
        if pass == 1 {
            calibration.begin_histograms();
        }
        let forward = Forward::new(&parameters, &mut attention).observed(&mut calibration);
        let outputs = forward.run(graph, images.clone()).unwrap().into_iter();
        let values = outputs.map(|output| output.into_data().iter::<f64>().collect());
        expected = values.collect::<Vec<Vec<f64>>>();
    }
    let float = Float {
        graph,
        params: &params,
        preprocessing: &preprocessing,
        calibration: &calibration,
    };
    let lowered = lower(float, &QuantizeOptions::default()).unwrap();
    let program = Program::new(&lowered.plan, &lowered.weights).unwrap();
    let batch = Batch::images(&bytes, IMAGES);
    let found = Reference::new(Arc::new(program)).run(&batch).unwrap().0;
    let kinds: Vec<_> = graph.outputs().iter().map(|&(kind, _)| kind).collect();
    assert!(found.iter().map(|values| values.kind).eq(kinds));
    let square =
        |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let outputs = found.iter().zip(&expected).zip(&lowered.scales);
    let errors = outputs.map(|((found, expected), scale)| {
        assert_eq!(found.data.len(), expected.len());
        let pairs = found.data.iter().zip(expected);
        let difference = pairs.map(|(&f, e)| f64::from(f) * scale - e);
        (square(&mut difference.into_iter()) / square(&mut expected.iter().copied())).sqrt()
    });
    errors.fold(0.0, f64::max)
}

fn embedded(graph: &mut Graph) -> NodeId {
    let image = graph.pixels("image", [SIDE, SIDE], 1);
    let x = graph.patch_embed("embed", image, ([SIDE / 2; 2], 2), WIDTH);
    graph.layer_norm("embed.norm", x, EPS)
}

fn classified(graph: &mut Graph, x: NodeId) {
    let x = graph.layer_norm("norm", x, EPS);
    let x = graph.mean_pool("pool", x);
    let x = graph.linear("head", x, 5, true);
    graph.output(OutputKind::Logits, x);
}

/// Attention over all tokens.
fn attention(graph: &mut Graph, x: NodeId) -> NodeId {
    let side = SIDE / 2;
    let windows = Windows {
        height: side,
        width: side,
        window: [side; 2],
        shift: [0; 2],
        roll: [side; 2],
        heads: 2,
        head_dim: 8,
    };
    let y = graph.linear("attn.qkv", x, 3 * WIDTH, true);
    let y = graph.window_attention("attn", y, windows);
    graph.linear("attn.proj", y, WIDTH, true)
}

/// As BERT has it: a normalized value is both the next residual and what the branch reads.
#[test]
fn norms_after_the_additions() {
    let mut graph = Graph::default();
    let x = embedded(&mut graph);
    let y = attention(&mut graph, x);
    let x = graph.add("attn.add", x, y);
    let x = graph.layer_norm("norm1", x, EPS);
    let y = graph.linear("fc1", x, 2 * WIDTH, true);
    let y = graph.activation("act", y, Activation::Gelu);
    let y = graph.linear("fc2", y, WIDTH, true);
    let x = graph.add("mlp.add", x, y);
    classified(&mut graph, x);
    let error = error(&graph);
    assert!(error < 0.05, "{error}");
}

/// As GPT-J has it: two branches read one norm, and the second is added after the residual moved on.
#[test]
fn branches_side_by_side() {
    let mut graph = Graph::default();
    let x = embedded(&mut graph);
    let normed = graph.layer_norm("norm1", x, EPS);
    let y = attention(&mut graph, normed);
    let other = graph.linear("fc", normed, WIDTH, true);
    let x = graph.add("attn.add", x, y);
    let x = graph.add("fc.add", x, other);
    classified(&mut graph, x);
    let error = error(&graph);
    assert!(error < 0.05, "{error}");
}

/// Logits and the features that they are made of, from one run and in either order.
#[test]
fn models_of_several_outputs() {
    for logits_first in [true, false] {
        let mut graph = Graph::default();
        let x = embedded(&mut graph);
        let pooled = graph.mean_pool("pool", x);
        let logits = graph.linear("head", pooled, 5, true);
        let mut outputs = [(OutputKind::Logits, logits), (OutputKind::Pooled, pooled)];
        if !logits_first {
            outputs.reverse();
        }
        for (kind, node) in outputs {
            graph.output(kind, node);
        }
        let error = error(&graph);
        assert!(error < 0.05, "{error}");
    }
}

#[test]
fn an_order_without_integers_is_refused() {
    let mut graph = Graph::default();
    let image = graph.pixels("image", [SIDE, SIDE], 1);
    graph.activation("act", image, Activation::Relu);
    let float = Float {
        graph: &graph,
        params: &Params::default(),
        preprocessing: &Preprocessing::imagenet(1, Resize::Squash),
        calibration: &Calibration::new(),
    };
    let error = lower(float, &QuantizeOptions::default());
    let error = error.err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("act")));
}
