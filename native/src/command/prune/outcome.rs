//! What a pruning has left, for people.

use std::fmt::Write;

use anyhow::Result;
use intformer::{
    FloatModel,
    float::{self, Samples},
    method::prune::{Items, PruneReport},
};
use serde::Serialize;

use crate::largest::largest;

/// Right answers on the items that the model was pruned by.
#[derive(Serialize)]
pub struct Kept {
    /// The share before and after; none without labels.
    pub top1: Option<[f64; 2]>,
    /// The share that are as before.
    pub agrees: f64,
}

/// The class of each item, or of each of its cells, that has the largest logit.
pub fn answers(model: &FloatModel, samples: Samples) -> Result<Vec<usize>> {
    let logits = float::logits(model, samples)?;
    let classes = model.config.classes();
    let before = model
        .config
        .cells()
        .map_or(0, |cells| cells.first * classes);
    let rows = logits
        .iter()
        .flat_map(|item| item[before..].chunks(classes));
    Ok(rows.map(largest).collect())
}

impl Kept {
    /// Of both models on `items`, which are `labelled` or have the answers of `model`.
    pub fn of(
        model: &FloatModel,
        pruned: &FloatModel,
        items: Items,
        labelled: bool,
    ) -> Result<Self> {
        let [before, after] = [model, pruned].map(|model| answers(model, items.samples()));
        let (before, after) = (before?, after?);
        let share = |a: &[usize], b: &[usize]| {
            let known = a.iter().zip(b).filter(|(_, b)| **b != Items::NO_CLASS);
            let (all, same) = known.fold((0, 0), |(all, same), (a, b)| {
                (all + 1, same + usize::from(a == b))
            });
            same as f64 / f64::from(all.max(1))
        };
        let right = [&before, &after].map(|answers| share(answers, items.classes()));
        Ok(Self {
            top1: labelled.then_some(right),
            agrees: share(&before, &after),
        })
    }
}

/// The most bytes of memory that this process has had, if the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The report on some items of a `kind`.
pub fn text(report: &PruneReport, kind: &str, kept: &Kept) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "{:<24} {:>14} {:>16}", "block", "heads", "hidden")?;
    for block in &report.blocks {
        let [heads, hidden] = [block.heads, block.hidden].map(|[a, b]| format!("{a} -> {b}"));
        writeln!(text, "{:<24} {heads:>14} {hidden:>16}", block.site)?;
    }
    if !report.patches.is_empty() {
        let patches: Vec<String> = report.patches.iter().map(usize::to_string).collect();
        writeln!(text, "\npatches by block: {}", patches.join(" "))?;
    }
    let [before, after] = report.macs.map(|macs| macs as f64 / 1e6);
    let share = 100.0 * after / before;
    let texts = match kind {
        "texts" => format!(" of a text of {} tokens", report.tokens),
        _ => String::new(),
    };
    writeln!(
        text,
        "\nmultiply-adds{texts}: {before:.2} M -> {after:.2} M ({share:.1} %)"
    )?;
    if let Some(times) = &report.options.times
        && let Some([before, after]) = report.nanoseconds
    {
        let share = 100.0 * after as f64 / before as f64;
        let [before, after] = [before, after].map(|time| time as f64 / 1e6);
        writeln!(
            text,
            "time by the table: {before:.3} ms -> {after:.3} ms ({share:.1} %), {}",
            times.machine
        )?;
    }
    let [before, after] = report.parameters;
    let share = 100.0 * after as f64 / before as f64;
    writeln!(text, "parameters: {before} -> {after} ({share:.1} %)")?;
    let top1 = match kept.top1.map(|shares| shares.map(|share| 100.0 * share)) {
        Some([before, after]) => format!("top-1 {before:.2} % -> {after:.2} %, "),
        None => String::new(),
    };
    writeln!(
        text,
        "on the {} {kind} it was pruned by: {top1}{:.2} % of the answers as before",
        report.items,
        100.0 * kept.agrees
    )?;
    if report.options.tune {
        let left = report
            .blocks
            .iter()
            .flat_map(|block| [block.heads[1], block.hidden[1]]);
        let layers = left.filter(|&units| units > 0).count();
        writeln!(text, "scaled: {} of {layers} layers", report.tuned)?;
    }
    writeln!(
        text,
        "{} passes of a batch, {:.1} s",
        report.passes, report.seconds
    )?;
    Ok(text)
}
