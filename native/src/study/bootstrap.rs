//! Intervals by the bootstrap: what other test examples, and other seeds, might have given.

use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};

/// Draws of all examples and seeds.
const DRAWS: usize = 2000;

/// A mean between the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Whether some models were right about each example of a test: a row for each seed, all as long.
pub type Rights = Vec<Vec<bool>>;

/// By how much the first of each pair is right more often than the second, as the mean over the pairs, each of which has
/// examples of its own: the share of the mean seed. Examples and seeds are drawn anew, with replacement; both of
/// a pair have the same examples, and the same seeds if they have as many. None without pairs, or of an empty one.
pub fn difference(pairs: &[(Rights, Rights)]) -> Option<Interval> {
    let whole = |rights: &Rights| {
        let right = rights.iter().flatten().filter(|right| **right).count();
        right as f64 / rights.iter().map(Vec::len).sum::<usize>() as f64
    };
    let gains = pairs.iter().map(|(a, b)| whole(a) - whole(b));
    let mean = gains.sum::<f64>() / pairs.len() as f64;
    if !mean.is_finite() {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut draw = || -> f64 {
        let gains = pairs.iter().map(|(a, b)| {
            let [of_a, of_b] = [a, b].map(|rights| {
                let places = (0..rights.len()).map(|_| random.random_range(0..rights.len()));
                places.collect::<Vec<_>>()
            });
            let of_b = if a.len() == b.len() { &of_a } else { &of_b };
            let count = a[0].len();
            let mut right = [0usize; 2];
            for _ in 0..count {
                let at = random.random_range(0..count);
                right[0] += of_a.iter().filter(|seed| a[**seed][at]).count();
                right[1] += of_b.iter().filter(|seed| b[**seed][at]).count();
            }
            let share = |right: usize, seeds: &[usize]| right as f64 / (seeds.len() * count) as f64;
            share(right[0], &of_a) - share(right[1], of_b)
        });
        gains.sum::<f64>() / pairs.len() as f64
    };
    let mut draws: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    draws.sort_unstable_by(f64::total_cmp);
    let end = |share: f64| draws[(share * (DRAWS - 1) as f64).round() as usize];
    Some(Interval {
        mean,
        low: end(0.025),
        high: end(0.975),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(seeds: usize, count: usize, right: impl Fn(usize, usize) -> bool) -> Rights {
        let row = |seed| (0..count).map(|at| right(seed, at)).collect();
        (0..seeds).map(row).collect()
    }

    #[test]
    fn the_same_answers_differ_by_nothing() {
        let some = rights(3, 50, |seed, at| (seed + at) % 3 > 0);
        let found = difference(&[(some.clone(), some)]).unwrap();
        assert_eq!((found.mean, found.low, found.high), (0.0, 0.0, 0.0));
    }

    /// Of two independent shares of n examples the standard error is known.
    #[test]
    fn the_interval_is_that_of_the_normal_approximation() {
        let count = 1000;
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut row = |share: f64| vec![(0..count).map(|_| random.random_bool(share)).collect()];
        let pair: (Rights, Rights) = (row(0.9), row(0.8));
        let found = difference(&[pair]).unwrap();
        let error = ((0.9 * 0.1 + 0.8 * 0.2) / count as f64).sqrt();
        let width = (found.high - found.low) / (2.0 * 1.96 * error);
        assert!((0.9..1.1).contains(&width), "{width}");
        assert!((found.mean - 0.1).abs() < 4.0 * error);
    }

    #[test]
    fn pairs_count_alike_and_nothing_has_no_interval() {
        let all = |right: bool, seeds, count| rights(seeds, count, |_, _| right);
        let pairs = [
            (all(true, 3, 10), all(false, 1, 10)),
            (all(true, 3, 1000), all(true, 3, 1000)),
        ];
        assert_eq!(difference(&pairs).unwrap().mean, 0.5);
        assert_eq!(difference(&[]), None);
        assert_eq!(difference(&[(Vec::new(), all(true, 1, 4))]), None);
    }
}
