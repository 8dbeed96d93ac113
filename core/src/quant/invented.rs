//! Integer models of any configuration without training or calibration images.
//!
//! Parameters are random, and so is what calibration is told to have seen. The plans have the
//! shapes and the cost of real ones; they serve to compare executors and to measure time, and say
//! nothing of accuracy.

use super::{Calibration, Observer, QuantizeOptions, RangeMethod, Rounding, quantize};
use crate::{
    FloatModel, HostTensor, Params, Preprocessing, Resize, Result,
    architecture::{Config, InputShape, census},
    graph::Layer,
    plan::IntModel,
};

/// A small generator of random numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Roughly normal, of deviation 1: the sum of four uniform values.
    pub fn normal(&mut self) -> f32 {
        let bits = self.bits();
        let part = |i: u32| ((bits >> (16 * i)) & 0xffff) as f32 / 65536.0 - 0.5;
        (part(0) + part(1) + part(2) + part(3)) * 1.732
    }
}

/// A float model with random parameters: norm gains around 1, matrices that keep their input's
/// size.
///
/// # Errors
/// If `config` is not valid.
pub fn float_model(config: impl Into<Config>, seed: u64) -> Result<FloatModel> {
    let config = config.into();
    let params = random_params(&census(&config)?.params, seed);
    Ok(FloatModel {
        preprocessing: match config.input() {
            InputShape::Image(image) => Preprocessing::imagenet(image.channels, Resize::Squash),
            InputShape::Text(_) => Preprocessing::none(),
        },
        tokenization: None,
        params,
        config,
        labels: Vec::new(),
        class_order: None,
    })
}

/// Such parameters of names and shapes.
pub(super) fn random_params(shapes: &[(String, Vec<usize>)], seed: u64) -> Params {
    let mut random = Random(seed);
    let mut params = Params::default();
    for (name, shape) in shapes {
        let inputs: usize = shape[1..].iter().product();
        let (center, spread) = match name.as_str() {
            name if shape.len() > 1 && name.ends_with("weight") => {
                (0.0, (1.0 / inputs as f32).sqrt())
            }
            name if name.ends_with("weight") => (1.0, 0.2),
            _ => (0.0, 0.3),
        };
        let count = shape.iter().product();
        let data = (0..count).map(|_| center + spread * random.normal());
        let tensor = HostTensor::new(shape.clone(), data.collect());
        params.0.insert(name.clone(), tensor);
    }
    params
}

/// An integer model of `config` with random weights and invented ranges; its file says `invented`.
///
/// There are no images to show twice, so the ranges are the largest magnitudes and weights the nearest, whatever
/// [`QuantizeOptions::range`] and [`QuantizeOptions::rounding`] ask for.
///
/// # Errors
/// As [`quantize`], or if `config` is not valid.
///
/// # Examples
///
/// What would a model of one's own cost before it is trained?
///
/// ```
/// use intformer::{
///     architecture::SwinConfig,
///     plan::Counts,
///     quant::{QuantizeOptions, invented},
/// };
///
/// let config = SwinConfig {
///     image_size: [32, 32],
///     embed_dim: 16,
///     depths: vec![2, 2],
///     heads: vec![1, 2],
///     window_size: 4,
///     classes: 10,
///     ..SwinConfig::tiny()
/// };
/// let model = invented(&config, 0, &QuantizeOptions::default())?;
/// let program = model.program()?;
/// assert_eq!(program.main().outputs()[0].elements(), 10);
/// assert!(model.to_bytes()?.len() < 100_000);
/// assert!(4 * program.room(Counts::of_items(1)).words() < 10_000);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn invented(
    config: impl Into<Config>,
    seed: u64,
    options: &QuantizeOptions,
) -> Result<IntModel> {
    let model = float_model(config, seed)?;
    let mut calibration = Calibration::new();
    let mut random = Random(!seed);
    for node in model.config.graph().nodes() {
        let mut see = |site: &str, size: f32| {
            let values = (0..8 * node.channels).map(|_| size * random.normal());
            let values: Vec<f32> = values.collect();
            calibration.observe(site, node.channels, &values);
        };
        let size = match node.layer {
            Layer::Pixels { .. } | Layer::Tokens(_) => continue,
            Layer::PatchEmbed { .. } | Layer::Linear { .. } => 1.0,
            Layer::LayerNorm { .. } => {
                see(&node.observed(), 1.0);
                1.0
            }
            Layer::WindowAttention(_)
            | Layer::Attention(_)
            | Layer::Activation(_)
            | Layer::MeanPool => 0.5,
            Layer::Positions { .. } => 1.5,
            Layer::Embedding(_) => 1.5,
            Layer::Add
            | Layer::PatchMerge { .. }
            | Layer::Pick { .. }
            | Layer::Select { .. }
            | Layer::Pool { .. } => 3.0,
        };
        see(&node.site, size);
    }
    let ranges = QuantizeOptions {
        range: RangeMethod::MinMax,
        rounding: Rounding::Nearest,
        ..options.clone()
    };
    let mut model = quantize(&model, &calibration, &ranges, "invented", 0)?;
    // The file says what was asked for.
    model.provenance.options = format!("{options:?}");
    Ok(model)
}
