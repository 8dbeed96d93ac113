//! From the tensors of a file to the parameters of a model by their canonical names.
//!
//! What they are called is said by tables, those of [`names::ALL`]; nothing here knows the layers of a
//! model.

mod extras;
mod group;
mod pattern;
mod refused;

use std::collections::{BTreeMap, BTreeSet};

use extras::Extra;
use group::Group;

use super::{
    LoadOptions, Weights,
    file::{Element, Tensors},
};
use crate::{
    Error, HostTensor, Params, Result,
    architecture::names::{self, Dialect, Names, Renamed},
};

impl Dialect {
    fn fits(&self, group: &Group) -> bool {
        let has = |name: &&str| group.names.contains_key(*name);
        !self.contrary.iter().any(has)
    }

    /// The canonical name for `name`, and the part of three that it is.
    fn rename(&self, name: &str) -> (String, Option<usize>) {
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
) -> Result<(&'static Names, Renamed)> {
    let (names, dialect, group) = find(tensors, options.weights, notes)?;
    let inner: BTreeSet<&str> = group.names.keys().map(String::as_str).collect();
    // The canonical name, what it is of three, and where it lies.
    let mut places: BTreeMap<(String, Option<usize>), &str> = BTreeMap::new();
    let mut quantizers = 0;
    // What it is called, and where it lies.
    let mut buffer: Option<(String, &str)> = None;
    for (name, full) in &group.names {
        let (new, third) = dialect.rename(name);
        let float = matches!(tensors.all[full].element, Element::Float(_));
        if float && (names.telling)(&new) {
            buffer.get_or_insert((new, full));
            continue;
        }
        match extras::known(name) {
            Some(Extra::Quantizer) => {
                quantizers += 1;
                continue;
            }
            Some(Extra::Buffer) => continue,
            None => {}
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
    let head = format!("{}.weight", names.head);
    let headless = !places.keys().any(|(name, _)| *name == head);
    if let Some(what) = (names.relative)(&inner, headless) {
        return Err(refuse(names.called, what));
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
    wanted.extend(buffer.iter().map(|(_, full)| *full));
    let mut read = tensors.read(&wanted)?;
    let buffer = buffer.and_then(|(name, full)| Some((name, read.0.remove(full)?)));
    let mut params = Params::default();
    let mut fused: BTreeMap<String, [Option<HostTensor>; 3]> = BTreeMap::new();
    for ((name, third), full) in places {
        let Some(tensor) = read.0.remove(full) else {
            continue;
        };
        match third {
            Some(third) => fused.entry(name).or_default()[third % 3] = Some(tensor),
            None => drop(params.0.insert(name, tensor)),
        }
    }
    for (name, parts) in fused {
        let tensor = fuse(&name, parts)?;
        params.0.insert(name, tensor);
    }
    if let Some(reorder) = dialect.reorder {
        reorder(&inner, &mut params, notes);
    }
    let renamed = Renamed {
        dialect,
        params,
        buffer,
    };
    Ok((names, renamed))
}

/// The architecture and the dialect that fit a model among `tensors`, and that model.
fn find(
    tensors: &Tensors,
    weights: Option<Weights>,
    notes: &mut Vec<String>,
) -> Result<(&'static Names, &'static Dialect, Group)> {
    let found = tensors.all.keys().map(String::as_str);
    let dialects = names::ALL.into_iter();
    let dialects = dialects.flat_map(|names| names.dialects.iter().map(move |&is| (names, is)));
    for (names, dialect) in dialects {
        let prefixes = group::prefixes(found.clone(), dialect.anchor);
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
        let group = group::gather(found.clone(), &prefix, dialect.outer);
        if dialect.fits(&group) {
            notes.extend(note);
            return Ok((names, dialect, group));
        }
    }
    Err(unknown(tensors))
}

/// The error for tensors of no architecture that is known.
fn unknown(tensors: &Tensors) -> Error {
    let found = tensors.all.keys().map(String::as_str);
    let called = names::ALL.map(|names| names.called).join(" or ");
    if let Some(what) = refused::other(found.clone()) {
        return refuse(&called, what);
    }
    if let Some(class) = tensors.modules.first() {
        return Error::Checkpoint(format!(
            "expected a state dict, found a whole module ({class}) in the pickle: save it with \
             torch.save(model.state_dict(), path)"
        ));
    }
    let all: BTreeSet<&str> = found.clone().collect();
    let mut relatives = names::ALL.iter();
    if let Some(what) = relatives.find_map(|names| (names.relative)(&all, false)) {
        return refuse(&called, what);
    }
    Error::Checkpoint(format!(
        "expected the tensors of {called}, found {} other tensors{}",
        tensors.all.len(),
        match found.clone().next() {
            Some(name) => format!(", first {name}"),
            None => String::new(),
        }
    ))
}

fn refuse(called: &str, what: &str) -> Error {
    Error::Checkpoint(format!("expected {called}, found {what}"))
}

/// Whether a tensor of this canonical name may be a parameter.
fn is_parameter(name: &str) -> bool {
    name.ends_with(".weight") || name.ends_with(".bias") || name.ends_with("bias_table")
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
