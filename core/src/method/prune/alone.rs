//! What the loss gains without each unit alone.

use super::{
    items::{Batch, Scored},
    without::{Losses, Without, without},
};
use crate::{
    Result,
    float::{Factors, host},
};

/// The gain of the mean cross-entropy without each unit of `group`.
pub(super) fn losses(scored: &Scored, group: usize) -> Result<Losses> {
    let units = &scored.groups[group];
    let items: usize = scored.batches.iter().map(|batch| batch.classes.len()).sum();
    let mut all = vec![[0.0; 2]; units.count];
    for batch in &scored.batches {
        let baseline = scored.baseline(batch, &Factors::new())?;
        let logits = scored.logits();
        let before = entropy(&host(baseline.value(logits).clone()), batch);
        let part = without(
            scored,
            &baseline,
            units,
            &[logits],
            usize::MAX,
            &|found: &Without| {
                let values = host(found.values[0].clone());
                let each = values.chunks(values.len() / found.count);
                each.map(|logits| [entropy(logits, batch) - before, 0.0])
                    .collect()
            },
        )?;
        for (all, part) in all.iter_mut().zip(part) {
            all[0] += part[0] / items as f64;
        }
    }
    Ok(all)
}

/// The sum of the cross-entropies of a batch.
fn entropy(logits: &[f32], batch: &Batch) -> f64 {
    let classes = logits.len() / batch.classes.len();
    let rows = logits.chunks(classes).zip(&batch.classes);
    rows.map(|(row, &class)| cross_entropy(row, class)).sum()
}

/// That of an item with `logits`, whose class is `class`.
pub(super) fn cross_entropy(logits: &[f32], class: usize) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps = logits.iter().map(|&value| f64::from(value - most).exp());
    exps.sum::<f64>().ln() - f64::from(logits[class] - most)
}
