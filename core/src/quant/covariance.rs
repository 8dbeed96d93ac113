//! How the channels of an activation vary together.

#[cfg(not(target_family = "wasm"))]
use rayon::prelude::*;

use crate::cholesky::{dot, triangular};

/// Rows that are added at once: with a wide activation they stay in the second cache.
const BLOCK: usize = 64;

/// Rows that one pass over a sum takes.
const ROWS: usize = 4;

/// The sums of products of each two channels.
#[derive(Clone, Debug)]
pub(super) struct Covariance {
    channels: usize,
    rows: u64,
    /// The first row: values are counted from there on, so that little is lost of channels whose mean is far from 0.
    origin: Vec<f32>,
    sums: Vec<f64>,
    /// Of each channel the sums with itself and the channels before it.
    products: Vec<Vec<f32>>,
}

impl Covariance {
    pub(super) fn new(channels: usize) -> Self {
        Self {
            channels,
            rows: 0,
            origin: Vec::new(),
            sums: vec![0.0; channels],
            products: (0..channels).map(|c| vec![0.0; c + 1]).collect(),
        }
    }

    /// Adds rows of values.
    pub(super) fn add(&mut self, values: &[f32]) {
        let channels = self.channels;
        if self.origin.is_empty() {
            self.origin = values[..channels.min(values.len())].to_vec();
        }
        self.rows += (values.len() / channels) as u64;
        for block in values.chunks(BLOCK * channels) {
            let rows = block.chunks_exact(channels);
            let moved = rows.flat_map(|row| row.iter().zip(&self.origin).map(|(x, from)| x - from));
            let block: Vec<f32> = moved.collect();
            for row in block.chunks_exact(channels) {
                for (sum, &value) in self.sums.iter_mut().zip(row) {
                    *sum += f64::from(value);
                }
            }
            let add = |(c, products): (usize, &mut Vec<f32>)| {
                let mut rows = block.chunks_exact(channels);
                while let Some(first) = rows.next() {
                    // Past the last row there are zeros.
                    let rest: [_; ROWS - 1] = std::array::from_fn(|_| rows.next());
                    let factor = |row: Option<&[f32]>| row.map_or(0.0, |row| row[c]);
                    let factors = [first[c], factor(rest[0]), factor(rest[1]), factor(rest[2])];
                    let [a, b, d, e] = [Some(first), rest[0], rest[1], rest[2]]
                        .map(|row| &row.unwrap_or(first)[..=c]);
                    let others = a.iter().zip(b).zip(d).zip(e);
                    for (product, (((a, b), d), e)) in products.iter_mut().zip(others) {
                        *product +=
                            factors[0] * a + factors[1] * b + factors[2] * d + factors[3] * e;
                    }
                }
            };
            #[cfg(not(target_family = "wasm"))]
            self.products.par_iter_mut().enumerate().for_each(add);
            #[cfg(target_family = "wasm")]
            self.products.iter_mut().enumerate().for_each(add);
        }
    }

    /// The mean of the products of the channels `a` and `b`, less their means if `centred`.
    fn between(&self, a: usize, b: usize, centred: bool) -> f64 {
        let count = self.rows.max(1) as f64;
        let mean = |c: usize| self.sums[c] / count;
        let covariance = f64::from(self.products[a.max(b)][a.min(b)]) / count - mean(a) * mean(b);
        let whole = |c: usize| mean(c) + f64::from(self.origin.get(c).copied().unwrap_or(0.0));
        match centred {
            true => covariance,
            false => covariance + whole(a) * whole(b),
        }
    }

    /// What the errors of weights on channels in units of `scale` come to in the output, for [`Compensation`]: the
    /// covariance with a share of its mean variance ([`DAMPING`]) added to each channel's own (arXiv 2210.17323), as a
    /// triangle. If they are not `centred`, because no bias makes up for the mean error, with the means.
    ///
    /// None if nothing is left of it, as of centred channels that never vary.
    pub(super) fn compensation(&self, scale: &[f64], centred: bool) -> Option<Compensation> {
        let channels = self.channels;
        let between = |a: usize, b: usize| self.between(a, b, centred) / (scale[a] * scale[b]);
        let own: Vec<f64> = (0..channels).map(|c| between(c, c).max(0.0)).collect();
        let mean = own.iter().sum::<f64>() / channels as f64;
        if !(mean.is_finite() && mean > 0.0) {
            return None;
        }
        // The largest first: what is left for the last to make up for is least.
        let mut order: Vec<usize> = (0..channels).collect();
        order.sort_by(|&a, &b| own[b].total_cmp(&own[a]));
        // In reversed order, so that R is upper triangular in this one.
        let reversed: Vec<usize> = order.iter().rev().copied().collect();
        // Sums are rounded, so that a matrix may need more to be positive.
        let factor = DAMPING.iter().find_map(|share| {
            let mut factor = each(channels, |i| {
                let value = |j: usize| match i == j {
                    true => own[reversed[i]] + share * mean,
                    false => between(reversed[i], reversed[j]),
                };
                (0..=i).map(value).collect::<Vec<_>>()
            });
            triangular(&mut factor).then_some(factor)
        })?;
        // By channel: its column of R, from the first channel in order to itself.
        let mut columns = vec![Vec::new(); channels];
        for (k, column) in columns.iter_mut().enumerate() {
            let at = channels - 1 - k;
            *column = (0..=k).map(|i| factor[channels - 1 - i][at]).collect();
        }
        Some(Compensation { order, columns })
    }
}

/// The shares of the mean variance that are added to each, the next where one is too little.
const DAMPING: [f64; 4] = [0.01, 0.1, 1.0, 10.0];

/// What `make` makes of the numbers below `count`.
pub(super) fn each<T: Send>(count: usize, make: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    #[cfg(not(target_family = "wasm"))]
    return (0..count).into_par_iter().map(make).collect();
    #[cfg(target_family = "wasm")]
    (0..count).map(make).collect()
}

/// Rounds weights one after the other so that each makes up for the errors of those before it: OPTQ
/// (arXiv 2210.17323), in its form as the nearest plane of a lattice.
///
/// With the covariance of inputs `R R^T`, R upper triangular, the mean squared error of an output is
/// `|e R|^2`, e being the errors of its weights. Its part k has the errors up to weight k alone, so rounding
/// `w_k + sum_(i<k) e_i R_ik / R_kk` makes that part least.
pub(super) struct Compensation {
    /// The order in which weights are rounded.
    order: Vec<usize>,
    /// In that order, column k of R: k + 1 values.
    columns: Vec<Vec<f64>>,
}

impl Compensation {
    /// `weights` in units, rounded to int8.
    pub(super) fn round(&self, weights: &[f64]) -> Vec<i8> {
        let mut rounded = vec![0; weights.len()];
        let mut errors = Vec::with_capacity(weights.len());
        for (&channel, column) in self.order.iter().zip(&self.columns) {
            let (before, own) = column.split_at(errors.len());
            let wanted = weights[channel] + dot(&errors, before) / own[0];
            let int = wanted.round().clamp(-127.0, 127.0);
            rounded[channel] = int as i8;
            errors.push(weights[channel] - int);
        }
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Random;

    /// Rows whose channels follow one another, with means.
    fn rows(channels: usize, count: usize) -> Vec<f32> {
        let mut random = Random(5);
        let mut values = Vec::new();
        for _ in 0..count {
            let mut last = random.normal();
            for c in 0..channels {
                last = 0.9 * last + 0.4 * random.normal();
                values.push(last * (1.0 + c as f32 / 4.0) + c as f32);
            }
        }
        values
    }

    fn covariance(channels: usize, values: &[f32]) -> Covariance {
        let mut covariance = Covariance::new(channels);
        // Blocks of many sizes.
        let (first, rest) = values.split_at(7 * channels);
        covariance.add(first);
        covariance.add(rest);
        covariance
    }

    #[test]
    fn channels_vary_together_as_counted_one_by_one() {
        let (channels, count) = (5, 203);
        let values = rows(channels, count);
        let found = covariance(channels, &values);
        let column = |c: usize| {
            values
                .iter()
                .skip(c)
                .step_by(channels)
                .map(|&v| f64::from(v))
        };
        let mean = |c: usize| column(c).sum::<f64>() / count as f64;
        for (a, b) in (0..channels).flat_map(|a| (0..channels).map(move |b| (a, b))) {
            let products = column(a)
                .zip(column(b))
                .map(|(x, y)| (x - mean(a)) * (y - mean(b)));
            let expected = products.sum::<f64>() / count as f64;
            assert!(
                (found.between(a, b, true) - expected).abs() < 1e-3,
                "{a} {b}"
            );
        }
    }

    #[test]
    fn channels_whose_mean_is_far_from_zero_keep_their_variance() {
        // 400,000 rows of a mean that is 220 times as large as what varies.
        let mut random = Random(7);
        let mut covariance = Covariance::new(2);
        for _ in 0..400 {
            let rows = (0..1000).flat_map(|_| {
                let x = random.normal();
                [2.2 + 0.01 * x, -2.2 - 0.01 * x]
            });
            covariance.add(&rows.collect::<Vec<_>>());
        }
        let variance = covariance.between(0, 0, true);
        assert!((0.98e-4..1.02e-4).contains(&variance), "{variance}");
        assert!((covariance.between(0, 1, true) + variance).abs() < 2e-6);
        assert!((covariance.between(0, 1, false) + 2.2 * 2.2).abs() < 1e-2);
    }

    #[test]
    fn errors_are_made_up_for() {
        let channels = 24;
        let values = rows(channels, 500);
        let covariance = covariance(channels, &values);
        let scale: Vec<f64> = (0..channels).map(|c| 0.01 + 0.001 * c as f64).collect();
        let compensation = covariance.compensation(&scale, true).unwrap();
        // The mean squared error of outputs, less that of their means.
        let error = |weights: &[f64], ints: &[i8]| -> f64 {
            let errors: Vec<f64> = (0..channels)
                .map(|c| (weights[c] - f64::from(ints[c])) / scale[c])
                .collect();
            let pairs = (0..channels).flat_map(|a| (0..channels).map(move |b| (a, b)));
            pairs
                .map(|(a, b)| errors[a] * errors[b] * covariance.between(a, b, true))
                .sum()
        };
        let mut random = Random(9);
        let mut sums = [0.0; 2];
        for _ in 0..50 {
            let weights: Vec<f64> = (0..channels)
                .map(|_| f64::from(40.0 * random.normal()).clamp(-127.0, 127.0))
                .collect();
            let nearest: Vec<i8> = weights.iter().map(|w| w.round() as i8).collect();
            sums[0] += error(&weights, &nearest);
            sums[1] += error(&weights, &compensation.round(&weights));
        }
        assert!(sums[1] < 0.4 * sums[0], "{sums:?}");
    }

    #[test]
    fn channels_that_vary_alone_are_rounded_to_the_nearest() {
        let channels = 6;
        let mut covariance = Covariance::new(channels);
        for c in 0..channels {
            for sign in [-1.0, 1.0] {
                let mut row = vec![0.0; channels];
                row[c] = sign;
                covariance.add(&row);
            }
        }
        let compensation = covariance.compensation(&vec![1.0; channels], true).unwrap();
        let weights = [0.4, -1.6, 126.9, -200.0, 3.5, 0.0];
        assert_eq!(compensation.round(&weights), [0, -2, 127, -127, 4, 0]);
    }

    #[test]
    fn channels_that_never_vary_have_none() {
        let mut covariance = Covariance::new(3);
        covariance.add(&[1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        assert!(covariance.compensation(&[1.0; 3], true).is_none());
        assert!(covariance.compensation(&[1.0; 3], false).is_some());
    }
}
