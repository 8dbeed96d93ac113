mod bad_input;
mod described;
mod forms;
#[cfg(feature = "hub")]
mod hub;
mod texts;

use std::path::PathBuf;

use super::*;
use crate::{
    Resize,
    architecture::{Activation, Config, PerBlock, SwinConfig, Windowing, census},
};

/// The configuration of `model`.
fn swin(model: &FloatModel) -> &SwinConfig {
    match &model.config {
        Config::Swin(config) => config,
        #[allow(unreachable_patterns, reason = "until there is another architecture")]
        other => panic!("expected a Swin, found {other}"),
    }
}

fn fixture(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/checkpoints");
    PathBuf::from(root).join(name)
}

const FIXTURES: [&str; 5] = [
    "timm-window3",
    "timm-window6",
    "microsoft-window5/checkpoint.pth",
    "huggingface-window3",
    "huggingface-window5",
];

#[test]
fn every_dialect_gives_the_canonical_names() {
    for name in FIXTURES {
        let model = load(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = census(&model.config).unwrap().params;
        assert_eq!(model.params.0.len(), expected.len(), "{name}");
    }
}

#[test]
fn the_configuration_of_timm() {
    let model = load(fixture("timm-window3")).unwrap();
    let expected = SwinConfig {
        image_size: [48, 24],
        in_channels: 1,
        patch_size: 2,
        embed_dim: 12,
        depths: vec![2, 1, 2],
        heads: vec![2, 4, 8],
        window_size: 3,
        mlp_ratio: 3.3,
        classes: 7,
        dense: false,
        qkv_bias: true,
        layer_norm_eps: 1e-5,
        windowing: Windowing::Timm,
        widths: None,
        activation: PerBlock::All(Activation::Gelu),
        fc1_bias: PerBlock::All(true),
    };
    assert_eq!(swin(&model), &expected);
    assert_eq!(model.labels[6], "sign 6");
    let resize = Resize::CropFraction { crop: 0.9 };
    assert_eq!(model.preprocessing.resize, resize);
    assert_eq!(
        (model.preprocessing.mean, model.preprocessing.std),
        (vec![0.4], vec![0.3])
    );
}

#[test]
fn the_configuration_of_microsoft_comes_from_shapes_and_masks() {
    let model = load(fixture("microsoft-window5/checkpoint.pth")).unwrap();
    let expected = SwinConfig {
        image_size: [40, 80],
        in_channels: 3,
        patch_size: 2,
        embed_dim: 12,
        depths: vec![2, 2, 1],
        heads: vec![2, 2, 4],
        window_size: 5,
        mlp_ratio: 2.0,
        classes: 9,
        dense: false,
        qkv_bias: true,
        layer_norm_eps: 1e-5,
        windowing: Windowing::Transformers,
        widths: None,
        activation: PerBlock::All(Activation::Gelu),
        fc1_bias: PerBlock::All(true),
    };
    assert_eq!(swin(&model), &expected);
}

#[test]
fn the_configuration_of_hugging_face() {
    let model = load(fixture("huggingface-window3")).unwrap();
    assert_eq!(model.config.activation(), &PerBlock::All(Activation::Relu));
    assert_eq!(model.config.image().unwrap().size(), [24, 24]);
    assert_eq!(model.preprocessing.resize, Resize::Squash);
    assert_eq!(model.preprocessing.mean, [0.5, 0.4, 0.3]);
    assert_eq!(model.labels[4], "thing 4");
    let other = load(fixture("huggingface-window5")).unwrap();
    assert!(!swin(&other).qkv_bias);
}

#[test]
fn what_is_saved_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    for name in FIXTURES {
        let model = load(fixture(name)).unwrap();
        let path = folder.path().join("float.safetensors");
        save(&model, &path).unwrap();
        assert_eq!(load(&path).unwrap(), model, "{name}");
    }
}
