//! The forward pass and what an observer sees of it.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::{Attention, Feed, Forward, Parameters, host, logits, observe};
use crate::{
    FloatModel, Pixels, Preprocessing, Resize,
    architecture::{Activation, BertConfig, Config, SwinConfig, TextHead, TextPooling, census},
    input::Token,
    quant::{self, Observer},
};

/// Two stages, a window of 3 on a 6x6 map that shifts by 1, two channels.
pub(crate) fn small() -> FloatModel {
    let config = SwinConfig {
        image_size: [12, 12],
        in_channels: 2,
        patch_size: 2,
        embed_dim: 8,
        depths: vec![2, 1],
        heads: vec![2, 4],
        window_size: 3,
        classes: 5,
        ..SwinConfig::tiny()
    };
    let config = Config::from(config);
    let mut params = Parameters::init(&config, 7, &Device::flex())
        .unwrap()
        .to_params();
    // New gains and shifts are alike in all channels and would hide a mistake.
    for tensor in params.0.values_mut() {
        for (at, value) in tensor.data.iter_mut().enumerate() {
            *value = *value * 5.0 + 0.1 * (at as f32).cos();
        }
    }
    FloatModel {
        config,
        params,
        preprocessing: Preprocessing::new(Resize::Squash, vec![0.5, 0.4], vec![0.25, 0.3]),
        tokenization: None,
        labels: Vec::new(),
        class_order: None,
    }
}

/// An encoder of texts of up to 9 tokens below 20.
pub(crate) fn small_encoder(head: TextHead, classes: usize) -> FloatModel {
    let config = BertConfig {
        vocabulary: 20,
        positions: 9,
        embed_dim: 12,
        depth: 2,
        heads: 3,
        hidden: 20,
        head,
        classes,
        ..BertConfig::minilm()
    };
    quant::float_model(config, 3).unwrap()
}

/// A text of `length` tokens, as `seed` has them.
pub(crate) fn text(length: usize, seed: usize) -> Vec<Token> {
    let id = |at: usize| ((at * 7 + seed * 13 + at * seed) % 20) as u32;
    let tokens = (0..length).map(|at| Token {
        id: id(at),
        segment: (at % 2) as u32,
    });
    tokens.collect()
}

/// Tokens that fill up a batch do not change what a text becomes.
#[test]
fn texts_of_many_lengths_in_a_batch_are_as_alone() {
    let device = Device::flex();
    let texts = [3, 9, 1, 5]
        .map(|length| super::tests::text(length, length))
        .to_vec();
    let embedding = |pooling| TextHead::Embedding {
        pooling,
        normalized: false,
    };
    let text = |pooling, dense| TextHead::Text { pooling, dense };
    for (head, classes) in [
        (embedding(TextPooling::Mean), 0),
        (embedding(TextPooling::Max), 0),
        (embedding(TextPooling::First), 0),
        (text(TextPooling::Mean, None), 4),
        (text(TextPooling::First, Some(Activation::Tanh)), 4),
    ] {
        let model = small_encoder(head, classes);
        let alone = logits(&model, &texts).unwrap().concat();
        let parameters = Parameters::of(&model, &device).unwrap();
        let mut attention = Attention::new(&device);
        let forward = Forward::new(&parameters, &mut attention);
        let feed = Feed::texts(&texts, &device);
        let together = forward.run(&model.config.graph(), feed).unwrap();
        let together = host(together[0].clone());
        assert_eq!(alone.len(), together.len());
        for (a, b) in alone.iter().zip(together) {
            assert!((a - b).abs() < 1e-5, "{head:?}: {a} {b}");
        }
    }
}

fn images(count: usize) -> Vec<Pixels> {
    (0..count)
        .map(|image| {
            let bytes = (0..12 * 12 * 2).map(|at| (at * at + 31 * image * at) as u8);
            Pixels::new(12, 12, 2, bytes.collect()).unwrap()
        })
        .collect()
}

#[derive(Default)]
struct Record(BTreeMap<String, (usize, Vec<f32>)>);

impl Observer for Record {
    fn observe(&mut self, site: &str, channels: usize, values: &[f32]) {
        let earlier = self.0.insert(site.into(), (channels, values.to_vec()));
        assert!(earlier.is_none(), "{site} twice");
    }
}

#[test]
fn logits_do_not_depend_on_the_batch_or_the_run() {
    let model = small();
    let images = images(40);
    let together = logits(&model, &images).unwrap();
    assert_eq!(together, logits(&model, &images).unwrap());
    for (image, expected) in images.iter().zip(&together) {
        let alone = logits(&model, std::slice::from_ref(image)).unwrap();
        for (a, b) in alone[0].iter().zip(expected) {
            assert!((a - b).abs() < 1e-5);
        }
    }
    assert_ne!(together[0], together[1]);
}

#[test]
fn parameters_survive_the_way_through_burn() {
    let model = small();
    let swin = Parameters::of(&model, &Device::flex().autodiff()).unwrap();
    assert_eq!(swin.to_params(), model.params);
    let fresh = |seed| {
        let swin = Parameters::init(&model.config, seed, &Device::flex()).unwrap();
        swin.to_params()
    };
    assert_eq!(fresh(1), fresh(1));
    assert_ne!(fresh(1), fresh(2));
}

#[test]
fn observer_sees_every_operation() {
    let model = small();
    let mut record = Record::default();
    observe(&model, std::iter::once(images(3)), &mut record).unwrap();
    let seen = record.0;
    for (site, _) in census(&model.config).unwrap().macs {
        assert!(seen.contains_key(&site), "{site}");
    }
    for (site, values, channels) in [
        ("patch_embed.proj", 3 * 36 * 8, 8),
        ("layers.0.blocks.1.norm1", 3 * 36 * 8, 8),
        ("layers.0.blocks.1.norm1.out", 3 * 36 * 8, 8),
        ("layers.0.blocks.1.attn.qkv", 3 * 36 * 24, 24),
        ("layers.0.blocks.1.attn", 3 * 36 * 8, 8),
        ("layers.0.blocks.1.attn.add", 3 * 36 * 8, 8),
        ("layers.0.blocks.1.mlp.act", 3 * 36 * 32, 32),
        ("layers.0.blocks.1.mlp.add", 3 * 36 * 8, 8),
        ("layers.1.downsample", 3 * 9 * 32, 32),
        ("layers.1.downsample.norm.out", 3 * 9 * 32, 32),
        ("norm.out", 3 * 9 * 16, 16),
        ("pool", 3 * 16, 16),
        ("head.fc", 3 * 5, 5),
    ] {
        let (seen_channels, seen_values) = &seen[site];
        assert_eq!((*seen_channels, seen_values.len()), (channels, values));
    }
    let expected = logits(&model, &images(3)).unwrap().concat();
    assert_eq!(seen["head.fc"].1, expected);
}

#[test]
fn layer_norm_normalizes_then_scales() {
    let model = small();
    let mut record = Record::default();
    observe(&model, std::iter::once(images(1)), &mut record).unwrap();
    let of = |site: &str| record.0[site].1.chunks(8);
    let gain = &model.params.0["patch_embed.norm.weight"].data;
    let shift = &model.params.0["patch_embed.norm.bias"].data;
    let rows = of("patch_embed.proj")
        .zip(of("patch_embed.norm"))
        .zip(of("patch_embed.norm.out"));
    for ((x, normalized), out) in rows {
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / 8.0;
        let square = |x: &f32| (f64::from(*x) - mean).powi(2);
        let variance = x.iter().map(square).sum::<f64>() / 8.0;
        for c in 0..8 {
            let expected = (f64::from(x[c]) - mean) / (variance + 1e-5).sqrt();
            assert!((f64::from(normalized[c]) - expected).abs() < 1e-5);
            let expected = expected * f64::from(gain[c]) + f64::from(shift[c]);
            assert!((f64::from(out[c]) - expected).abs() < 1e-5);
        }
    }
}

#[test]
fn images_of_another_size_are_refused() {
    let image = Pixels::new(6, 12, 2, vec![0; 144]).unwrap();
    let error = logits(&small(), &[image]).unwrap_err().to_string();
    assert!(error.contains("expected height, width"), "{error}");
}
