//! The operations of a topology over burn tensors.

use burn::{
    Tensor,
    tensor::{activation, module},
};

use super::{
    Swin,
    attention::{Attention, pad},
    host,
};
use crate::{
    Result,
    model::{Activation, LinearShape, Ops, SwinConfig, Windows},
    quant::Observer,
};

/// Runs a topology over the parameters of a [`Swin`].
///
/// The image of [`Ops::patch_embed`] is `[batch, height * width, in_channels]`, normalized.
pub struct FloatOps<'a> {
    swin: &'a Swin,
    attention: &'a mut Attention,
    observer: Option<&'a mut dyn Observer>,
    tap: Option<Tap<'a>>,
}

/// Keeps the outputs at some sites.
struct Tap<'a> {
    sites: Vec<String>,
    kept: &'a mut Vec<Tensor<3>>,
}

impl<'a> FloatOps<'a> {
    /// Operations over the parameters of `swin`.
    pub fn new(swin: &'a Swin, attention: &'a mut Attention) -> Self {
        Self {
            swin,
            attention,
            observer: None,
            tap: None,
        }
    }

    /// The same, and the outputs at `sites` are pushed to `kept` as they come, with their graph.
    pub fn tapped(self, sites: Vec<String>, kept: &'a mut Vec<Tensor<3>>) -> Self {
        Self {
            tap: Some(Tap { sites, kept }),
            ..self
        }
    }

    /// The same, and `observer` sees every output.
    pub fn observed(
        swin: &'a Swin,
        attention: &'a mut Attention,
        observer: &'a mut dyn Observer,
    ) -> Self {
        Self {
            observer: Some(observer),
            ..Self::new(swin, attention)
        }
    }

    fn see(&mut self, site: &str, x: Tensor<3>) -> Tensor<3> {
        if let Some(observer) = &mut self.observer {
            let channels = x.dims()[2];
            observer.observe(site, channels, &host(x.clone()));
        }
        if let Some(tap) = &mut self.tap
            && tap.sites.iter().any(|wanted| wanted == site)
        {
            tap.kept.push(x.clone());
        }
        x
    }

    /// `x * weight^T + bias` over all rows of the batch in one product.
    fn affine(&self, site: &str, x: Tensor<3>, bias: bool) -> Result<Tensor<3>> {
        let [batch, tokens, inputs] = x.dims();
        let weight = self.swin.matrix(&format!("{site}.weight"))?;
        let outputs = weight.dims()[0];
        let bias = match bias {
            true => Some(self.swin.vector(&format!("{site}.bias"))?),
            false => None,
        };
        let rows = x.reshape([batch * tokens, inputs]);
        let out = module::linear(rows, weight.transpose(), bias);
        Ok(out.reshape([batch, tokens, outputs]))
    }
}

impl Ops for FloatOps<'_> {
    type Tensor = Tensor<3>;

    fn patch_embed(
        &mut self,
        site: &str,
        image: Tensor<3>,
        config: &SwinConfig,
    ) -> Result<Tensor<3>> {
        let [height, width] = config.map(0);
        let (patch, channels) = (config.patch_size, config.in_channels);
        let batch = image.dims()[0];
        let patches = image
            .reshape([batch, height, patch, width, patch, channels])
            .permute([0, 1, 3, 5, 2, 4])
            .reshape([batch, height * width, channels * patch * patch]);
        let out = self.affine(site, patches, true)?;
        Ok(self.see(site, out))
    }

    fn layer_norm(
        &mut self,
        site: &str,
        x: &Tensor<3>,
        channels: usize,
        eps: f64,
    ) -> Result<Tensor<3>> {
        let gain = self.swin.vector(&format!("{site}.weight"))?;
        let shift = self.swin.vector(&format!("{site}.bias"))?;
        if self.observer.is_some() {
            let unit = Tensor::ones([channels], &x.device());
            let normalized = module::layer_norm(x.clone(), unit, None, eps);
            self.see(site, normalized);
        }
        let out = module::layer_norm(x.clone(), gain, Some(shift), eps);
        Ok(self.see(&format!("{site}.out"), out))
    }

    fn linear(&mut self, site: &str, x: &Tensor<3>, shape: LinearShape) -> Result<Tensor<3>> {
        let out = self.affine(site, x.clone(), shape.bias)?;
        Ok(self.see(site, out))
    }

    fn window_attention(
        &mut self,
        site: &str,
        qkv: &Tensor<3>,
        windows: &Windows,
    ) -> Result<Tensor<3>> {
        let table = self
            .swin
            .matrix(&format!("{site}.relative_position_bias_table"))?;
        let padding = match windows.pads() {
            true => self.swin.vector(&format!("{site}.qkv.bias")).ok(),
            false => None,
        };
        let out = self.attention.forward(qkv.clone(), table, padding, windows);
        Ok(self.see(site, out))
    }

    fn activation(
        &mut self,
        site: &str,
        x: &Tensor<3>,
        activation: Activation,
    ) -> Result<Tensor<3>> {
        let out = match activation {
            Activation::Gelu => activation::gelu(x.clone()),
            Activation::Relu => activation::relu(x.clone()),
        };
        Ok(self.see(site, out))
    }

    fn add(&mut self, site: &str, x: &Tensor<3>, branch: &Tensor<3>) -> Result<Tensor<3>> {
        let out = x.clone() + branch.clone();
        Ok(self.see(site, out))
    }

    fn patch_merge(
        &mut self,
        site: &str,
        x: &Tensor<3>,
        [height, width]: [usize; 2],
    ) -> Result<Tensor<3>> {
        let [batch, _, channels] = x.dims();
        let [down, across] = [height, width].map(|extent| extent.div_ceil(2));
        let zero = Tensor::zeros([1, 1, 1, channels], &x.device());
        let even = [2 * down, 2 * across];
        let out = pad(
            x.clone().reshape([batch, height, width, channels]),
            zero,
            even,
        )
        .reshape([batch, down, 2, across, 2, channels])
        .permute([0, 1, 3, 4, 2, 5])
        .reshape([batch, down * across, 4 * channels]);
        Ok(self.see(site, out))
    }

    fn mean_pool(&mut self, site: &str, x: &Tensor<3>) -> Result<Tensor<3>> {
        let out = x.clone().mean_dim(1);
        Ok(self.see(site, out))
    }
}
