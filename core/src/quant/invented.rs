//! Integer models of any configuration without training or calibration images.
//!
//! Parameters are random, and so is what calibration is told to have seen. The plans have the
//! shapes and the cost of real ones; they serve to compare executors and to measure time, and say
//! nothing of accuracy.

use super::{Calibration, Observer, QuantizeOptions, quantize};
use crate::{
    FloatModel, HostTensor, Params, Preprocessing, Resize, Result,
    model::{Activation, LinearShape, Ops, SwinConfig, Windows, census, swin},
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
pub fn float_model(config: &SwinConfig, seed: u64) -> Result<FloatModel> {
    let mut random = Random(seed);
    let mut params = Params::default();
    for (name, shape) in census(config)?.params {
        let inputs: usize = shape[1..].iter().product();
        let (center, spread) = match name.as_str() {
            name if shape.len() > 1 && name.ends_with("weight") => {
                (0.0, (1.0 / inputs as f32).sqrt())
            }
            name if name.ends_with("weight") => (1.0, 0.2),
            _ => (0.0, 0.3),
        };
        let count = shape.iter().product();
        let data = (0..count)
            .map(|_| center + spread * random.normal())
            .collect();
        params.0.insert(name, HostTensor::new(shape, data));
    }
    Ok(FloatModel {
        config: config.clone(),
        params,
        preprocessing: Preprocessing::imagenet(config.in_channels, Resize::Squash),
        labels: Vec::new(),
        class_order: None,
    })
}

/// An integer model of `config` with random weights and invented ranges; its file says `invented`.
///
/// # Errors
/// As [`quantize`], or if `config` is not valid.
pub fn invented(config: &SwinConfig, seed: u64, options: &QuantizeOptions) -> Result<IntModel> {
    let model = float_model(config, seed)?;
    let mut invented = Invented {
        calibration: Calibration::new(),
        random: Random(!seed),
    };
    swin(&mut invented, config, config.in_channels)?;
    quantize(&model, &invented.calibration, options, "invented", 0)
}

/// Tells a calibration of values that no model put out. Its tensors are channel counts.
struct Invented {
    calibration: Calibration,
    random: Random,
}

impl Invented {
    fn see(&mut self, site: &str, channels: usize, size: f32) -> usize {
        let values: Vec<f32> = (0..8 * channels)
            .map(|_| size * self.random.normal())
            .collect();
        self.calibration.observe(site, channels, &values);
        channels
    }
}

impl Ops for Invented {
    type Tensor = usize;

    fn patch_embed(&mut self, site: &str, _: usize, config: &SwinConfig) -> Result<usize> {
        Ok(self.see(site, config.embed_dim, 1.0))
    }

    fn layer_norm(&mut self, site: &str, _: &usize, channels: usize, _: f64) -> Result<usize> {
        self.see(&format!("{site}.out"), channels, 1.0);
        Ok(self.see(site, channels, 1.0))
    }

    fn linear(&mut self, site: &str, _: &usize, shape: LinearShape) -> Result<usize> {
        Ok(self.see(site, shape.outputs, 1.0))
    }

    fn window_attention(&mut self, site: &str, qkv: &usize, _: &Windows) -> Result<usize> {
        Ok(self.see(site, qkv / 3, 0.5))
    }

    fn activation(&mut self, site: &str, x: &usize, _: Activation) -> Result<usize> {
        Ok(self.see(site, *x, 0.5))
    }

    fn add(&mut self, site: &str, x: &usize, _: &usize) -> Result<usize> {
        Ok(self.see(site, *x, 3.0))
    }

    fn patch_merge(&mut self, site: &str, x: &usize, _: [usize; 2]) -> Result<usize> {
        Ok(self.see(site, 4 * x, 3.0))
    }

    fn mean_pool(&mut self, site: &str, x: &usize) -> Result<usize> {
        Ok(self.see(site, *x, 0.5))
    }
}
