//! A float model against the integer plan made from it.

use std::sync::Arc;

use intformer::{
    FloatModel, ImageShape, Pixels,
    architecture::{Activation, Config, PerBlock, SwinConfig, VitConfig, Windowing},
    float,
    plan::IntModel,
    quant::{Calibration, Gelu, QuantizeOptions, quantize},
    rescale,
    runtime::{Batch, Executor, Reference},
};

fn vit(activation: Activation, classes: usize) -> VitConfig {
    VitConfig {
        image_size: [32, 40],
        patch_size: 4,
        embed_dim: 36,
        depth: 4,
        heads: 3,
        hidden: 90,
        prefix: 2,
        classes,
        activation: PerBlock::All(activation),
        ..VitConfig::tiny()
    }
}

fn config(activation: Activation) -> SwinConfig {
    SwinConfig {
        image_size: [24, 24],
        in_channels: 3,
        patch_size: 2,
        embed_dim: 20,
        depths: vec![2, 2],
        heads: vec![2, 4],
        window_size: 3,
        mlp_ratio: 2.5,
        classes: 7,
        qkv_bias: true,
        layer_norm_eps: 1e-5,
        windowing: Windowing::Timm,
        widths: None,
        activation: PerBlock::All(activation),
        fc1_bias: PerBlock::All(true),
    }
}

/// Noise of many frequencies, so that tokens differ.
fn images(config: &Config, count: usize, seed: u64) -> Vec<Pixels> {
    let ImageShape {
        height,
        width,
        channels,
    } = config.image();
    let bytes = height * width * channels;
    let mut state = seed;
    let mut next = move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as u32
    };
    (0..count)
        .map(|_| {
            let (base, span) = (next() % 128, next() % 127 + 1);
            let data = (0..bytes).map(|_| (base + next() % span) as u8).collect();
            Pixels::new(height, width, channels, data).unwrap()
        })
        .collect()
}

fn quantized(model: &FloatModel) -> IntModel {
    quantized_as(model, Gelu::Table)
}

fn quantized_as(model: &FloatModel, gelu: Gelu) -> IntModel {
    let pixels = images(&model.config, 16, 1);
    let mut calibration = Calibration::new();
    for pass in 0..2 {
        if pass == 1 {
            calibration.begin_histograms();
        }
        float::observe(model, [pixels.clone()].into_iter(), &mut calibration).unwrap();
    }
    quantize(
        model,
        &calibration,
        &QuantizeOptions {
            gelu,
            ..QuantizeOptions::default()
        },
        "noise",
        16,
    )
    .unwrap()
}

/// The error of the integer logits over what tells images apart in the float ones.
fn relative_error(model: &FloatModel) -> f64 {
    relative_error_of(model, &quantized(model))
}

fn relative_error_of(model: &FloatModel, int_model: &IntModel) -> f64 {
    let pixels = images(&model.config, 16, 99);
    let float = float::logits(model, &pixels).unwrap();
    let mut reference = Reference::new(Arc::new(int_model.program().unwrap()));
    let bytes: Vec<u8> = pixels.iter().flat_map(|p| p.data.clone()).collect();
    let batch = Batch::images(&bytes, pixels.len());
    let ints = reference.run(&batch).unwrap().into_first();
    let classes = model.config.outputs();
    let (mut error, mut energy) = (0.0, 0.0);
    for class in 0..classes {
        let column: Vec<f64> = float.iter().map(|row| f64::from(row[class])).collect();
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        for (row, float) in column.iter().enumerate() {
            let int = f64::from(ints[row * classes + class]) * int_model.logit_scale;
            error += (int - float).powi(2);
            energy += (float - mean).powi(2);
        }
    }
    (error / energy).sqrt()
}

/// Padding by each library's rule, odd sides before merging, and features in place of logits.
#[test]
fn integers_stay_close_to_floats_with_padding_and_without_a_head() {
    for windowing in [
        Windowing::Timm,
        Windowing::Transformers,
        Windowing::Torchvision,
    ] {
        for classes in [0, 7] {
            let config = SwinConfig {
                image_size: [26, 30],
                window_size: 4,
                windowing,
                classes,
                ..config(Activation::Gelu)
            };
            assert!(config.pads());
            let model = intformer::quant::float_model(&config, 7).unwrap();
            let error = relative_error(&model);
            println!("{windowing:?}, {classes} classes: relative error {error:.4}");
            assert!(error < 0.1, "{windowing:?}, {classes} classes: {error}");
        }
    }
}

/// Heads, their width and hidden channels of each block for itself; also through the file of the model.
#[test]
fn integers_stay_close_to_floats_with_pruned_blocks() {
    let config = intformer_tests::configs::pruned();
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(config, serde_json::from_str(&text).unwrap());
    let model = intformer::quant::float_model(&config, 7).unwrap();
    let shape = |name: &str| model.params.0[name].shape.clone();
    assert_eq!(shape("layers.0.blocks.1.attn.qkv.weight"), [3 * 2 * 7, 20]);
    assert_eq!(shape("layers.1.blocks.0.mlp.fc1.weight"), [1, 40]);
    let error = relative_error(&model);
    println!("relative error {error:.4}");
    assert!(error < 0.1, "{error}");
}

/// Also when channels are rescaled in ways that the function does not notice.
fn close(config: impl Into<Config>, most: f64) {
    let config = config.into();
    let activation = config.activation().to_string();
    let model = intformer::quant::float_model(&config, 7).unwrap();
    let plain = relative_error(&model);
    println!("{activation}: relative error of the logits {plain:.4}");
    assert!(plain < most, "{plain}");
    for seed in 0..2 {
        let mut twin = model.clone();
        rescale(&mut twin, 64.0, seed).unwrap();
        let rescaled = relative_error(&twin);
        println!("{activation}: rescaled by up to 64: {rescaled:.4}");
        assert!(rescaled < 1.25 * plain, "{rescaled} after {plain}");
    }
}

#[test]
fn integers_stay_close_to_floats_with_gelu() {
    close(config(Activation::Gelu), 0.1);
}

#[test]
fn integers_stay_close_to_floats_with_relu() {
    close(config(Activation::Relu), 0.1);
}

/// As masks of pruning leave it.
#[test]
fn a_head_of_zeros_is_no_reason_to_fail() {
    let mut model = intformer::quant::float_model(vit(Activation::Gelu, 7), 7).unwrap();
    let (dim, channels) = (12, 36);
    for part in 0..3 {
        for (name, each) in [("weight", channels), ("bias", 1)] {
            let tensor = model
                .params
                .0
                .get_mut(&format!("blocks.1.attn.qkv.{name}"))
                .unwrap();
            tensor.data[part * channels * each..][..dim * each].fill(0.0);
        }
    }
    let error = relative_error(&model);
    assert!(error < 0.15, "{error}");
}

#[test]
fn integers_stay_close_to_floats_in_a_vit() {
    // Most of the first token is the same for all images.
    close(vit(Activation::Gelu, 7), 0.15);
    close(vit(Activation::Relu, 0), 0.15);
}

/// What each form of GELU adds to the error of the table.
#[test]
fn every_form_of_gelu_is_close() {
    let model = intformer::quant::float_model(config(Activation::Gelu), 7).unwrap();
    let error = |gelu| relative_error_of(&model, &quantized_as(&model, gelu));
    let table = error(Gelu::Table);
    for (gelu, most) in [
        (Gelu::IGelu, 1.3),
        (Gelu::ShiftGelu, 3.0),
        #[cfg(feature = "comparison")]
        (Gelu::Float, 1.3),
    ] {
        let found = error(gelu);
        println!("{gelu:?}: relative error of the logits {found:.4}, the table's {table:.4}");
        assert!(found < most * table, "{gelu:?}: {found}");
    }
}

/// Floats stay out of model files, whichever way they come.
#[cfg(feature = "comparison")]
#[test]
fn a_float_pass_is_in_no_model_file() {
    let model = intformer::quant::float_model(config(Activation::Gelu), 7).unwrap();
    let error = quantized_as(&model, Gelu::Float).to_bytes().unwrap_err();
    assert!(error.to_string().contains("FloatGelu"), "{error}");
    let text = r#"{"name": "a", "op": "float_gelu", "input": 0, "output": 1, "bias": "b",
        "input_scale": 0, "output_factor": 0}"#;
    let error = serde_json::from_str::<intformer::plan::Step>(text).unwrap_err();
    assert!(error.to_string().contains("float_gelu"), "{error}");
}

#[test]
fn a_model_file_reads_back_as_written() {
    let model = intformer::quant::float_model(config(Activation::Gelu), 7).unwrap();
    let int_model = quantized(&model);
    let bytes = int_model.to_bytes().unwrap();
    assert!(bytes == int_model.to_bytes().unwrap(), "the bytes differ");
    assert!(IntModel::from_bytes(&bytes).unwrap() == int_model);
}
