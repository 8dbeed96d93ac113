//! From the tensors of a file to the parameters of a Swin V1 by timm's names.
//!
//! The names of each library are a table ([`tables`]); the rest is the same for all.

mod extras;
mod pattern;
mod refused;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use extras::Extra;

use super::{
    LoadOptions, Weights,
    file::{Element, Tensors},
    group::{self, Group},
};
use crate::{
    ClassOrder, Error, HostTensor, Params, Preprocessing, Resize, Result,
    model::{SwinConfig, Windowing},
};

/// Who wrote a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
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

/// The names of one dialect.
struct Table {
    dialect: Dialect,
    /// The first table of position biases, which every model has.
    anchor: &'static str,
    /// What another dialect with the same anchor has, and this one has not.
    contrary: &'static [&'static str],
    /// The last part of the prefix of a model whose head lies outside of it, and the head's name.
    outer: Option<(&'static str, &'static str)>,
    /// Their names and timm's.
    rows: &'static [(&'static str, &'static str)],
}

/// A checkpoint under canonical names.
pub(super) struct Renamed {
    /// Who wrote it.
    pub(super) dialect: Dialect,
    /// Parameters by canonical name.
    pub(super) params: Params,
    /// The attention mask of the first stage that has one, `[windows, tokens, tokens]`, as Microsoft
    /// saves them.
    pub(super) mask: Option<(usize, HostTensor)>,
}

impl Dialect {
    /// The preprocessing of this dialect's published models of `config`.
    pub(super) fn preprocessing(self, config: &SwinConfig) -> Preprocessing {
        let [height, width] = config.image_size;
        let side = height.min(width);
        let resize = match self {
            Self::HuggingFace => Resize::Squash,
            Self::Timm if side >= 384 => Resize::CropFraction { crop: 1.0 },
            Self::Timm => Resize::CropFraction { crop: 0.9 },
            _ if height != width => Resize::Squash,
            // torchvision's weights: swin_t, swin_s and swin_b.
            Self::Torchvision => Resize::ShorterSide {
                size: side * [232, 246, 238][torchvision_size(config)] / 224,
            },
            Self::Microsoft | Self::Mmpretrain if side > 224 => Resize::Squash,
            Self::Microsoft | Self::Mmpretrain => Resize::ShorterSide {
                size: side * 256 / 224,
            },
        };
        Preprocessing::imagenet(config.in_channels, resize)
    }

    /// Who published the models whose preprocessing is taken where nothing else is said.
    pub(super) fn publisher(self) -> &'static str {
        match self {
            Self::Timm => "timm",
            Self::Microsoft | Self::Mmpretrain => "Microsoft",
            Self::HuggingFace => "Hugging Face",
            Self::Torchvision => "torchvision",
        }
    }

    /// How the trainer of this dialect numbers folders of classes, if that is one way.
    pub(super) fn class_order(self) -> Option<ClassOrder> {
        match self {
            Self::Timm => Some(ClassOrder::Natural),
            Self::Microsoft | Self::Torchvision => Some(ClassOrder::String),
            Self::HuggingFace | Self::Mmpretrain => None,
        }
    }

    /// What this dialect's library makes of maps that the window does not divide.
    pub(super) fn windowing(self) -> Windowing {
        match self {
            Self::Timm => Windowing::Timm,
            Self::Microsoft | Self::HuggingFace | Self::Mmpretrain => Windowing::Transformers,
            Self::Torchvision => Windowing::Torchvision,
        }
    }
}

/// Which of torchvision's sizes is nearest: 0 for swin_t, 1 for swin_s, 2 for swin_b.
fn torchvision_size(config: &SwinConfig) -> usize {
    match config.embed_dim >= 128 {
        true => 2,
        false => usize::from(config.depths.iter().sum::<usize>() > 12),
    }
}

impl Table {
    fn fits(&self, group: &Group) -> bool {
        let has = |name: &&str| group.names.contains_key(*name);
        !self.contrary.iter().any(has)
    }

    /// timm's name for `name`, and the part of three that it is.
    fn rename(&self, name: &str) -> (String, Option<usize>) {
        // The last norm of mmpretrain has the number of its stage.
        let digits = name
            .strip_prefix("norm")
            .and_then(|rest| rest.split_once('.'));
        let numbered = digits.filter(|(digits, _)| {
            self.dialect == Dialect::Mmpretrain && digits.parse::<usize>().is_ok()
        });
        if let Some((_, rest)) = numbered {
            return (format!("norm.{rest}"), None);
        }
        let row = |(theirs, ours): &(&str, &str)| pattern::rename(name, theirs, ours);
        let found = self.rows.iter().find_map(row);
        found.unwrap_or_else(|| (name.to_owned(), None))
    }
}

/// The model among `tensors` under canonical names.
pub(super) fn canonical(
    tensors: &mut Tensors,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Renamed> {
    let (table, group) = find(tensors, options.weights, notes)?;
    let inner: BTreeSet<&str> = group.names.keys().map(String::as_str).collect();
    // timm's name, what it is of three, and where it lies.
    let mut places: BTreeMap<(String, Option<usize>), &str> = BTreeMap::new();
    let mut quantizers = 0;
    let mut mask = None;
    for (name, full) in &group.names {
        match extras::known(name) {
            Some(Extra::Quantizer) => {
                quantizers += 1;
                continue;
            }
            Some(Extra::Buffer) => continue,
            None => {}
        }
        let (new, third) = table.rename(name);
        let float = matches!(tensors.all[full].element, Element::Float(_));
        if let Some(site) = new.strip_suffix(".attn_mask") {
            if let (Some(stage), true) = (stage(site), float) {
                mask.get_or_insert((stage, full));
            }
            continue;
        }
        // A number that is no float is no parameter; a parameter that is none is refused below.
        if !float && !is_parameter(&new) {
            continue;
        }
        if places.insert((new.clone(), third), full).is_some() {
            return Err(Error::Checkpoint(format!(
                "expected one tensor for {new}, found {full} as a second"
            )));
        }
    }
    let headless = !places.keys().any(|(name, _)| name == "head.fc.weight");
    if let Some(what) = refused::relative(&inner, headless) {
        return Err(refuse(what));
    }
    let all = tensors.all.keys().map(String::as_str);
    if let Some(name) = group::beside(all, &group, headless) {
        let with = if headless { "without" } else { "with" };
        return Err(Error::Checkpoint(format!(
            "expected a classifier called as its library does, found {} {with} one and {name} beside it",
            group::shown(&group.prefix)
        )));
    }
    if headless {
        notes.push("there is no classifier: the pooled features are the answer".to_owned());
    }
    if quantizers > 0 {
        notes.push(format!(
            "{quantizers} tensors of fake quantizers are left out"
        ));
    }

    let mut wanted: BTreeSet<&str> = places.values().copied().collect();
    let mask_name = mask.map(|(_, name)| name.as_str());
    wanted.extend(mask_name);
    let mut read = tensors.read(&wanted)?;
    let mask = mask.and_then(|(stage, name)| Some((stage, read.0.remove(name)?)));
    let mmpretrain = table.dialect == Dialect::Mmpretrain;
    let unfolds = mmpretrain && unfolds(&inner);
    if mmpretrain && !unfolds {
        notes.push(
            "patches are merged in timm's order of channels, as the last norm has no number, which \
             mmpretrain gives it"
                .to_owned(),
        );
    }
    let mut params = Params::default();
    let mut fused: BTreeMap<String, [Option<HostTensor>; 3]> = BTreeMap::new();
    for ((name, third), full) in places {
        let Some(mut tensor) = read.0.remove(full) else {
            continue;
        };
        if unfolds && name.contains(".downsample.") {
            tensor = in_blocks(tensor);
        }
        match third {
            Some(third) => fused.entry(name).or_default()[third % 3] = Some(tensor),
            None => drop(params.0.insert(name, tensor)),
        }
    }
    for (name, parts) in fused {
        let tensor = fuse(&name, parts)?;
        params.0.insert(name, tensor);
    }
    Ok(Renamed {
        dialect: table.dialect,
        params,
        mask,
    })
}

/// The table that fits a model among `tensors`, and that model.
fn find(
    tensors: &Tensors,
    weights: Option<Weights>,
    notes: &mut Vec<String>,
) -> Result<(&'static Table, Group)> {
    let names = tensors.all.keys().map(String::as_str);
    for table in tables::ALL {
        let prefixes = group::prefixes(names.clone(), table.anchor);
        if prefixes.is_empty() {
            continue;
        }
        // mmengine keeps the average as state_dict, and what was trained as ema_state_dict.
        let swapped = prefixes
            .iter()
            .any(|prefix| prefix.starts_with("state_dict."))
            && prefixes
                .iter()
                .any(|prefix| prefix.starts_with("ema_state_dict."));
        let averaged = |prefix: &str| group::is_averaged(prefix) != swapped;
        let (prefix, note) = group::choose(&prefixes, averaged, weights)?;
        let group = group::gather(names.clone(), &prefix, table.outer);
        if table.fits(&group) {
            notes.extend(note);
            return Ok((table, group));
        }
    }
    Err(unknown(tensors))
}

/// The error for tensors that are no Swin V1.
fn unknown(tensors: &Tensors) -> Error {
    let names = tensors.all.keys().map(String::as_str);
    if let Some(what) = refused::other(names.clone()) {
        return refuse(what);
    }
    if let Some(class) = tensors.modules.first() {
        return Error::Checkpoint(format!(
            "expected a state dict, found a whole module ({class}) in the pickle: save it with \
             torch.save(model.state_dict(), path)"
        ));
    }
    let relative = refused::relative(&names.clone().collect(), false);
    if let Some(what) = relative {
        return refuse(what);
    }
    Error::Checkpoint(format!(
        "expected the tensors of a Swin V1, found {} other tensors{}",
        tensors.all.len(),
        match names.clone().next() {
            Some(name) => format!(", first {name}"),
            None => String::new(),
        }
    ))
}

fn refuse(what: &str) -> Error {
    Error::Checkpoint(format!("expected a Swin V1, found {what}"))
}

/// The stage in `layers.{stage}.…`.
fn stage(name: &str) -> Option<usize> {
    let (stage, _) = name.strip_prefix("layers.")?.split_once('.')?;
    stage.parse().ok()
}

/// Whether a tensor of this canonical name may be a parameter.
fn is_parameter(name: &str) -> bool {
    name.ends_with(".weight") || name.ends_with(".bias") || name.ends_with("bias_table")
}

/// Whether mmpretrain wrote these names: its merging of patches takes channels in the order of
/// torch.nn.Unfold. A file under its names without its marks was renamed and kept timm's order.
fn unfolds(names: &BTreeSet<&str>) -> bool {
    let numbered = |name: &&str| {
        let digits = name
            .strip_prefix("norm")
            .and_then(|rest| rest.strip_suffix(".weight"));
        digits.is_some_and(|digits| digits.parse::<usize>().is_ok())
    };
    let buffer = |name: &&str| name.ends_with("w_msa.relative_position_index");
    names.iter().any(numbered) || names.iter().any(buffer)
}

/// A tensor whose last side has channels with their four pixels, as four blocks of channels: the
/// pixels of the left column first, as timm has them.
fn in_blocks(tensor: HostTensor) -> HostTensor {
    let Some(&last) = tensor.shape.last() else {
        return tensor;
    };
    let channels = last / 4;
    if channels == 0 || last % 4 != 0 {
        return tensor;
    }
    let mut data = Vec::with_capacity(tensor.data.len());
    for row in tensor.data.chunks_exact(last) {
        for [y, x] in [[0, 0], [1, 0], [0, 1], [1, 1]] {
            data.extend((0..channels).map(|channel| row[4 * channel + 2 * y + x]));
        }
    }
    HostTensor::new(tensor.shape, data)
}

/// Query, key and value one below the other.
fn fuse(place: &str, parts: [Option<HostTensor>; 3]) -> Result<HostTensor> {
    let [Some(query), Some(key), Some(value)] = parts else {
        return Err(Error::Checkpoint(format!(
            "expected query, key and value for {place}, found only some of them"
        )));
    };
    if query.shape != key.shape || query.shape != value.shape || query.shape.is_empty() {
        return Err(Error::Checkpoint(format!(
            "expected query, key and value of one shape for {place}, found {:?}, {:?} and {:?}",
            query.shape, key.shape, value.shape
        )));
    }
    let mut shape = query.shape.clone();
    shape[0] *= 3;
    Ok(HostTensor::new(
        shape,
        [query.data, key.data, value.data].concat(),
    ))
}
