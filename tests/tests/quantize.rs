//! A float model against the integer plan made from it.

use std::sync::Arc;

use intformer::{
    FloatModel, ImageShape, Pixels,
    architecture::{
        Activation, BertConfig, Config, PerBlock, SwinConfig, TextHead, TextPooling, VitConfig,
        VitPooling, Windowing,
    },
    float,
    plan::{IntModel, TokenLimits},
    quant::{Gelu, QuantizeOptions, quantize},
    rescale,
    runtime::{Batch, Executor, Reference, Token},
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
        dense: false,
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
    } = config.image().unwrap();
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

/// Texts of all lengths.
fn texts(limits: TokenLimits, count: usize, seed: u64) -> Vec<Vec<Token>> {
    let texts = intformer_tests::texts::Texts::random(limits, count, seed);
    let pairs = texts.starts.windows(2);
    pairs
        .map(|pair| texts.tokens[pair[0]..pair[1]].to_vec())
        .collect()
}

fn bert(head: TextHead, activation: Activation) -> BertConfig {
    BertConfig {
        vocabulary: 50,
        positions: 24,
        embed_dim: 36,
        embedding_dim: (activation == Activation::GeluTanh).then_some(20),
        depth: 3,
        heads: 3,
        hidden: 90,
        head,
        classes: match head {
            TextHead::Embedding { .. } => 0,
            _ => 5,
        },
        activation: PerBlock::All(activation),
        ..BertConfig::minilm()
    }
}

fn quantized(model: &FloatModel) -> IntModel {
    quantized_as(model, Gelu::Table)
}

fn quantized_as(model: &FloatModel, gelu: Gelu) -> IntModel {
    let calibration = match model.config.text() {
        Ok(limits) => float::calibrate(model, &texts(limits, 32, 1), |_| ()),
        Err(_) => float::calibrate(model, &images(&model.config, 16, 1), |_| ()),
    };
    let calibration = calibration.unwrap();
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
    let mut reference = Reference::new(Arc::new(int_model.program().unwrap()));
    let classes = model.config.outputs();
    let (float, ints) = match model.config.text() {
        Ok(limits) => {
            let lines = texts(limits, 32, 99);
            let starts = lines.iter().scan(0, |end, line| {
                *end += line.len();
                Some(*end)
            });
            let starts: Vec<usize> = std::iter::once(0).chain(starts).collect();
            let tokens = lines.concat();
            let ints = reference.run(&Batch::texts(&tokens, &starts)).unwrap();
            (float::logits(model, &lines).unwrap().concat(), ints)
        }
        Err(_) => {
            let pixels = images(&model.config, 16, 99);
            let bytes: Vec<u8> = pixels.iter().flat_map(|p| p.data.clone()).collect();
            let ints = reference.run(&Batch::images(&bytes, pixels.len())).unwrap();
            (float::logits(model, &pixels).unwrap().concat(), ints)
        }
    };
    let ints = ints.into_first();
    let float: Vec<_> = float.chunks(classes).collect();
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

#[test]
fn integers_stay_close_to_floats_in_dense_models() {
    let swin = SwinConfig {
        dense: true,
        ..config(Activation::Gelu)
    };
    close(swin, 0.1);
    let vit = VitConfig {
        dense: true,
        ..vit(Activation::Relu, 7)
    };
    close(vit, 0.15);
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
    let whole = vit(Activation::Gelu, 7);
    let [down, across] = whole.grid();
    let some = VitConfig {
        patch_depth: Some(
            (0..down * across)
                .map(|patch| 1 + patch % whole.depth)
                .collect(),
        ),
        ..whole
    };
    close(some, 0.15);
    for (pooling, distilled, prefix) in [
        (VitPooling::First, true, 2),
        (VitPooling::Mean, false, 2),
        (VitPooling::MeanOfNormalized, false, 0),
    ] {
        let config = VitConfig {
            pooling,
            distilled,
            prefix,
            ..vit(Activation::Gelu, 7)
        };
        close(config, 0.15);
    }
}

#[test]
fn integers_stay_close_to_floats_in_encoders_of_texts() {
    let embedding = |pooling| TextHead::Embedding {
        pooling,
        normalized: false,
    };
    let dense = |dense| TextHead::Text {
        pooling: TextPooling::First,
        dense,
    };
    let pooled = |pooling, dense| TextHead::Text { pooling, dense };
    for (head, activation, most) in [
        (embedding(TextPooling::Mean), Activation::Gelu, 0.1),
        (embedding(TextPooling::Max), Activation::GeluTanh, 0.15),
        (embedding(TextPooling::First), Activation::Relu, 0.1),
        (dense(Some(Activation::Tanh)), Activation::Gelu, 0.15),
        (dense(None), Activation::GeluTanh, 0.15),
        (pooled(TextPooling::Mean, None), Activation::Gelu, 0.15),
        (TextHead::Tokens, Activation::Gelu, 0.06),
    ] {
        let model = intformer::quant::float_model(bert(head, activation), 7).unwrap();
        let error = relative_error(&model);
        println!("{head:?}, {activation}: relative error {error:.4}");
        assert!(error < most, "{head:?}, {activation}: {error}");
    }
}

/// As real encoders have them: a few channels of the residual are a hundred times as large as others.
#[test]
fn channels_a_hundred_times_larger_take_nothing_from_others() {
    let head = TextHead::Text {
        pooling: TextPooling::First,
        dense: Some(Activation::Tanh),
    };
    let mut model = intformer::quant::float_model(bert(head, Activation::Gelu), 7).unwrap();
    let plain = relative_error(&model);
    for (name, tensor) in &mut model.params.0 {
        // Gains and shifts of what starts a residual, and what reads it made smaller in turn.
        let norm = name.contains("norm");
        if norm {
            tensor.data[5] *= 100.0;
            tensor.data[17] *= 60.0;
        }
        let reads = name.ends_with("qkv.weight") || name.ends_with("fc1.weight");
        if reads || name == "head.dense.weight" {
            for row in tensor.data.chunks_mut(36) {
                row[5] /= 100.0;
                row[17] /= 60.0;
            }
        }
    }
    let error = relative_error(&model);
    println!("relative error {error:.4}, {plain:.4} without outliers");
    assert!(error < 0.05, "{error}");
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
