//! Invented models and random images.
//!
//! The plans are as odd as plans can be, and saturate often. They serve to compare executors, not
//! to classify.

pub use intformer::quant::Random;
use intformer::{
    Result,
    architecture::Config,
    plan::IntModel,
    quant::{Gelu, QuantizeOptions, RangeMethod, invented},
};

/// An integer model of `config` from invented calibration.
pub fn int_model(config: impl Into<Config>, seed: u64) -> Result<IntModel> {
    int_model_with(config, seed, Gelu::Table)
}

/// The same with a form of GELU.
pub fn int_model_with(config: impl Into<Config>, seed: u64, gelu: Gelu) -> Result<IntModel> {
    let options = QuantizeOptions {
        range: RangeMethod::MinMax,
        gelu,
        ..QuantizeOptions::default()
    };
    invented(config, seed, &options)
}

/// Images of bytes at random, some of them all black, all white, or extremes side by side.
pub fn images(config: impl Into<Config>, batch: usize, seed: u64) -> Vec<u8> {
    let bytes = config.into().image().unwrap().bytes();
    let mut random = Random(seed);
    (0..batch)
        .flat_map(|_| {
            let kind = random.bits() % 5;
            (0..bytes)
                .map(|_| match kind {
                    0 => 0,
                    1 => 255,
                    2 => (random.bits() % 2 * 255) as u8,
                    _ => random.bits() as u8,
                })
                .collect::<Vec<_>>()
        })
        .collect()
}
