//! Which of a file's tensors are the model: under any prefix, beside whatever a trainer keeps.
//!
//! A model is found by a tensor that all of its kind have. What stands before that in its name is
//! the prefix of all its tensors: keys of wrappers (`state_dict.`), of modules around the model
//! (`module.`, `_orig_mod.`, `backbone.`), in any order.

use std::collections::{BTreeMap, BTreeSet};

use super::Weights;
use crate::{Error, Result};

/// Tensors of one model: prefix, and where each one lies by its name without the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) prefix: String,
    pub(super) names: BTreeMap<String, String>,
}

/// Parts of names of what a trainer keeps for its own sake.
const TRAINER: [&str; 17] = [
    "optim",
    "optimizer",
    "optimizers",
    "optimizer_states",
    "optimizer_state_dict",
    "exp_avg",
    "exp_avg_sq",
    "momentum_buffer",
    "lr_scheduler",
    "lr_schedulers",
    "scheduler",
    "scaler",
    "callbacks",
    "loops",
    "message_hub",
    "rng_state",
    "amp",
];

/// Whether a tensor belongs to a trainer and not to a model.
pub(super) fn is_trainer(name: &str) -> bool {
    name.split('.').any(|part| TRAINER.contains(&part))
}

/// Whether a prefix says that its tensors are averages over the training.
pub(super) fn is_averaged(prefix: &str) -> bool {
    let words = prefix.split(['.', '_']);
    words
        .map(str::to_ascii_lowercase)
        .any(|word| ["ema", "swa", "averaged", "shadow"].contains(&word.as_str()))
}

/// The prefixes of all models among `names` that have a tensor called `anchor`.
pub(super) fn prefixes<'a>(names: impl Iterator<Item = &'a str>, anchor: &str) -> BTreeSet<String> {
    names
        .filter(|name| !is_trainer(name))
        .filter_map(|name| name.strip_suffix(anchor))
        .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        .map(str::to_owned)
        .collect()
}

/// The prefix of the model to read out of `prefixes`, and a note if there was a choice.
pub(super) fn choose(
    prefixes: &BTreeSet<String>,
    averaged: impl Fn(&str) -> bool,
    weights: Option<Weights>,
) -> Result<(String, Option<String>)> {
    let (average, raw): (Vec<_>, Vec<_>) = prefixes.iter().partition(|prefix| averaged(prefix));
    let chosen = match (weights, average.is_empty(), raw.is_empty()) {
        (Some(Weights::Ema), true, _) => {
            return Err(Error::Checkpoint(
                "expected averaged weights (ema), found none".into(),
            ));
        }
        (Some(Weights::Raw), _, true) => {
            return Err(Error::Checkpoint(
                "expected weights that are not averaged (raw), found averaged ones alone".into(),
            ));
        }
        (Some(Weights::Raw), ..) | (None, true, _) => &raw,
        _ => &average,
    };
    // timm takes state_dict_ema before any other average.
    let first = chosen
        .iter()
        .find(|prefix| prefix.starts_with("state_dict_ema."));
    match (chosen.as_slice(), first) {
        (&[prefix], _) | (_, Some(&prefix)) => {
            let note = (!average.is_empty() && !raw.is_empty()).then(|| {
                let other = match averaged(prefix) {
                    true => {
                        "the averaged weights are read (--weights raw takes those of the last step)"
                    }
                    false => "the raw weights are read, as asked",
                };
                format!("{other}: {}", shown(prefix))
            });
            Ok((prefix.clone(), note))
        }
        (several, _) => Err(Error::Checkpoint(format!(
            "expected one model, found {}: {}",
            several.len(),
            several
                .iter()
                .take(4)
                .map(|prefix| shown(prefix))
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}

/// The tensors under `prefix`, and those of a head beside it: `outer` has the last part of such a
/// prefix and how the head is called.
pub(super) fn gather<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    prefix: &str,
    outer: &[(&str, &str)],
) -> Group {
    let inside = names
        .clone()
        .filter_map(|name| Some((name.strip_prefix(prefix)?.to_owned(), name.to_owned())));
    let mut group: BTreeMap<_, _> = inside.collect();
    for (last, head) in outer {
        let Some(parent) = around(prefix, last) else {
            continue;
        };
        let beside = names.clone().filter_map(|name| {
            let rest = name.strip_prefix(parent)?;
            rest.starts_with(head)
                .then(|| (rest.to_owned(), name.to_owned()))
        });
        group.extend(beside);
    }
    Group {
        prefix: prefix.to_owned(),
        names: group,
    }
}

/// What stands before `last` in `prefix`, if it ends so.
fn around<'a>(prefix: &'a str, last: &str) -> Option<&'a str> {
    let parent = prefix.strip_suffix(last)?;
    (parent.is_empty() || parent.ends_with('.')).then_some(parent)
}

/// How classifiers are called that someone puts behind a model.
const HEADS: [&str; 11] = [
    "fc",
    "cls",
    "head",
    "heads",
    "classifier",
    "cls_head",
    "classification_head",
    "linear",
    "last_linear",
    "out",
    "output",
];

/// A tensor beside a model that may be its head: called like one or numbered, in any module around the
/// model; where the model is `headless`, also whatever else is in the module right around it.
pub(super) fn beside<'a>(
    mut names: impl Iterator<Item = &'a str>,
    group: &Group,
    headless: bool,
) -> Option<&'a str> {
    let taken: BTreeSet<&str> = group.names.values().map(String::as_str).collect();
    let mut outer = group.prefix.trim_end_matches('.');
    // A wrapper of a wrapper holds the same model and nothing else.
    while let Some(rest) = outer
        .strip_suffix("_orig_mod")
        .or_else(|| outer.strip_suffix("module"))
    {
        outer = rest.trim_end_matches('.');
    }
    let parent = match outer.rsplit_once('.') {
        Some((parent, _)) => format!("{parent}."),
        None if outer.is_empty() => return None,
        None => String::new(),
    };
    let averaged = is_averaged(&group.prefix);
    let is_head = |name: &str| {
        // The first part in which the names part.
        let common = name.split('.').zip(group.prefix.split('.'));
        let common = common.take_while(|(a, b)| a == b).count();
        let part = name.split('.').nth(common).unwrap_or_default();
        HEADS.contains(&part) || part.parse::<usize>().is_ok()
    };
    names.find(|name| {
        (is_head(name) || (headless && name.starts_with(&parent)))
            && !taken.contains(name)
            && !is_trainer(name)
            && is_averaged(name) == averaged
            && (name.ends_with(".weight") || name.ends_with(".bias"))
    })
}

/// A prefix as a note shows it.
pub(super) fn shown(prefix: &str) -> String {
    match prefix.trim_end_matches('.') {
        "" => "the names without a prefix".to_owned(),
        prefix => format!("{prefix}.*"),
    }
}
