//! Architectures: configurations, and the graphs that they stand for.
//!
//! Each architecture is a folder with all that is known of it: its configuration, its topology, and
//! how other libraries name its parameters. Everything else sees [`Config`] and the
//! [`Graph`] that it builds.

mod bert;
mod block;
mod bounds;
#[cfg(feature = "import")]
pub(crate) mod names;
mod swin;
mod tagged;
mod vit;

pub use crate::graph::{Activation, Census, Windows};
pub use bert::{BertConfig, TextHead, TextPooling};
pub use block::{Block, PerBlock, Widths};
pub use swin::{SwinConfig, Windowing};
pub use vit::{VitConfig, VitPooling};

use std::fmt::{self, Display, Formatter};

use crate::{
    Error, ImageShape, Result,
    dense::Cells,
    graph::{Graph, OutputKind, TokenLimits},
};

type Named = (&'static str, fn() -> Config);

/// The configurations that have a name.
const NAMED: &[Named] = &[
    ("swin-t", || SwinConfig::tiny().into()),
    ("swin-s", || SwinConfig::small().into()),
    ("swin-b", || SwinConfig::base().into()),
    ("swin-l", || SwinConfig::large().into()),
    ("vit-t", || VitConfig::tiny().into()),
    ("vit-s", || VitConfig::small().into()),
    ("vit-b", || VitConfig::base().into()),
    ("vit-l", || VitConfig::large().into()),
    ("bert-base", || BertConfig::base().into()),
    ("distilbert-base", || BertConfig::distil().into()),
    ("minilm-l6", || BertConfig::minilm().into()),
];

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputShape {
    /// Images of this size.
    Image(ImageShape),
    /// Texts, whose tokens are below these.
    Text(TokenLimits),
}

/// The configuration of a model, of whichever architecture.
///
/// # Examples
///
/// ```
/// use intformer::architecture::{Activation, Config, PerBlock};
///
/// let mut config = Config::named("swin-t").expect("a published size");
/// assert_eq!(config.architecture(), "swin");
/// assert_eq!(config.image()?.to_string(), "224x224x3");
/// assert_eq!((config.classes(), config.blocks().len()), (1000, 12));
///
/// // What methods change, they change in any architecture.
/// config.set_activation(PerBlock::All(Activation::Relu));
/// config.validate()?;
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Config {
    /// A Swin Transformer V1.
    Swin(SwinConfig),
    /// A Vision Transformer.
    Vit(VitConfig),
    /// An encoder of texts.
    Bert(BertConfig),
}

impl From<SwinConfig> for Config {
    fn from(config: SwinConfig) -> Self {
        Self::Swin(config)
    }
}

impl From<VitConfig> for Config {
    fn from(config: VitConfig) -> Self {
        Self::Vit(config)
    }
}

impl From<BertConfig> for Config {
    fn from(config: BertConfig) -> Self {
        Self::Bert(config)
    }
}

impl<C: Clone + Into<Config>> From<&C> for Config {
    fn from(config: &C) -> Self {
        config.clone().into()
    }
}

impl Config {
    /// The configuration of a published size, such as `swin-t`, or none of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, config) = NAMED.iter().find(|(known, _)| *known == name)?;
        Some(config())
    }

    /// All names of [`Config::named`].
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// The architecture in a word.
    pub fn architecture(&self) -> &'static str {
        match self {
            Self::Swin(_) => "swin",
            Self::Vit(_) => "vit",
            Self::Bert(_) => "bert",
        }
    }

    /// Checks that a model of this configuration exists.
    ///
    /// # Errors
    /// [`Error::Config`] with what was expected and found.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Swin(config) => config.validate(),
            Self::Vit(config) => config.validate(),
            Self::Bert(config) => config.validate(),
        }
    }

    /// The layers of this configuration, which is valid.
    ///
    /// # Panics
    /// If it is not ([`Config::validate`]).
    pub fn graph(&self) -> Graph {
        match self {
            Self::Swin(config) => config.graph(),
            Self::Vit(config) => config.graph(),
            Self::Bert(config) => config.graph(),
        }
    }

    /// What the model takes.
    pub fn input(&self) -> InputShape {
        match self {
            Self::Swin(config) => InputShape::Image(config.image()),
            Self::Vit(config) => InputShape::Image(config.image()),
            Self::Bert(config) => InputShape::Text(config.limits()),
        }
    }

    /// The images that the model takes.
    ///
    /// # Errors
    /// [`Error::Image`] if it takes texts.
    pub fn image(&self) -> Result<ImageShape> {
        match self.input() {
            InputShape::Image(image) => Ok(image),
            InputShape::Text(_) => Err(Error::Image(
                "expected a model that takes images, found one that takes texts".to_owned(),
            )),
        }
    }

    /// What the tokens of the texts that it takes are below.
    ///
    /// # Errors
    /// [`Error::Text`] if it takes images.
    pub fn text(&self) -> Result<TokenLimits> {
        match self.input() {
            InputShape::Text(limits) => Ok(limits),
            InputShape::Image(_) => Err(Error::Text(
                "expected a model that takes texts, found one that takes images".to_owned(),
            )),
        }
    }

    /// Classes of the head, of items or of tokens; 0 for a model without one, which puts out its pooled features.
    pub fn classes(&self) -> usize {
        match self {
            Self::Swin(config) => config.classes,
            Self::Vit(config) => config.classes,
            Self::Bert(config) => config.classes,
        }
    }

    /// Makes it one of `classes` classes of whole items, at least 1; what there was of a head goes on where it can.
    pub fn set_classes(&mut self, classes: usize) {
        match self {
            Self::Swin(config) => config.classes = classes,
            Self::Vit(config) => config.classes = classes,
            Self::Bert(config) => config.set_classes(classes),
        }
    }

    /// The sites of the layers that give the logits.
    pub fn head_sites(&self) -> &'static [&'static str] {
        match self {
            Self::Swin(_) => swin::HEADS,
            Self::Vit(_) => vit::HEADS,
            Self::Bert(_) => bert::HEADS,
        }
    }

    /// What an item becomes, or each of its tokens or cells: logits of the classes, or the features of a model without a head.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Swin(config) => config.outputs(),
            Self::Vit(config) => config.outputs(),
            Self::Bert(config) => config.outputs(),
        }
    }

    /// What that is.
    pub fn output_kind(&self) -> OutputKind {
        match self {
            Self::Swin(config) => config.output_kind(),
            Self::Vit(config) => config.output_kind(),
            Self::Bert(config) => config.output_kind(),
        }
    }

    /// Makes it dense: its head gives logits to each token of the last map, of which there are [`Config::cells`].
    ///
    /// # Errors
    /// [`Error::Config`] if it takes no images.
    pub fn set_dense(&mut self) -> Result<()> {
        match self {
            Self::Swin(config) => config.dense = true,
            Self::Vit(config) => {
                config.dense = true;
                config.pooling = VitPooling::First;
                config.distilled = false;
            }
            Self::Bert(_) => {
                return Err(Error::Config(
                    "expected a model of images to be made dense, found one of texts".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// The cells that a dense model gives logits for; none of any other.
    pub fn cells(&self) -> Option<Cells> {
        match self {
            Self::Swin(config) => config.cells(),
            Self::Vit(config) => config.cells(),
            Self::Bert(_) => None,
        }
    }

    /// Blocks of each stage; an architecture without stages has one.
    pub fn depths(&self) -> &[usize] {
        match self {
            Self::Swin(config) => &config.depths,
            Self::Vit(config) => std::slice::from_ref(&config.depth),
            Self::Bert(config) => std::slice::from_ref(&config.depth),
        }
    }

    /// All blocks, first to last.
    pub fn blocks(&self) -> Vec<Block> {
        Block::all(self.depths())
    }

    /// What the names of the operations and parameters of `block` begin with.
    pub fn site(&self, block: Block) -> String {
        match self {
            Self::Swin(config) => config.site(block),
            Self::Vit(config) => config.site(block),
            Self::Bert(config) => config.site(block),
        }
    }

    /// How wide `block` is inside.
    pub fn widths(&self, block: Block) -> Widths {
        match self {
            Self::Swin(config) => config.widths(block.stage, block.block),
            Self::Vit(config) => config.widths(block.block),
            Self::Bert(config) => config.widths(block.block),
        }
    }

    /// Changes [`Config::widths`] of all blocks: what pruning leaves.
    pub fn set_widths(&mut self, widths: PerBlock<Widths>) {
        match self {
            Self::Swin(config) => config.widths = Some(widths),
            Self::Vit(config) => config.widths = Some(widths),
            Self::Bert(config) => config.widths = Some(widths),
        }
    }

    /// The patches of an image, if all go through all blocks and any of them but one may be left out on the way.
    pub fn patches(&self) -> Option<usize> {
        match self {
            Self::Vit(config) if !config.dense && config.patch_depth.is_none() => {
                Some(config.grid().iter().product())
            }
            _ => None,
        }
    }

    /// Has each patch go through so many blocks alone, in an architecture that has [`Config::patches`]; others stay as they are.
    pub fn set_patch_depth(&mut self, patch_depth: Vec<usize>) {
        if let Self::Vit(config) = self {
            config.patch_depth = Some(patch_depth);
        }
    }

    /// The site of the attention of `block`.
    pub fn attention_site(&self, block: Block) -> String {
        format!("{}.attn", self.site(block))
    }

    /// The site of the first linear layer in the MLP of `block`.
    pub fn fc1_site(&self, block: Block) -> String {
        format!("{}.mlp.fc1", self.site(block))
    }

    /// The site of the activation in the MLP of `block`.
    pub fn activation_site(&self, block: Block) -> String {
        format!("{}.mlp.act", self.site(block))
    }

    /// The site of the last operation of `block`, whose tensor is the block's output before any normalization; of a block
    /// that has neither attention nor MLP there is none of that name.
    pub fn output_site(&self, block: Block) -> String {
        let part = match self.widths(block).hidden {
            0 => "attn",
            _ => "mlp",
        };
        format!("{}.{part}.add", self.site(block))
    }

    /// The activation of the MLPs.
    pub fn activation(&self) -> &PerBlock<Activation> {
        match self {
            Self::Swin(config) => &config.activation,
            Self::Vit(config) => &config.activation,
            Self::Bert(config) => &config.activation,
        }
    }

    /// Changes [`Config::activation`].
    pub fn set_activation(&mut self, activation: PerBlock<Activation>) {
        match self {
            Self::Swin(config) => config.activation = activation,
            Self::Vit(config) => config.activation = activation,
            Self::Bert(config) => config.activation = activation,
        }
    }

    /// Whether the first linear layer of an MLP has a bias.
    pub fn fc1_bias(&self) -> &PerBlock<bool> {
        match self {
            Self::Swin(config) => &config.fc1_bias,
            Self::Vit(config) => &config.fc1_bias,
            Self::Bert(config) => &config.fc1_bias,
        }
    }

    /// Changes [`Config::fc1_bias`].
    pub fn set_fc1_bias(&mut self, fc1_bias: PerBlock<bool>) {
        match self {
            Self::Swin(config) => config.fc1_bias = fc1_bias,
            Self::Vit(config) => config.fc1_bias = fc1_bias,
            Self::Bert(config) => config.fc1_bias = fc1_bias,
        }
    }

    /// The same model, said as the oldest readers of model files understand it.
    pub(crate) fn plainest(self) -> Self {
        match self {
            Self::Swin(config) => Self::Swin(config.with_plainest_windowing()),
            other => other,
        }
    }

    /// The lowest format of model files that knows all of it.
    pub(crate) fn format(&self) -> u32 {
        match self {
            Self::Swin(config) if config.is_plain() => 2,
            Self::Swin(_) => 3,
            Self::Vit(_) | Self::Bert(_) => 4,
        }
    }

    /// The same of this library's float models.
    #[cfg(feature = "import")]
    pub(crate) fn float_version(&self) -> u32 {
        match self {
            Self::Swin(_) => 1,
            Self::Vit(_) | Self::Bert(_) => 2,
        }
    }
}

/// The hyper-parameters in a few words.
impl Display for Config {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Swin(config) => config.fmt(f),
            Self::Vit(config) => config.fmt(f),
            Self::Bert(config) => config.fmt(f),
        }
    }
}

/// Counts the model of `config`.
///
/// # Errors
/// If `config` is not valid.
///
/// # Examples
///
/// ```
/// use intformer::architecture::{SwinConfig, census};
///
/// let census = census(SwinConfig::tiny())?;
/// assert_eq!(census.elements(), 28_288_354);
/// assert_eq!(census.total_macs() / 1_000_000, 4490);
///
/// // Names and shapes are those of timm's checkpoints.
/// let (name, shape) = &census.params[0];
/// assert_eq!(name, "patch_embed.proj.weight");
/// assert_eq!(*shape, [96, 3, 4, 4]);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn census(config: impl Into<Config>) -> Result<Census> {
    let config = config.into();
    config.validate()?;
    Ok(Census::of(&config.graph()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Layer;

    #[test]
    fn files_tell_architectures_by_a_tag_that_swin_has_not() {
        for name in Config::names() {
            let config = Config::named(name).unwrap();
            let text = serde_json::to_string(&config).unwrap();
            let tagged =
                text.starts_with(&format!(r#"{{"architecture":"{}","#, config.architecture()));
            assert_eq!(tagged, config.architecture() != "swin", "{text}");
            assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
            // A field that nobody knows may change the model.
            let more = text.replacen("layer_norm_eps", "of_norm_eps", 1);
            let error = serde_json::from_str::<Config>(&more).unwrap_err();
            assert!(error.to_string().contains("of_norm_eps"), "{error}");
        }
        let error = serde_json::from_str::<Config>(r#"{"architecture":"mixer"}"#).unwrap_err();
        assert!(error.to_string().contains("found mixer"), "{error}");
        assert!(serde_json::from_str::<Config>("[]").is_err());
    }

    #[test]
    fn blocks_have_their_sites_in_the_graph() {
        for name in Config::names() {
            let config = Config::named(name).unwrap();
            let graph = config.graph();
            let layer = |site: &str| {
                let node = graph.nodes().iter().find(|node| node.site == site);
                node.map(|node| node.layer.clone())
            };
            for block in config.blocks() {
                let activation = layer(&config.activation_site(block));
                let expected = config.activation().get(block.stage, block.block);
                assert_eq!(activation, Some(Layer::Activation(expected)), "{name}");
                assert_eq!(
                    layer(&config.output_site(block)),
                    Some(Layer::Add),
                    "{name}"
                );
                let fc1 = layer(&config.fc1_site(block));
                let bias = config.fc1_bias().get(block.stage, block.block);
                assert_eq!(fc1, Some(Layer::Linear { bias }), "{name}");
            }
        }
    }
}
