//! Whether the models of one way are better than those of another, told from pairs of one seed.

use super::{
    numbers::fixed,
    spread::Spread,
    verdict::{Finding, Tone},
};

/// By how much some runs are above others of the same seed; each is a seed and a share.
pub fn paired(runs: &[(u64, f64)], others: &[(u64, f64)]) -> Option<Spread> {
    Spread::of(runs.iter().filter_map(|(seed, share)| {
        let (_, twin) = others.iter().find(|(other, _)| other == seed)?;
        Some(share - twin)
    }))
}

/// What other test images might change in the difference of two models, at 95 %: it cannot vary by
/// more than the share of images on which they answer differently, at most those on which either
/// differs from the teacher. Takes how often the models of both ways agree with the teacher.
pub fn chance(agreements: &[f64], others: &[f64], images: usize) -> f64 {
    let least = |shares: &[f64]| shares.iter().copied().fold(1.0, f64::min);
    let differ = 2.0 - least(agreements) - least(others);
    1.96 * (differ.max(0.0) / images.max(1) as f64).sqrt()
}

/// Whether the integer-only models of `way` are better than those of `other`, by this gain in top-1;
/// `chance` is what other test images might change.
pub fn compare(way: &str, other: &str, gain: Option<Spread>, chance: f64) -> Finding {
    let Some(gain) = gain else {
        let answer = format!("Not compared with {other}");
        let detail = "There are no students of the same seed.";
        return Finding::new(Tone::Open, answer, detail);
    };
    let mut detail = format!(
        "Top-1 of {way} less that of {other}, integer-only, paired by seed: {}.",
        gain.in_points()
    );
    let interval = gain.interval();
    if let Some([low, high]) = interval.map(|ends| ends.map(|end| fixed(end * 100.0, 2))) {
        detail += &format!(" 95\u{a0}% interval of the mean by Student's t: {low} to {high}.");
    }
    let change = fixed(chance * 100.0, 2);
    detail += &format!(" Other test images might change it by {change} points.");
    let around_zero = |[low, high]: [f64; 2]| low <= 0.0 && high >= 0.0;
    let covered = interval.is_none_or(around_zero) || gain.mean.abs() <= chance;
    let word = match gain {
        Spread { mean, .. } if mean > 0.0 => "Better",
        Spread { count: 1, .. } => "Worse",
        _ => "The opposite: worse",
    };
    let (tone, doubt) = match gain {
        Spread { count: 1, .. } => (Tone::Open, " with the one seed, which shows little"),
        _ if covered => (
            Tone::Open,
            " with every seed, but too few to exclude chance",
        ),
        Spread { mean, .. } if mean > 0.0 => (Tone::Holds, ""),
        _ => (Tone::Fails, ""),
    };
    let answer = match covered && around_zero([gain.min, gain.max]) {
        true => format!("No difference shown to {other}"),
        false => format!("{word} than {other}{doubt}"),
    };
    Finding::new(tone, answer, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(gains: &[f64]) -> (Tone, String) {
        let finding = compare("way", "other", Spread::of(gains.iter().copied()), 0.004);
        (finding.tone, finding.answer)
    }

    #[test]
    fn a_gain_and_its_opposite_are_told() {
        let better = (Tone::Holds, "Better than other".to_owned());
        assert_eq!(found(&[0.01; 3]), better);
        let worse = (Tone::Fails, "The opposite: worse than other".to_owned());
        assert_eq!(found(&[-0.01, -0.01, -0.0105]), worse);
    }

    #[test]
    fn a_spread_over_zero_shows_no_difference() {
        let open = (Tone::Open, "No difference shown to other".to_owned());
        assert_eq!(found(&[-0.001, 0.001, 0.002]), open);
    }

    #[test]
    fn few_seeds_of_one_sign_do_not_exclude_chance() {
        for (sign, word) in [(1.0, "Better"), (-1.0, "The opposite")] {
            let (tone, answer) = found(&[0.001, 0.004, 0.0001].map(|gain| sign * gain));
            assert_eq!(tone, Tone::Open);
            assert!(answer.starts_with(word) && answer.contains("chance"));
        }
    }

    #[test]
    fn pairs_are_of_the_same_seed() {
        let spread = paired(&[(1, 0.5), (0, 0.75), (7, 0.1)], &[(0, 0.5), (1, 0.75)]);
        let spread = spread.unwrap();
        assert_eq!((spread.count, spread.min, spread.max), (2, -0.25, 0.25));
        assert_eq!(paired(&[(1, 0.5)], &[(2, 0.5)]), None);
    }

    #[test]
    fn chance_is_that_of_the_models_that_agree_least() {
        let found = chance(&[0.99, 0.995], &[0.97, 1.0], 10_000);
        assert!((found - 1.96 * (0.04f64 / 10_000.0).sqrt()).abs() < 1e-12);
        assert_eq!(chance(&[], &[1.0], 0), 0.0);
    }
}
