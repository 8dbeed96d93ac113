//! What the reader of checkpoints must know of an architecture; each has one such [`Names`] in its
//! folder.

mod description;

use std::collections::BTreeSet;

pub(crate) use description::{
    Description, Keys, Size, Tokenizer, agree, expected, extents, malformed, side, typed,
};

use serde_json::Value;

use super::{Config, bert, swin, vit};
use crate::{ClassOrder, HostTensor, Params, Preprocessing, Result};

/// All architectures that checkpoints are read of.
pub(crate) const ALL: [&Names; 3] = [&swin::names::NAMES, &vit::names::NAMES, &bert::names::NAMES];

/// Changes `config` as it is asked for, checks it, and interpolates the parameters that follow from the
/// size of the images.
///
/// # Errors
/// If there is no such model, or the parameters are not those of one.
pub(crate) fn adapt(
    config: &mut Config,
    params: &mut Params,
    asked: &Asked,
    notes: &mut Vec<String>,
) -> Result<()> {
    match config {
        Config::Swin(config) => swin::names::adapt(config, params, asked, notes),
        Config::Vit(config) => vit::names::adapt(config, params, asked, notes),
        Config::Bert(config) => bert::names::adapt(config, params, asked, notes),
    }
}

/// How images were prepared for the models of `config` that a library published; `None` if they take texts.
pub(crate) fn published(config: &Config, library: Library) -> Option<Published> {
    match config {
        Config::Swin(config) => Some(swin::names::published(config, library)),
        Config::Vit(config) => Some(vit::names::published(config, library)),
        Config::Bert(_) => None,
    }
}

/// Architectures of timm: in words, and a test of their names.
pub(crate) type TimmFamily = (&'static str, fn(&str) -> bool);

/// How other libraries name the parameters of an architecture and describe it.
pub(crate) struct Names {
    /// What a model of it is called in sentences.
    pub called: &'static str,
    /// Whether it takes texts.
    pub takes_texts: bool,
    /// Which architectures of timm are of it, if some are: in words, and a test of their names.
    pub timm: Option<TimmFamily>,
    /// Each `model_type` of Hugging Face that is of it.
    pub model_types: &'static [&'static str],
    /// The `model_type` of a `config.json` that names none, as transformers wrote them before 2.4, if its keys tell.
    pub implied_model_type: fn(&Value) -> Option<&'static str>,
    /// All dialects; of two with the same anchor, the first that nothing speaks against.
    pub dialects: &'static [&'static Dialect],
    /// The site of the classifier.
    pub head: &'static str,
    /// Whether the buffer of this canonical name tells something of the configuration.
    pub telling: fn(&str) -> bool,
    /// Pieces of names that a file of another model must have all of, and what it then is.
    pub others: &'static [(&'static [&'static str], &'static str)],
    /// What a relative with these names is, without a classifier or with one, if it is not of this
    /// architecture.
    pub relative: fn(&BTreeSet<&str>, bool) -> Option<&'static str>,
    /// The configuration of tensors, which their description must agree with; [`adapt`] checks it.
    pub configure: fn(&Renamed, &Description, &Asked, &mut Vec<String>) -> Result<Config>,
}

/// What the caller knows better than the checkpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// Input height and width in pixels.
    pub image_size: Option<[usize; 2]>,
    /// The side of an attention window.
    pub window_size: Option<usize>,
}

/// The preprocessing of published models.
pub(crate) struct Published {
    /// Who published them.
    pub by: &'static str,
    /// How images were prepared.
    pub preprocessing: Preprocessing,
}

/// Who wrote a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    /// timm since 0.9.
    Timm,
    /// Microsoft, and timm before 0.9.
    Microsoft,
    /// Hugging Face transformers.
    HuggingFace,
    /// torchvision.
    Torchvision,
    /// mmpretrain and mmcls.
    Mmpretrain,
}

impl Library {
    /// How its trainer numbers folders of classes, if that is one way.
    pub(crate) fn class_order(self) -> Option<ClassOrder> {
        match self {
            Self::Timm => Some(ClassOrder::Natural),
            Self::Microsoft | Self::Torchvision => Some(ClassOrder::String),
            Self::HuggingFace | Self::Mmpretrain => None,
        }
    }
}

/// The names that one library gives to an architecture, as a table.
///
/// A row fits what begins with its parts; what follows (`.weight`, `.bias`) stays. `{s}` is a stage
/// and `{b}` a block, with `{s-1}`, `{2s}` and `{2s+1}` where theirs are numbered otherwise; a number
/// may follow letters (`norm{s}`); `#n` is the n-th of three tensors that stand one below the other
/// under the canonical name.
pub(crate) struct Dialect {
    /// Who writes so.
    pub library: Library,
    /// A tensor that every model has.
    pub anchor: &'static str,
    /// What another dialect with the same anchor has, and this one has not.
    pub contrary: &'static [&'static str],
    /// The last part of the prefix of a model whose head lies outside of it, and how the head's name begins; of
    /// each that there may be.
    pub outer: &'static [(&'static str, &'static str)],
    /// Their names and the canonical ones.
    pub rows: &'static [(&'static str, &'static str)],
    /// Changes the order of values where it differs, told from the names in the file.
    pub reorder: Option<Reorder>,
}

/// Changes parameters under canonical names; takes the names in the file, and says what it takes for
/// granted.
pub(crate) type Reorder = fn(&BTreeSet<&str>, &mut Params, &mut Vec<String>);

/// A checkpoint under canonical names.
pub(crate) struct Renamed {
    /// Whose names it had.
    pub dialect: &'static Dialect,
    /// Parameters by canonical name.
    pub params: Params,
    /// The first buffer that is [telling](Names::telling), and its canonical name.
    pub buffer: Option<(String, HostTensor)>,
}
