//! Model topologies, each written once over the [`Ops`] trait.
//!
//! A topology says which operations a model has, in which order, and what their parameters are
//! called. Interpreters give the operations meaning: float tensors, calibration, lowering to an
//! integer plan, counting.

mod census;
mod config;
mod per_block;
mod swin;

pub use census::{Census, census};
pub use config::{Activation, Block, SwinConfig, Windowing, Windows};
pub use per_block::PerBlock;
pub use swin::swin;

use crate::Result;

/// What a topology is written in.
///
/// `site` names the place of an operation: the prefix of its parameters where it has some
/// (`layers.0.blocks.1.attn.qkv`), a unique name elsewhere. Tensors are `[batch, tokens,
/// channels]` unless said otherwise.
pub trait Ops {
    /// A tensor of this interpreter.
    type Tensor;

    /// The pixels of non-overlapping patches through a linear map: `[batch, tokens, out]`.
    ///
    /// Parameters: `{site}.weight` `[out, in_channels, patch, patch]`, `{site}.bias` `[out]`.
    fn patch_embed(
        &mut self,
        site: &str,
        image: Self::Tensor,
        config: &SwinConfig,
    ) -> Result<Self::Tensor>;

    /// Normalization over the channels with gain and shift.
    ///
    /// Parameters: `{site}.weight` `[channels]`, `{site}.bias` `[channels]`.
    fn layer_norm(
        &mut self,
        site: &str,
        x: &Self::Tensor,
        channels: usize,
        eps: f64,
    ) -> Result<Self::Tensor>;

    /// `x * weight^T + bias`.
    ///
    /// Parameters: `{site}.weight` `[outputs, inputs]`, `{site}.bias` `[outputs]` if `bias`.
    fn linear(&mut self, site: &str, x: &Self::Tensor, shape: LinearShape) -> Result<Self::Tensor>;

    /// Multi-head attention inside (shifted) windows; `qkv` holds queries, keys and values. Where
    /// [`Windows::pads`], the windows also hold tokens whose query, key and value are
    /// `{site}.qkv.bias`, or 0 without one.
    ///
    /// Parameters: `{site}.relative_position_bias_table` `[bias_entries, heads]`.
    fn window_attention(
        &mut self,
        site: &str,
        qkv: &Self::Tensor,
        windows: &Windows,
    ) -> Result<Self::Tensor>;

    /// The activation between the linear layers of an MLP.
    fn activation(
        &mut self,
        site: &str,
        x: &Self::Tensor,
        activation: Activation,
    ) -> Result<Self::Tensor>;

    /// `x + branch`: the residual stream takes up a branch.
    fn add(&mut self, site: &str, x: &Self::Tensor, branch: &Self::Tensor) -> Result<Self::Tensor>;

    /// The four tokens of every 2x2 cell side by side, in the order (y, x) = (0,0), (1,0), (0,1),
    /// (1,1): `[batch, cells, 4 * channels]`. Past an odd side of the map tokens are zero.
    fn patch_merge(
        &mut self,
        site: &str,
        x: &Self::Tensor,
        map: [usize; 2],
    ) -> Result<Self::Tensor>;

    /// The mean over the tokens: `[batch, 1, channels]`.
    fn mean_pool(&mut self, site: &str, x: &Self::Tensor) -> Result<Self::Tensor>;
}

/// Extents of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearShape {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Whether the layer has a bias.
    pub bias: bool,
}
