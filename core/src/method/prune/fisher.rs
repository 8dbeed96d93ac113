//! The empirical Fisher information of masks (arXiv 2204.09656).

use burn::{
    Tensor,
    tensor::{TensorData, activation::log_softmax},
};
use rayon::prelude::*;

use super::items::{Batch, Scored};
use crate::{
    Error, Result,
    float::{Factors, host},
};

/// Rows of tokens that run at once, of whole batches, on however many threads: all values of a pass are held.
const ROWS: usize = 8192;

/// By group and unit, the gradient of each item's cross-entropy by what the unit's output is multiplied by, at 1.
pub type Gradients = Vec<Vec<Vec<f32>>>;

/// The gradients of `scored`, whose device keeps them.
///
/// Each item has masks of its own, so that one backward pass gives the gradients of all of them. (The published code
/// squares that of a batch's mean loss.)
pub(super) fn gradients(scored: &Scored) -> Result<Gradients> {
    let mut parts = Vec::with_capacity(scored.batches.len());
    let most = scored.batches.iter().map(|batch| scored.rows(batch)).max();
    let at_once = (ROWS / most.unwrap_or(1).max(1)).max(1);
    for some in scored.batches.chunks(at_once) {
        let found = some.par_iter().map(|batch| of_batch(scored, batch));
        parts.extend(found.collect::<Result<Vec<_>>>()?);
    }
    let mut all: Gradients = scored
        .groups
        .iter()
        .map(|units| vec![Vec::new(); units.count])
        .collect();
    for part in parts {
        for (all, part) in all.iter_mut().flatten().zip(part.into_iter().flatten()) {
            all.extend(part);
        }
    }
    Ok(all)
}

/// The mean square of each unit's gradients.
pub fn information(gradients: &Gradients) -> Vec<Vec<f64>> {
    let mean = |values: &Vec<f32>| {
        let squares = values.iter().map(|&value| f64::from(value).powi(2));
        squares.sum::<f64>() / values.len().max(1) as f64
    };
    let group = |units: &Vec<Vec<f32>>| units.iter().map(mean).collect();
    gradients.iter().map(group).collect()
}

fn of_batch(scored: &Scored, batch: &Batch) -> Result<Gradients> {
    let count = batch.count;
    let site = |id: usize| scored.graph.nodes()[id].site.clone();
    let masks: Factors = scored
        .groups
        .iter()
        .map(|units| {
            let shape = [count, 1, units.count * units.channels];
            let ones: Tensor<3> = Tensor::ones(shape, &scored.device);
            (site(units.node), ones.require_grad())
        })
        .collect();
    let baseline = scored.baseline(batch, &masks)?;
    let logits = baseline.value(scored.logits()).clone();
    // Of a dense model an item's loss is the sum of its cells'; rows of learned tokens are of none.
    let rows = logits.dims()[1];
    let each = batch.classes.len() / count;
    let first = rows - each;
    let logits: Tensor<2> = logits
        .narrow(1, first, each)
        .reshape([count * each, scored.classes]);
    let mut targets = vec![0.0f32; count * each * scored.classes];
    for (row, &class) in targets.chunks_mut(scored.classes).zip(&batch.classes) {
        if let Some(target) = row.get_mut(class) {
            *target = 1.0;
        }
    }
    let targets = TensorData::new(targets, [count * each, scored.classes]);
    let targets = Tensor::from_data(targets, &scored.device);
    let loss = (log_softmax(logits, 1) * targets).sum().neg();
    let gradients = loss.backward();
    let group = |units: &crate::graph::Units| {
        let mask = &masks[&site(units.node)];
        let gradient = mask.grad(&gradients).ok_or_else(|| {
            Error::Prune(format!(
                "expected a gradient of {}, found none",
                site(units.node)
            ))
        })?;
        let values = host(gradient);
        let all = units.count * units.channels;
        let unit = |unit: usize| {
            let item = |row: &[f32]| row[unit * units.channels..][..units.channels].iter().sum();
            values.chunks(all).map(item).collect::<Vec<f32>>()
        };
        Ok((0..units.count).map(unit).collect())
    };
    scored.groups.iter().map(group).collect()
}

/// As many of a group's units as are `kept`, chosen by how their gradients go together (the second stage of
/// arXiv 2204.09656): of those that go, the squared norm of the sum of gradients, which is what the loss gains without
/// them to second order, is made small by exchanging them one by one for those that stay.
pub fn rearranged(gradients: &[Vec<f32>], kept: &[usize]) -> Vec<usize> {
    let information: Vec<f64> = information(&vec![gradients.to_vec()]).concat();
    let mut order: Vec<usize> = (0..gradients.len()).collect();
    order.sort_by(|&a, &b| information[a].total_cmp(&information[b]).then(a.cmp(&b)));
    let (gone, rest) = order.split_at(gradients.len() - kept.len());
    let mut gone = gone.to_vec();
    if gone.is_empty() || rest.is_empty() {
        return kept.to_vec();
    }
    let items = gradients[0].len();
    let mut sum = vec![0.0f64; items];
    let add = |sum: &mut [f64], unit: usize, sign: f64| {
        for (sum, &value) in sum.iter_mut().zip(&gradients[unit]) {
            *sum += sign * f64::from(value);
        }
    };
    gone.iter().for_each(|&unit| add(&mut sum, unit, 1.0));
    for &unit in rest {
        add(&mut sum, unit, 1.0);
        gone.push(unit);
        // |sum - g|^2 but for |sum|^2.
        let left: Vec<f64> = gone
            .par_iter()
            .with_min_len(64)
            .map(|&unit| {
                let values = gradients[unit].iter().map(|&value| f64::from(value));
                values.zip(&sum).map(|(g, sum)| g * (g - 2.0 * sum)).sum()
            })
            .collect();
        let best = (0..left.len()).min_by(|&a, &b| left[a].total_cmp(&left[b]));
        let stays = gone.remove(best.unwrap_or_default());
        add(&mut sum, stays, -1.0);
    }
    (0..gradients.len())
        .filter(|unit| !gone.contains(unit))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units whose gradients cancel go together, though alone each counts for more than another that stays.
    #[test]
    fn units_that_cancel_go_together() {
        let gradients = vec![
            vec![1.0, -1.0, 1.0],
            vec![0.9, 0.9, 0.9],
            vec![-1.0, 1.0, -1.0],
            vec![0.8, -0.2, 0.9],
        ];
        let norm = |gone: &[usize]| -> f32 {
            let sum = |item: usize| gone.iter().map(|&unit| gradients[unit][item]).sum::<f32>();
            (0..3).map(|item| sum(item).powi(2)).sum()
        };
        let kept = rearranged(&gradients, &[0, 2]);
        assert_eq!(kept, [0, 1]);
        assert!(norm(&[2, 3]) < norm(&[1, 3]));
        // As many as before, and all or none change nothing.
        assert_eq!(rearranged(&gradients, &[0, 1, 2, 3]), [0, 1, 2, 3]);
        assert_eq!(rearranged(&gradients, &[]), [0usize; 0]);
    }
}
