//! How far the answers are from the model's without each unit alone.

use super::{
    items::Scored,
    trajectory::divergence,
    without::{Losses, Without, without},
};
use crate::{
    Result,
    float::{Factors, host},
};

/// `KL(answers || answers without it)` of each unit of `group`, the mean over items.
pub(super) fn losses(scored: &Scored, group: usize) -> Result<Losses> {
    let units = &scored.groups[group];
    let items: usize = scored.batches.iter().map(|batch| batch.count).sum();
    let mut all = vec![[0.0; 2]; units.count];
    for batch in &scored.batches {
        let baseline = scored.baseline(batch, &Factors::new())?;
        let wanted = scored.logits();
        let whole = scored.answers(host(baseline.value(wanted).clone()));
        let share = batch.count as f64 / items as f64;
        let measure = |found: &Without| {
            let values = scored.answers(host(found.values[0].clone()));
            let each = values.chunks(whole.len());
            each.map(|changed| {
                [
                    share * divergence(&whole, changed, scored.classes, 1.0),
                    0.0,
                ]
            })
            .collect()
        };
        let part = without(scored, &baseline, units, &[wanted], usize::MAX, &measure)?;
        for (all, part) in all.iter_mut().zip(part) {
            all[0] += part[0];
        }
    }
    Ok(all)
}
