//! What a model consists of: parameter names and shapes, and multiply-accumulates.

use super::{Activation, LinearShape, Ops, SwinConfig, Windows, swin};
use crate::Result;

/// The parameters of a model and the work of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Canonical names with shapes, in the order of the forward pass.
    pub params: Vec<(String, Vec<usize>)>,
    /// Multiply-accumulates of one image by site, in order.
    pub macs: Vec<(String, u64)>,
}

impl Census {
    /// Elements of all parameters.
    pub fn elements(&self) -> usize {
        let count = |(_, shape): &(String, Vec<usize>)| shape.iter().product::<usize>();
        self.params.iter().map(count).sum()
    }

    /// Multiply-accumulates of one image.
    pub fn total_macs(&self) -> u64 {
        self.macs.iter().map(|(_, macs)| macs).sum()
    }
}

/// Counts the Swin of `config`.
///
/// # Errors
/// If `config` is not valid.
pub fn census(config: &SwinConfig) -> Result<Census> {
    config.validate()?;
    let mut census = Census::default();
    swin(&mut census, config, Shape { tokens: 0 })?;
    Ok(census)
}

/// Tokens of one image.
#[derive(Clone, Copy)]
pub struct Shape {
    tokens: usize,
}

impl Census {
    fn param(&mut self, site: &str, name: &str, shape: &[usize]) {
        self.params.push((format!("{site}.{name}"), shape.to_vec()));
    }

    fn work(&mut self, site: &str, macs: usize) {
        self.macs.push((site.to_owned(), macs as u64));
    }
}

impl Ops for Census {
    type Tensor = Shape;

    fn patch_embed(&mut self, site: &str, _: Shape, config: &SwinConfig) -> Result<Shape> {
        let SwinConfig {
            embed_dim,
            in_channels,
            patch_size,
            ..
        } = *config;
        let weight = [embed_dim, in_channels, patch_size, patch_size];
        self.param(site, "weight", &weight);
        self.param(site, "bias", &[embed_dim]);
        let [height, width] = config.map(0);
        let tokens = height * width;
        self.work(site, tokens * weight.iter().product::<usize>());
        Ok(Shape { tokens })
    }

    fn layer_norm(&mut self, site: &str, x: &Shape, channels: usize, _: f64) -> Result<Shape> {
        self.param(site, "weight", &[channels]);
        self.param(site, "bias", &[channels]);
        Ok(*x)
    }

    fn linear(&mut self, site: &str, x: &Shape, shape: LinearShape) -> Result<Shape> {
        self.param(site, "weight", &[shape.outputs, shape.inputs]);
        if shape.bias {
            self.param(site, "bias", &[shape.outputs]);
        }
        self.work(site, x.tokens * shape.outputs * shape.inputs);
        Ok(*x)
    }

    fn window_attention(&mut self, site: &str, qkv: &Shape, windows: &Windows) -> Result<Shape> {
        let shape = [windows.bias_entries(), windows.heads];
        self.param(site, "relative_position_bias_table", &shape);
        let channels = windows.heads * windows.head_dim;
        let window = windows.window[0] * windows.window[1];
        self.work(site, 2 * qkv.tokens * window * channels);
        Ok(*qkv)
    }

    fn activation(&mut self, _: &str, x: &Shape, _: Activation) -> Result<Shape> {
        Ok(*x)
    }

    fn add(&mut self, _: &str, x: &Shape, _: &Shape) -> Result<Shape> {
        Ok(*x)
    }

    fn patch_merge(&mut self, _: &str, _: &Shape, map: [usize; 2]) -> Result<Shape> {
        let [height, width] = map.map(|extent| extent.div_ceil(2));
        Ok(Shape {
            tokens: height * width,
        })
    }

    fn mean_pool(&mut self, _: &str, _: &Shape) -> Result<Shape> {
        Ok(Shape { tokens: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters as torchvision counts them; millions of MACs to the digit that papers state.
    #[test]
    fn counts_of_the_published_sizes() {
        let sizes = [
            (SwinConfig::tiny(), 28_288_354, 4_491),
            (SwinConfig::small(), 49_606_258, 8_741),
            (SwinConfig::base(), 87_768_224, 15_431),
            (SwinConfig::large(), 196_532_476, 34_476),
        ];
        for (config, params, macs) in sizes {
            let census = census(&config).unwrap();
            assert_eq!(census.elements(), params);
            assert_eq!((census.total_macs() + 500_000) / 1_000_000, macs);
        }
    }
}
