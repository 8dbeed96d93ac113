//! The configuration of a Swin Transformer V1.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::Windowing;
use crate::{
    Error, Result,
    architecture::{
        Block, PerBlock, Widths,
        block::{everywhere, is_everywhere},
        bounds::{self, MAX_CHANNELS, MAX_CLASSES},
    },
    dense::Cells,
    graph::{Activation, OutputKind},
    input::{ImageShape, is_default},
};

/// Hyper-parameters of a Swin Transformer V1 classifier (arXiv 2103.14030).
///
/// # Examples
///
/// A published size, changed where one's own model differs:
///
/// ```
/// use intformer::architecture::SwinConfig;
///
/// let config = SwinConfig {
///     image_size: [32, 64],
///     in_channels: 1,
///     embed_dim: 32,
///     depths: vec![2, 2],
///     heads: vec![2, 4],
///     window_size: 4,
///     classes: 10,
///     ..SwinConfig::tiny()
/// };
/// config.validate()?;
/// assert_eq!(config.map(0), [8, 16]);
/// assert_eq!((config.map(1), config.channels(1)), ([4, 8], 64));
///
/// let odd = SwinConfig {
///     image_size: [30, 64],
///     ..config
/// };
/// let error = odd.validate().unwrap_err().to_string();
/// assert!(error.contains("expected an image size that patches of 4 divide"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwinConfig {
    /// Input height and width in pixels.
    pub image_size: [usize; 2],
    /// Input channels: 1 (luma) or 3 (RGB) for image files.
    pub in_channels: usize,
    /// Side of a square patch in pixels.
    pub patch_size: usize,
    /// Channels of the first stage; each later stage has twice as many.
    pub embed_dim: usize,
    /// Blocks of each stage.
    pub depths: Vec<usize>,
    /// Attention heads of each stage.
    pub heads: Vec<usize>,
    /// Side of an attention window in tokens.
    pub window_size: usize,
    /// Hidden channels of the MLP over the block's channels.
    pub mlp_ratio: f64,
    /// Classes of the head; 0 for a model without one, which puts out its pooled features.
    pub classes: usize,
    /// Whether the head gives logits to each token of the last map, in place of their mean ([`SwinConfig::cells`]).
    #[serde(default, skip_serializing_if = "is_default")]
    pub dense: bool,
    /// Whether the query, key and value projection has a bias.
    pub qkv_bias: bool,
    /// Added to the variance in every layer normalization.
    pub layer_norm_eps: f64,
    /// The activation of the MLPs.
    pub activation: PerBlock<Activation>,
    /// Whether the first linear layer of an MLP has a bias.
    #[serde(default = "everywhere", skip_serializing_if = "is_everywhere")]
    pub fc1_bias: PerBlock<bool>,
    /// What becomes of maps that the window does not divide.
    #[serde(default, skip_serializing_if = "is_default")]
    pub windowing: Windowing,
    /// The widths of each block, where they are not those of its stage: what pruning leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widths: Option<PerBlock<Widths>>,
}

impl SwinConfig {
    /// Swin-T at 224 pixels and 1000 classes.
    pub fn tiny() -> Self {
        Self {
            image_size: [224, 224],
            in_channels: 3,
            patch_size: 4,
            embed_dim: 96,
            depths: vec![2, 2, 6, 2],
            heads: vec![3, 6, 12, 24],
            window_size: 7,
            mlp_ratio: 4.0,
            classes: 1000,
            dense: false,
            qkv_bias: true,
            layer_norm_eps: 1e-5,
            activation: PerBlock::All(Activation::Gelu),
            fc1_bias: everywhere(),
            windowing: Windowing::Timm,
            widths: None,
        }
    }

    /// Swin-S at 224 pixels and 1000 classes.
    pub fn small() -> Self {
        Self {
            depths: vec![2, 2, 18, 2],
            ..Self::tiny()
        }
    }

    /// Swin-B at 224 pixels and 1000 classes.
    pub fn base() -> Self {
        Self {
            embed_dim: 128,
            heads: vec![4, 8, 16, 32],
            ..Self::small()
        }
    }

    /// Swin-L at 224 pixels and 1000 classes.
    pub fn large() -> Self {
        Self {
            embed_dim: 192,
            heads: vec![6, 12, 24, 48],
            ..Self::small()
        }
    }

    /// The images that the model takes.
    pub fn image(&self) -> ImageShape {
        let [height, width] = self.image_size;
        ImageShape::new(height, width, self.in_channels)
    }

    /// All blocks, first to last.
    pub fn blocks(&self) -> Vec<Block> {
        Block::all(&self.depths)
    }

    /// What the names of the operations and parameters of `block` begin with, as in timm >= 0.9.
    pub fn site(&self, block: Block) -> String {
        format!("layers.{}.blocks.{}", block.stage, block.block)
    }

    /// Channels of stage `stage`.
    pub fn channels(&self, stage: usize) -> usize {
        self.embed_dim << stage
    }

    /// The widths of block `block` of stage `stage`.
    ///
    /// # Panics
    /// If a stage has no heads.
    pub fn widths(&self, stage: usize, block: usize) -> Widths {
        match &self.widths {
            Some(widths) => widths.get(stage, block),
            None => Widths {
                heads: self.heads[stage],
                head_dim: self.channels(stage) / self.heads[stage],
                hidden: (self.channels(stage) as f64 * self.mlp_ratio) as usize,
            },
        }
    }

    /// What an image becomes: logits of the classes, or the features of a model without a head.
    pub fn outputs(&self) -> usize {
        match self.classes {
            0 => self.channels(self.depths.len() - 1),
            classes => classes,
        }
    }

    /// What that is.
    pub fn output_kind(&self) -> OutputKind {
        match self.classes {
            0 => OutputKind::Pooled,
            _ if self.dense => OutputKind::MapLogits,
            _ => OutputKind::Logits,
        }
    }

    /// The cells that a dense model gives logits for.
    pub fn cells(&self) -> Option<Cells> {
        self.dense.then(|| Cells {
            first: 0,
            map: self.map(self.depths.len() - 1),
            // No more than the largest image has.
            side: (self.patch_size << (self.depths.len() - 1)).min(4096),
            size: self.image_size,
        })
    }

    /// The token map of stage `stage`: height and width; half of an odd side is rounded up.
    pub fn map(&self, stage: usize) -> [usize; 2] {
        self.image_size
            .map(|pixels| (pixels / self.patch_size).div_ceil(1 << stage))
    }

    /// Whether format 2 of model files knows all of it.
    pub(crate) fn is_plain(&self) -> bool {
        is_default(&self.windowing) && !self.pads() && self.classes > 0 && !self.dense
    }

    /// Checks that a model of this configuration exists.
    ///
    /// # Errors
    /// [`Error::Config`] with what was expected and found.
    pub fn validate(&self) -> Result<()> {
        let fail = |sentence: String| Err(Error::Config(sentence));
        let stages = self.depths.len();
        if stages == 0 || stages > 8 || self.heads.len() != stages {
            return fail(format!(
                "expected 1 to 8 stages with a depth and a head count each, found depths {:?} and heads {:?}",
                self.depths, self.heads
            ));
        }
        if self.depths.iter().any(|&depth| depth == 0 || depth > 256) {
            return fail(format!(
                "expected 1 to 256 blocks a stage, found {:?}",
                self.depths
            ));
        }
        bounds::per_block(&self.depths, &self.activation, &self.fc1_bias, &self.widths)?;
        self.image().validate()?;
        for (what, value, most) in [
            ("patch size", self.patch_size, 64),
            ("embedding", self.embed_dim, MAX_CHANNELS),
            ("window size", self.window_size, 64),
        ] {
            if value == 0 || value > most {
                return fail(format!("expected {what} from 1 to {most}, found {value}"));
            }
        }
        if self.classes > MAX_CLASSES {
            return fail(format!(
                "expected at most {MAX_CLASSES} classes, found {}",
                self.classes
            ));
        }
        bounds::dense(self.dense, self.classes)?;
        if !(self.mlp_ratio.is_finite() && self.mlp_ratio > 0.0 && self.mlp_ratio <= 64.0) {
            return fail(format!(
                "expected an MLP ratio above 0 and up to 64, found {}",
                self.mlp_ratio
            ));
        }
        if !(self.layer_norm_eps.is_finite() && (0.0..1.0).contains(&self.layer_norm_eps)) {
            return fail(format!(
                "expected a layer norm epsilon from 0 to 1, found {}",
                self.layer_norm_eps
            ));
        }
        if self
            .image_size
            .iter()
            .any(|pixels| pixels % self.patch_size != 0)
        {
            return fail(format!(
                "expected an image size that patches of {} divide, found {:?}",
                self.patch_size, self.image_size
            ));
        }
        for stage in 0..stages {
            let channels = self.channels(stage);
            let heads = self.heads[stage];
            if channels > MAX_CHANNELS {
                return fail(format!(
                    "expected at most {MAX_CHANNELS} channels, found {channels} in stage {stage}"
                ));
            }
            if heads == 0 || !channels.is_multiple_of(heads) {
                return fail(format!(
                    "expected heads that divide the {channels} channels of stage {stage}, found {heads}"
                ));
            }
            for block in 0..self.depths[stage] {
                let place = format!("block {block} of stage {stage}");
                let widths = self.widths(stage, block);
                bounds::widths(&place, widths)?;
                if self.widths.is_none() && widths.hidden == 0 {
                    return fail(format!(
                        "expected an MLP ratio that makes a hidden channel of {channels} channels, found {}",
                        self.mlp_ratio
                    ));
                }
            }
            let [height, width] = self.map(stage);
            if height == 0 || width == 0 {
                return fail(format!(
                    "expected tokens in stage {stage}, found a map of {height}x{width}"
                ));
            }
        }
        Ok(())
    }
}

/// The hyper-parameters in a few words.
impl Display for SwinConfig {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let [height, width] = self.image_size;
        let valid = self.validate().is_ok();
        let padding = if valid && self.pads() {
            " (padded)"
        } else {
            ""
        };
        write!(
            f,
            "Swin {height}x{width}x{}, patch {}, window {}{padding}, width {}, depths {:?}, ",
            self.in_channels, self.patch_size, self.window_size, self.embed_dim, self.depths
        )?;
        match &self.widths {
            None => write!(f, "heads {:?}", self.heads)?,
            Some(_) => f.write_str("widths by block")?,
        }
        let fc1_bias = match self.fc1_bias.uniform() {
            Some(true) => "",
            Some(false) => " without fc1 bias",
            None => " partly without fc1 bias",
        };
        write!(f, ", {}{fc1_bias}, ", self.activation)?;
        match self.classes {
            0 if valid => write!(f, "no head: {} features", self.outputs()),
            classes if self.dense => write!(f, "{classes} classes of cells"),
            classes => write!(f, "{classes} classes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_described_in_a_few_words() {
        let tiny = SwinConfig::tiny();
        let expected = "Swin 224x224x3, patch 4, window 7, width 96, depths [2, 2, 6, 2], heads [3, 6, 12, 24]";
        assert_eq!(tiny.to_string(), format!("{expected}, gelu, 1000 classes"));
        let widths = Widths {
            heads: 1,
            head_dim: 8,
            hidden: 9,
        };
        let odd = SwinConfig {
            image_size: [240, 224],
            widths: Some(PerBlock::All(widths)),
            fc1_bias: PerBlock::All(false),
            classes: 0,
            ..tiny.clone()
        };
        let found = odd.to_string();
        let expected = "window 7 (padded), width 96, depths [2, 2, 6, 2], widths by block";
        assert!(found.contains(expected), "{found}");
        assert!(
            found.ends_with("without fc1 bias, no head: 768 features"),
            "{found}"
        );
    }

    #[test]
    fn what_is_not_valid_is_described_too() {
        let none = SwinConfig {
            patch_size: 0,
            depths: Vec::new(),
            heads: Vec::new(),
            classes: 0,
            ..SwinConfig::tiny()
        };
        none.validate().unwrap_err();
        assert!(none.to_string().contains("patch 0"));
    }
}
