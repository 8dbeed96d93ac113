//! Units that stay, scaled to make up for those that went (the third stage of arXiv 2204.09656).

use burn::{Tensor, tensor::Device};

use super::{
    cut::scale,
    items::{Batch, Items, Scored},
};
use crate::{
    FloatModel, Result,
    cholesky::{solve, triangular},
    float::{Baseline, Factors, host, places},
    graph::{Layer, Units},
};

/// The share of the mean of the diagonal that is added to it.
const DAMPING: f64 = 0.01;

/// The largest factor; where a layer would need a larger one, it and those after it stay as they are.
const LARGEST: f64 = 10.0;

/// `student` with its units scaled, layer by layer from the first, so that each sum of a residual and its branch is as
/// near to that of `teacher`, a larger model of the same branches, as least squares make it; and how many layers were. The
/// factors go into weights. `seen` is told when a layer is done.
///
/// # Errors
/// The first of `seen`, or if the items do not fit.
pub(super) fn tuned(
    mut student: FloatModel,
    teacher: &FloatModel,
    items: Items,
    batch: usize,
    seen: &mut dyn FnMut() -> Result<()>,
) -> Result<(FloatModel, usize)> {
    let device = Device::flex();
    let teacher = Scored::new(teacher, items, batch, &device)?;
    let mut scored = Scored::new(&student, items, batch, &device)?;
    let mut tuned = 0;
    for group in 0..scored.groups.len() {
        match factors(&scored, &teacher, group)? {
            Fit::Nothing => {}
            Fit::Unsound => break,
            Fit::Factors(factors) => {
                student = scale(student, &scored.groups[group], &factors)?;
                scored.take(&student)?;
                tuned += 1;
            }
        }
        seen()?;
    }
    Ok((student, tuned))
}

/// What least squares find for a layer.
enum Fit {
    /// It gives nothing that could be scaled.
    Nothing,
    /// A factor that is too large, or none at all.
    Unsound,
    /// A factor for each unit.
    Factors(Vec<f64>),
}

/// The factors of the units of one group.
fn factors(student: &Scored, teacher: &Scored, group: usize) -> Result<Fit> {
    let units = &student.groups[group];
    let all = units.count * units.channels;
    let site = &student.graph.nodes()[units.after].site;
    let weight = student.parameters.matrix(&format!("{site}.weight"))?;
    let mut together = vec![0.0f64; all * all];
    let mut towards = vec![0.0f64; all];
    for (batch, theirs) in student.batches.iter().zip(&teacher.batches) {
        // Nothing after the sum is needed.
        let own = student.baseline_until(batch, &Factors::new(), units.add)?;
        let other = teacher.baseline_until(theirs, &Factors::new(), units.add)?;
        let rows = rows(student, units, batch, &own);
        let made = picked(own.value(units.node), &rows);
        let goal = picked(other.value(units.add), &rows);
        let far = goal - picked(own.value(units.add), &rows);
        let add = |sums: &mut [f64], values: Vec<f32>| {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += f64::from(value);
            }
        };
        add(
            &mut together,
            host(made.clone().transpose().matmul(made.clone())),
        );
        // Of each channel what it gives times what is wanted of it.
        let wanted = made * far.matmul(weight.clone());
        add(&mut towards, host(wanted.sum_dim(0)));
    }
    let weights = host(weight.clone().transpose().matmul(weight));
    let of = |unit: usize| unit * units.channels..(unit + 1) * units.channels;
    let mut matrix: Vec<Vec<f64>> = (0..units.count)
        .map(|a| {
            let entry = |b: usize| {
                let pairs = of(a).flat_map(|c| of(b).map(move |d| c * all + d));
                pairs
                    .map(|at| together[at] * f64::from(weights[at]))
                    .sum::<f64>()
            };
            (0..=a).map(entry).collect()
        })
        .collect();
    let mean = (0..units.count).map(|unit| matrix[unit][unit]).sum::<f64>() / units.count as f64;
    if mean == 0.0 {
        return Ok(Fit::Nothing);
    }
    for (unit, row) in matrix.iter_mut().enumerate() {
        row[unit] += DAMPING * mean;
    }
    let right: Vec<f64> = (0..units.count)
        .map(|unit| towards[of(unit)].iter().sum())
        .collect();
    if !triangular(&mut matrix) {
        return Ok(Fit::Unsound);
    }
    let factors: Vec<f64> = solve(&matrix, &right)
        .iter()
        .map(|change| 1.0 + change)
        .collect();
    Ok(match factors.iter().all(|factor| factor.abs() <= LARGEST) {
        true => Fit::Factors(factors),
        false => Fit::Unsound,
    })
}

/// The rows of a batch that count: no filler, and where some tokens alone are read on, theirs.
pub(super) fn rows(
    scored: &Scored,
    units: &Units,
    batch: &Batch,
    baseline: &Baseline,
) -> Vec<usize> {
    let [items, tokens, _] = baseline.value(units.add).dims();
    let readers = scored.graph.readers(units.add).iter();
    let picks: Option<Vec<&[usize]>> = readers
        .map(|&reader| match &scored.graph.nodes()[reader].layer {
            Layer::Pick { token } => Some(std::slice::from_ref(token)),
            Layer::Select { tokens } => Some(tokens.as_slice()),
            _ => None,
        })
        .collect();
    let picks = picks.map(|picks| picks.concat());
    let counts = |row: &usize| {
        let (item, token) = (row / tokens, row % tokens);
        let own = batch
            .lengths
            .as_ref()
            .is_none_or(|lengths| token < lengths[item]);
        own && picks.as_ref().is_none_or(|picks| picks.contains(&token))
    };
    (0..items * tokens).filter(counts).collect()
}

pub(super) fn picked(value: &Tensor<3>, rows: &[usize]) -> Tensor<2> {
    let [items, tokens, channels] = value.dims();
    value
        .clone()
        .reshape([items * tokens, channels])
        .select(0, places(rows, &value.device()))
}
