//! The configuration of a Vision Transformer.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    architecture::{
        Block, PerBlock, Widths,
        block::{everywhere, is_everywhere},
        bounds::{self, MAX_CHANNELS, MAX_TOKENS},
    },
    dense::Cells,
    graph::{Activation, OutputKind},
    input::{ImageShape, is_default},
};

/// Learned tokens that a model may have.
const MAX_PREFIX: usize = 64;

/// Hyper-parameters of a Vision Transformer (arXiv 2010.11929).
///
/// # Examples
///
/// A published size, changed where one's own model differs:
///
/// ```
/// use intformer::architecture::VitConfig;
///
/// let config = VitConfig {
///     image_size: [32, 48],
///     patch_size: 8,
///     embed_dim: 32,
///     depth: 2,
///     heads: 2,
///     hidden: 64,
///     classes: 10,
///     ..VitConfig::tiny()
/// };
/// config.validate()?;
/// assert_eq!((config.grid(), config.tokens()), ([4, 6], 25));
///
/// let odd = VitConfig { patch_size: 7, ..config };
/// let error = odd.validate().unwrap_err().to_string();
/// assert!(error.contains("expected an image size that patches of 7 divide"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VitConfig {
    /// Input height and width in pixels.
    pub image_size: [usize; 2],
    /// Input channels: 1 (luma) or 3 (RGB) for image files.
    pub in_channels: usize,
    /// Side of a square patch in pixels.
    pub patch_size: usize,
    /// Learned tokens before the patches: the one that answers, one of a distilled model, then registers; 0 is for
    /// models that answer by the mean of their patches.
    pub prefix: usize,
    /// How the tokens of an image become one vector.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pooling: VitPooling,
    /// Whether the second token has a head, too, whose logits are added: DeiT's distilled form (arXiv 2012.12877).
    #[serde(default, skip_serializing_if = "is_default")]
    pub distilled: bool,
    /// Channels of a token.
    pub embed_dim: usize,
    /// Blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Hidden channels of the MLP.
    pub hidden: usize,
    /// Classes of the head; 0 for a model without one, which puts out its features.
    pub classes: usize,
    /// Whether the head gives logits to each normalized token, in place of one vector ([`VitConfig::cells`]).
    #[serde(default, skip_serializing_if = "is_default")]
    pub dense: bool,
    /// How many blocks each patch goes through, row by row: after them it is left out. Where all go through all, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_depth: Option<Vec<usize>>,
    /// Whether the query, key and value projection has a bias.
    pub qkv_bias: bool,
    /// Added to the variance in every layer normalization.
    pub layer_norm_eps: f64,
    /// The activation of the MLPs.
    pub activation: PerBlock<Activation>,
    /// Whether the first linear layer of an MLP has a bias.
    #[serde(default = "everywhere", skip_serializing_if = "is_everywhere")]
    pub fc1_bias: PerBlock<bool>,
    /// The widths of each block, where they differ: what pruning leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widths: Option<PerBlock<Widths>>,
}

/// How the tokens of an image become one vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VitPooling {
    /// The first one, normalized.
    #[default]
    First,
    /// The mean of the patches, normalized: timm's `fc_norm`.
    Mean,
    /// The mean of the normalized patches, in models without learned tokens.
    MeanOfNormalized,
}

impl VitConfig {
    /// ViT-Ti/16 at 224 pixels and 1000 classes.
    pub fn tiny() -> Self {
        Self {
            image_size: [224, 224],
            in_channels: 3,
            patch_size: 16,
            prefix: 1,
            pooling: VitPooling::First,
            distilled: false,
            embed_dim: 192,
            depth: 12,
            heads: 3,
            hidden: 768,
            classes: 1000,
            dense: false,
            patch_depth: None,
            qkv_bias: true,
            layer_norm_eps: 1e-6,
            activation: PerBlock::All(Activation::Gelu),
            fc1_bias: everywhere(),
            widths: None,
        }
    }

    /// ViT-S/16 at 224 pixels and 1000 classes.
    pub fn small() -> Self {
        Self {
            embed_dim: 384,
            heads: 6,
            hidden: 1536,
            ..Self::tiny()
        }
    }

    /// ViT-B/16 at 224 pixels and 1000 classes.
    pub fn base() -> Self {
        Self {
            embed_dim: 768,
            heads: 12,
            hidden: 3072,
            ..Self::tiny()
        }
    }

    /// ViT-L/16 at 224 pixels and 1000 classes.
    pub fn large() -> Self {
        Self {
            embed_dim: 1024,
            depth: 24,
            heads: 16,
            hidden: 4096,
            ..Self::tiny()
        }
    }

    /// The images that the model takes.
    pub fn image(&self) -> ImageShape {
        let [height, width] = self.image_size;
        ImageShape::new(height, width, self.in_channels)
    }

    /// Patches down and across.
    pub fn grid(&self) -> [usize; 2] {
        self.image_size.map(|pixels| pixels / self.patch_size)
    }

    /// Tokens of an image: the learned ones, then the patches.
    pub fn tokens(&self) -> usize {
        let [down, across] = self.grid();
        self.prefix + down * across
    }

    /// How many patches go through each block.
    pub fn patches_by_block(&self) -> Vec<usize> {
        let [down, across] = self.grid();
        let through = |block| {
            (0..down * across)
                .filter(|&patch| self.has_patch(patch, block))
                .count()
        };
        (0..self.depth).map(through).collect()
    }

    /// Whether `patch` goes through `block`.
    pub fn has_patch(&self, patch: usize, block: usize) -> bool {
        let depth = self
            .patch_depth
            .as_ref()
            .and_then(|depths| depths.get(patch));
        depth.is_none_or(|&depth| block < depth)
    }

    /// What the names of the operations and parameters of `block` begin with, as in timm.
    pub fn site(&self, block: Block) -> String {
        format!("blocks.{}", block.block)
    }

    /// The widths of block `block`.
    ///
    /// # Panics
    /// If there are no heads.
    pub fn widths(&self, block: usize) -> Widths {
        Widths::of(
            &self.widths,
            block,
            [self.embed_dim, self.heads, self.hidden],
        )
    }

    /// What an image becomes: logits of the classes, or the features of a model without a head.
    pub fn outputs(&self) -> usize {
        match self.classes {
            0 => self.embed_dim,
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

    /// The cells that a dense model gives logits for: the patches, after the learned tokens.
    pub fn cells(&self) -> Option<Cells> {
        self.dense.then(|| Cells {
            first: self.prefix,
            map: self.grid(),
            side: self.patch_size,
            size: self.image_size,
        })
    }

    /// What it answers by, in words.
    fn answers_by(&self) -> &'static str {
        match (self.pooling, self.distilled) {
            (VitPooling::First, false) => "its first token",
            (VitPooling::First, true) => "its first two tokens",
            (VitPooling::Mean, _) => "the mean of its patches",
            (VitPooling::MeanOfNormalized, _) => "the mean of its normalized patches",
        }
    }

    /// Checks that a model of this configuration exists.
    ///
    /// # Errors
    /// [`Error::Config`] with what was expected and found.
    pub fn validate(&self) -> Result<()> {
        let fail = |sentence: String| Err(Error::Config(sentence));
        self.image().validate()?;
        bounds::counts([
            ("a patch size", self.patch_size, 64),
            ("channels", self.embed_dim, MAX_CHANNELS),
            ("blocks", self.depth, 256),
            ("heads", self.heads, MAX_CHANNELS),
            ("hidden channels", self.hidden, 4 * MAX_CHANNELS),
        ])?;
        if self.prefix > MAX_PREFIX {
            return fail(format!(
                "expected at most {MAX_PREFIX} learned tokens, found {}",
                self.prefix
            ));
        }
        bounds::dense(self.dense, self.classes)?;
        if self.dense && (self.distilled || self.pooling != VitPooling::First) {
            return fail(
                "expected a dense model without pooling and a second head, found one with one of them".to_owned(),
            );
        }
        let answering = match self.pooling {
            _ if self.dense => 0..=MAX_PREFIX,
            VitPooling::First => 1 + usize::from(self.distilled)..=MAX_PREFIX,
            VitPooling::Mean => 0..=MAX_PREFIX,
            VitPooling::MeanOfNormalized => 0..=0,
        };
        if !answering.contains(&self.prefix) {
            return fail(format!(
                "expected learned tokens from {} to {} in a model that answers by {}, found {}",
                answering.start(),
                answering.end(),
                self.answers_by(),
                self.prefix
            ));
        }
        if self.distilled && (self.pooling != VitPooling::First || self.classes == 0) {
            return fail(
                "expected a distilled model to answer by its first two tokens, with a head for each, found another"
                    .to_owned(),
            );
        }
        self.validate_patch_depth()?;
        let depths = [self.depth];
        bounds::per_block(&depths, &self.activation, &self.fc1_bias, &self.widths)?;
        bounds::head(self.classes, self.layer_norm_eps)?;
        let divides = |pixels: &usize| pixels.is_multiple_of(self.patch_size) && *pixels > 0;
        if !self.image_size.iter().all(divides) {
            return fail(format!(
                "expected an image size that patches of {} divide, found {:?}",
                self.patch_size, self.image_size
            ));
        }
        if self.tokens() > MAX_TOKENS {
            return fail(format!(
                "expected at most {MAX_TOKENS} tokens, found {}",
                self.tokens()
            ));
        }
        if self.widths.is_none() && !self.embed_dim.is_multiple_of(self.heads) {
            return fail(format!(
                "expected heads that divide {} channels, found {}",
                self.embed_dim, self.heads
            ));
        }
        (0..self.depth)
            .try_for_each(|block| bounds::widths(&format!("block {block}"), self.widths(block)))
    }

    fn validate_patch_depth(&self) -> Result<()> {
        let Some(depths) = &self.patch_depth else {
            return Ok(());
        };
        let fail = |sentence: String| Err(Error::Config(sentence));
        let [down, across] = self.grid();
        if depths.len() != down * across {
            return fail(format!(
                "expected a depth for each of {} patches, found {}: a model that leaves patches out takes images of one size",
                down * across,
                depths.len()
            ));
        }
        if let Some(depth) = depths
            .iter()
            .find(|depth| !(1..=self.depth).contains(*depth))
        {
            return fail(format!(
                "expected patches that go through 1 to {} blocks, found one that goes through {depth}",
                self.depth
            ));
        }
        if !depths.contains(&self.depth) {
            return fail("expected a patch that goes through all blocks, found none".to_owned());
        }
        match self.dense {
            true => fail(
                "expected a dense model to keep all patches, found one that leaves some out"
                    .to_owned(),
            ),
            false => Ok(()),
        }
    }
}

/// The hyper-parameters in a few words.
impl Display for VitConfig {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let [height, width] = self.image_size;
        write!(
            f,
            "ViT {height}x{width}x{}, patch {}, width {}, depth {}, ",
            self.in_channels, self.patch_size, self.embed_dim, self.depth
        )?;
        match &self.widths {
            None => write!(f, "heads {}, hidden {}", self.heads, self.hidden)?,
            Some(_) => f.write_str("widths by block")?,
        }
        if let Some(depths) = &self.patch_depth {
            let last = depths.iter().filter(|&&depth| depth == self.depth);
            write!(f, ", patches {} to {}", depths.len(), last.count())?;
        }
        let registers = self.prefix.saturating_sub(1 + usize::from(self.distilled));
        if registers > 0 {
            write!(f, ", {registers} registers")?;
        }
        if self.distilled || self.pooling != VitPooling::First {
            write!(f, ", answering by {}", self.answers_by())?;
        }
        let fc1_bias = match self.fc1_bias.uniform() {
            Some(true) => "",
            Some(false) => " without fc1 bias",
            None => " partly without fc1 bias",
        };
        write!(f, ", {}{fc1_bias}, ", self.activation)?;
        match self.classes {
            0 => write!(f, "no head: {} features", self.embed_dim),
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
        let config = VitConfig {
            prefix: 5,
            classes: 0,
            ..VitConfig::small()
        };
        let expected = "ViT 224x224x3, patch 16, width 384, depth 12, heads 6, hidden 1536, 4 registers, gelu, \
                        no head: 384 features";
        assert_eq!(config.to_string(), expected);
    }

    #[test]
    fn what_no_model_has_is_refused() {
        let refused = |config: VitConfig, expected: &str| {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let tiny = VitConfig::tiny;
        refused(
            VitConfig { heads: 5, ..tiny() },
            "heads that divide 192 channels",
        );
        refused(
            VitConfig {
                prefix: 0,
                ..tiny()
            },
            "learned tokens from 1 to 64 in a model that answers by its first token, found 0",
        );
        refused(
            VitConfig {
                pooling: VitPooling::MeanOfNormalized,
                ..tiny()
            },
            "from 0 to 0 in a model that answers by the mean of its normalized patches, found 1",
        );
        refused(
            VitConfig {
                distilled: true,
                ..tiny()
            },
            "from 2 to 64 in a model that answers by its first two tokens, found 1",
        );
        refused(
            VitConfig {
                distilled: true,
                prefix: 2,
                classes: 0,
                ..tiny()
            },
            "with a head for each",
        );
        refused(VitConfig { depth: 0, ..tiny() }, "blocks from 1");
        let patches = |depths: Vec<usize>| VitConfig {
            image_size: [32, 32],
            patch_depth: Some(depths),
            ..tiny()
        };
        patches(vec![1, 12, 3, 4]).validate().unwrap();
        refused(patches(vec![12; 5]), "each of 4 patches, found 5");
        refused(
            patches(vec![12, 12, 12, 0]),
            "through 1 to 12 blocks, found one that goes through 0",
        );
        refused(patches(vec![12, 12, 12, 13]), "goes through 13");
        refused(
            patches(vec![1, 2, 3, 11]),
            "goes through all blocks, found none",
        );
        let dense = VitConfig {
            dense: true,
            ..patches(vec![1, 2, 3, 12])
        };
        refused(dense, "a dense model to keep all patches");
        refused(
            VitConfig {
                patch_size: 2,
                ..tiny()
            },
            "at most 4096 tokens, found 12545",
        );
        refused(
            VitConfig {
                hidden: 0,
                ..tiny()
            },
            "hidden channels from 1 to 65536, found 0",
        );
    }
}
