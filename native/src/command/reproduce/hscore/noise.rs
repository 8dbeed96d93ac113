//! Labels that are wrong on purpose, and how well a score finds them.

use rand::{RngExt, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

use super::results::Finder;

/// Points of a curve that are kept.
const POINTS: usize = 200;

/// `classes` with a share of them replaced by another of `count` classes, of which there are two or more, each as likely, and
/// which they are.
pub fn flip(classes: &[usize], count: usize, share: f64, seed: u64) -> (Vec<usize>, Vec<bool>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut flipped, mut which) = (classes.to_vec(), vec![false; classes.len()]);
    let some = (classes.len() as f64 * share).round() as usize;
    for at in index::sample(&mut random, classes.len(), some.min(classes.len())) {
        let other = random.random_range(0..count - 1);
        flipped[at] = other + usize::from(other >= classes[at]);
        which[at] = true;
    }
    (flipped, which)
}

/// How well `suspicion`, which is larger for what is more likely flipped, finds the `flipped`.
pub fn finder(name: &str, suspicion: &[f64], flipped: &[bool]) -> Finder {
    let of = |wanted: bool| {
        let pairs = suspicion.iter().zip(flipped);
        let mut some: Vec<f64> = pairs
            .filter(|(_, is)| **is == wanted)
            .map(|(s, _)| *s)
            .collect();
        some.sort_by(f64::total_cmp);
        some
    };
    let (found, others) = (of(true), of(false));
    // How often a value is above those of the other kind, where as large counts half.
    let placed = |value: f64, among: &[f64]| {
        let below = among.partition_point(|other| *other < value);
        let not_above = among.partition_point(|other| *other <= value);
        (below + not_above) as f64 / (2 * among.len()) as f64
    };
    let above: Vec<f64> = found.iter().map(|&value| placed(value, &others)).collect();
    let under: Vec<f64> = others
        .iter()
        .map(|&value| 1.0 - placed(value, &found))
        .collect();
    let area = above.iter().sum::<f64>() / above.len() as f64;
    let variance = |values: &[f64]| {
        let squares: f64 = values.iter().map(|value| (value - area).powi(2)).sum();
        squares / (values.len() as f64 - 1.0).max(1.0) / values.len() as f64
    };
    let variance = variance(&above) + variance(&under);
    let half = 1.96 * variance.sqrt();
    Finder {
        name: name.to_owned(),
        area,
        // Without a spread in the sample nothing is known of that of others.
        interval: (variance > 0.0).then(|| [(area - half).max(0.0), (area + half).min(1.0)]),
        curve: curve(suspicion, flipped),
    }
}

/// Share of all that were looked at and share of the flipped among them, the most suspicious first; those that are as
/// suspicious come together.
fn curve(suspicion: &[f64], flipped: &[bool]) -> Vec<[f64; 2]> {
    let mut order: Vec<usize> = (0..suspicion.len()).collect();
    order.sort_by(|&a, &b| suspicion[b].total_cmp(&suspicion[a]));
    let [all, of] = [flipped.len(), flipped.iter().filter(|is| **is).count()];
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    let (mut looked, mut found) = (0, 0);
    let mut points = vec![[0.0, 0.0]];
    for same in order.chunk_by(|&a, &b| suspicion[a] == suspicion[b]) {
        looked += same.len();
        found += same.iter().filter(|&&at| flipped[at]).count();
        points.push([share(looked, all), share(found, of)]);
    }
    let (last, step) = (points.len() - 1, points.len().div_ceil(POINTS));
    let kept = points
        .iter()
        .enumerate()
        .filter(|(at, _)| at % step == 0 || *at == last);
    kept.map(|(_, point)| *point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_labels_are_flipped_as_are_asked_for() {
        let classes: Vec<usize> = (0..1000).map(|at| at % 3).collect();
        let (flipped, which) = flip(&classes, 3, 0.1, 7);
        assert_eq!(which.iter().filter(|is| **is).count(), 100);
        for at in 0..1000 {
            assert!(flipped[at] < 3);
            assert_eq!(flipped[at] != classes[at], which[at]);
        }
        assert_eq!(flip(&classes, 3, 0.1, 7).0, flipped);
        assert_ne!(flip(&classes, 3, 0.1, 8).0, flipped);
    }

    #[test]
    fn the_area_is_how_often_a_flipped_label_is_more_suspicious() {
        let flipped = [true, false, true, false, false];
        let found = finder("some", &[3.0, 1.0, 1.0, 0.0, 2.0], &flipped);
        // Of six pairs the first flipped wins three; the second one, with one draw.
        assert!((found.area - 4.5 / 6.0).abs() < 1e-12);
        let [low, high] = found.interval.unwrap();
        assert!(low < found.area && found.area < high);
        let thirds = [[0.0, 0.0], [0.2, 0.5], [0.4, 0.5], [0.8, 1.0], [1.0, 1.0]];
        assert_eq!(found.curve, thirds);
        let best = finder("best", &[1.0, 0.0, 1.0, 0.0, 0.0], &flipped);
        assert_eq!((best.area, best.interval), (1.0, None));
        let none = finder("none", &[1.0; 5], &flipped);
        assert_eq!((none.area, none.curve.len()), (0.5, 2));
    }

    /// The area as the mean over pairs, and its spread over samples as the interval says.
    #[test]
    fn the_interval_holds_the_true_area_about_as_often_as_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut held = 0;
        for _ in 0..400 {
            let flipped: Vec<bool> = (0..200).map(|at| at < 60).collect();
            // Uniform on 0.5 to 1.5 against 0 to 1: the true area is 7/8.
            let suspicion: Vec<f64> = flipped
                .iter()
                .map(|is| random.random::<f64>() + if *is { 0.5 } else { 0.0 })
                .collect();
            let [low, high] = finder("", &suspicion, &flipped).interval.unwrap();
            held += usize::from((low..=high).contains(&0.875));
        }
        assert!((365..=397).contains(&held), "{held}");
    }
}
