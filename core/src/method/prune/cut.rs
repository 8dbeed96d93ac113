//! The smaller model.

use std::collections::BTreeSet;

use crate::{
    Error, FloatModel, HostTensor, Result,
    architecture::{Block, Config, PerBlock, Widths, census},
    graph::{Layer, UnitKind, Units},
};

/// `model` with the units `kept` of each of `groups`, which are those of its graph, in their order. Where none is kept the
/// branch goes, and what it adds without them goes into the layers before.
///
/// # Errors
/// If a parameter is missing.
pub fn cut(model: &FloatModel, groups: &[Units], kept: &[Vec<usize>]) -> Result<FloatModel> {
    without_idle(reduced(model, groups, kept)?, groups, kept)
}

/// The same, but where none is kept the first stays, and gives nothing: so all branches are there, each with its bias in
/// its own place.
///
/// # Errors
/// If a parameter is missing.
pub fn reduced(model: &FloatModel, groups: &[Units], kept: &[Vec<usize>]) -> Result<FloatModel> {
    let graph = model.config.graph();
    let nodes = graph.nodes();
    let mut pruned = model.clone();
    let mut counts = Vec::new();
    for (units, kept) in groups.iter().zip(kept) {
        let idle = kept.is_empty();
        let kept: &[usize] = if idle { &[0] } else { kept };
        counts.push((nodes[units.node].site.as_str(), kept.len()));
        let channels: Vec<usize> = kept
            .iter()
            .flat_map(|&unit| unit * units.channels..(unit + 1) * units.channels)
            .collect();
        let all = units.count * units.channels;
        // Of heads queries, then keys, then values.
        let parts = match units.kind {
            UnitKind::Head => 3,
            UnitKind::Neuron => 1,
        };
        let rows: Vec<usize> = (0..parts)
            .flat_map(|part| channels.iter().map(move |&channel| part * all + channel))
            .collect();
        let before = &nodes[units.before];
        for (name, _) in graph.params(before) {
            let tensor = pruned.params.get_mut(&name)?;
            *tensor = rows_of(tensor, &rows);
        }
        let node = &nodes[units.node];
        if let Layer::WindowAttention(_) = node.layer {
            let name = format!("{}.relative_position_bias_table", node.site);
            let tensor = pruned.params.get_mut(&name)?;
            *tensor = columns_of(tensor, kept);
        }
        let name = format!("{}.weight", nodes[units.after].site);
        let tensor = pruned.params.get_mut(&name)?;
        *tensor = columns_of(tensor, &channels);
        if idle {
            tensor.data.fill(0.0);
        }
    }
    pruned.config = with_counts(&model.config, &counts);
    pruned.validate()?;
    Ok(pruned)
}

/// A model that [`reduced`] has made of one with `groups`, without the branches of which none is `kept`.
///
/// # Errors
/// If nothing before such a branch can take up its bias.
pub fn without_idle(
    mut model: FloatModel,
    groups: &[Units],
    kept: &[Vec<usize>],
) -> Result<FloatModel> {
    let graph = model.config.graph();
    for (units, _) in groups.iter().zip(kept).filter(|(_, kept)| kept.is_empty()) {
        empty(&mut model, &graph.nodes()[units.node].site)?;
    }
    model.validate()?;
    Ok(model)
}

/// Takes the branch with the units at `site` out of `model`.
fn empty(model: &mut FloatModel, site: &str) -> Result<()> {
    let graph = model.config.graph();
    let nodes = graph.nodes();
    let units = graph.units();
    let units = units.iter().find(|units| nodes[units.node].site == site);
    let shifted = units.and_then(|units| {
        let shifted = graph.shifted_by(nodes[units.add].inputs[0])?;
        Some((&nodes[units.after].site, &nodes[shifted]))
    });
    let Some((after, shifted)) = shifted else {
        return Err(Error::Prune(format!(
            "expected a bias before {site} for what is left without its units, found none"
        )));
    };
    if let Some(left) = model.params.find(&format!("{after}.bias")).cloned() {
        let name = match shifted.layer {
            Layer::Positions { .. } => format!("{}.position.weight", shifted.site),
            _ => format!("{}.bias", shifted.site),
        };
        let shift = model.params.get_mut(&name)?;
        for row in shift.data.chunks_mut(left.data.len()) {
            for (value, left) in row.iter_mut().zip(&left.data) {
                *value += left;
            }
        }
    }
    model.config = with_counts(&model.config, &[(site, 0)]);
    let known: BTreeSet<String> = census(&model.config)?
        .params
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    model.params.0.retain(|name, _| known.contains(name));
    Ok(())
}

/// `model` with what each of `units`, which are a group of its graph, gives multiplied by its factor.
///
/// # Errors
/// If a parameter is missing.
pub fn scale(mut model: FloatModel, units: &Units, factors: &[f64]) -> Result<FloatModel> {
    let graph = model.config.graph();
    let site = &graph.nodes()[units.after].site;
    let weight = model.params.get_mut(&format!("{site}.weight"))?;
    for row in weight.data.chunks_mut(units.count * units.channels) {
        for (channels, factor) in row.chunks_mut(units.channels).zip(factors) {
            for value in channels {
                *value = (f64::from(*value) * factor) as f32;
            }
        }
    }
    model.validate()?;
    Ok(model)
}

/// `old` with so many units at the sites of attentions and activations.
fn with_counts(old: &Config, counts: &[(&str, usize)]) -> Config {
    let count = |site: &str| {
        let mut counts = counts.iter();
        counts
            .find(|(known, _)| *known == site)
            .map(|&(_, count)| count)
    };
    let widths = PerBlock::each(old.depths(), |stage, block| {
        let block = Block { stage, block };
        let widths = old.widths(block);
        Widths {
            heads: count(&old.attention_site(block)).unwrap_or(widths.heads),
            hidden: count(&old.activation_site(block)).unwrap_or(widths.hidden),
            ..widths
        }
    });
    let mut config = old.clone();
    config.set_widths(widths);
    config
}

/// Some rows of a tensor, of any number of extents.
fn rows_of(tensor: &HostTensor, rows: &[usize]) -> HostTensor {
    let mut shape = tensor.shape.clone();
    let length = tensor.data.len() / shape[0].max(1);
    shape[0] = rows.len();
    let row = |&row: &usize| tensor.data[row * length..][..length].iter().copied();
    HostTensor::new(shape, rows.iter().flat_map(row).collect())
}

/// Some columns of a matrix.
fn columns_of(tensor: &HostTensor, columns: &[usize]) -> HostTensor {
    let rows = tensor.data.chunks(tensor.shape[1].max(1));
    let data = rows.flat_map(|row| columns.iter().map(|&at| row[at]));
    HostTensor::new([tensor.shape[0], columns.len()], data.collect())
}
