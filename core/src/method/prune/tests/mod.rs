//! Pruned models against the models with masks.

mod cutting;
mod patches;
mod runs;
mod scoring;
mod tuning;

use std::ops::ControlFlow;

use burn::{Tensor, tensor::Device, tensor::TensorData};

use super::{items::Scored, *};
use crate::{
    Pixels,
    architecture::{Activation, Config, SwinConfig, TextHead, TextPooling, VitConfig, census},
    float::{
        self, Factors, Samples, host,
        tests::{small, small_encoder, text},
    },
    graph::UnitKind,
    input::Token,
    quant::float_model,
};

/// A model of each kind with items that it takes.
struct Case {
    model: FloatModel,
    images: Vec<Pixels>,
    texts: Vec<Vec<Token>>,
    classes: Vec<usize>,
}

impl Case {
    fn new(model: FloatModel) -> Self {
        let count = 7;
        let cells = model.config.cells();
        let each = cells.map_or(1, |cells| cells.map[0] * cells.map[1]);
        let classes = (0..count * each).map(|at| at * 3 % model.config.classes());
        let (mut images, mut texts) = (Vec::new(), Vec::new());
        match model.config.image() {
            Ok(shape) => images.extend((0..count).map(|image| {
                let byte = |at: usize| (at * (2 * image + 3) * 7 % 251) as u8;
                let data = (0..shape.bytes()).map(byte).collect();
                Pixels::new(shape.height, shape.width, shape.channels, data).unwrap()
            })),
            Err(_) => texts.extend((0..count).map(|at| text(2 + at, at))),
        }
        Self {
            classes: classes.collect(),
            model,
            images,
            texts,
        }
    }

    fn samples(&self) -> Samples<'_> {
        match self.images.is_empty() {
            true => (&self.texts).into(),
            false => (&self.images).into(),
        }
    }

    fn items(&self) -> Items<'_> {
        Items::new(self.samples(), &self.classes).unwrap()
    }

    fn scored(&self) -> Scored {
        Scored::new(&self.model, self.items(), 3, &Device::flex()).unwrap()
    }

    fn prune(&self, options: &PruneOptions) -> Result<(FloatModel, PruneReport)> {
        prune(options, &self.model, self.items(), &mut |_| {
            ControlFlow::Continue(())
        })
    }
}

fn cases() -> Vec<Case> {
    let vit = VitConfig {
        image_size: [12, 8],
        patch_size: 4,
        embed_dim: 12,
        depth: 2,
        heads: 3,
        hidden: 20,
        classes: 4,
        ..VitConfig::tiny()
    };
    let head = |pooling, dense| TextHead::Text { pooling, dense };
    let distilled = VitConfig {
        prefix: 2,
        distilled: true,
        ..vit.clone()
    };
    // Maps of 5 by 5 in windows of 3.
    let padded = SwinConfig {
        image_size: [10, 10],
        in_channels: 1,
        patch_size: 2,
        embed_dim: 8,
        depths: vec![2, 1],
        heads: vec![2, 4],
        window_size: 3,
        classes: 3,
        ..SwinConfig::tiny()
    };
    let dense_swin = SwinConfig {
        dense: true,
        ..padded.clone()
    };
    let dense_vit = VitConfig {
        dense: true,
        ..vit.clone()
    };
    let models = [
        small(),
        float_model(dense_swin, 8).unwrap(),
        float_model(dense_vit, 9).unwrap(),
        float_model(padded, 4).unwrap(),
        float_model(vit, 5).unwrap(),
        float_model(distilled, 6).unwrap(),
        small_encoder(head(TextPooling::First, Some(Activation::Tanh)), 4),
        small_encoder(head(TextPooling::Mean, None), 3),
    ];
    models.into_iter().map(Case::new).collect()
}

/// Units that go: some of each group, or all of the group `emptied`.
fn some_gone(groups: &[Units], emptied: Option<usize>) -> Vec<Vec<usize>> {
    let gone = |(at, units): (usize, &Units)| {
        if Some(at) == emptied {
            return (0..units.count).collect();
        }
        let gone = |unit: &usize| *unit > 0 && (unit * 5 + at).is_multiple_of(3);
        (0..units.count).filter(gone).collect()
    };
    groups.iter().enumerate().map(gone).collect()
}

/// Masks without the units `gone`.
fn masks(scored: &Scored, gone: &[Vec<usize>]) -> Factors {
    let pairs = scored.groups.iter().zip(gone);
    let mask = |(units, gone): (&Units, &Vec<usize>)| {
        let all = units.count * units.channels;
        let values = (0..all).map(|at| f32::from(u8::from(!gone.contains(&(at / units.channels)))));
        let site = scored.graph.nodes()[units.node].site.clone();
        let values = TensorData::new(values.collect(), [1, 1, all]);
        (site, Tensor::from_data(values, &scored.device))
    };
    pairs.map(mask).collect()
}

/// The logits of all batches, in their order.
fn masked_logits(scored: &Scored, gone: &[Vec<usize>]) -> Vec<f32> {
    let masks = masks(scored, gone);
    let batches = scored.batches.iter();
    let logits = batches.flat_map(|batch| {
        let baseline = scored.baseline(batch, &masks).unwrap();
        host(baseline.value(scored.logits()).clone())
    });
    logits.collect()
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-4,
            "{found} against {expected}"
        );
    }
}
