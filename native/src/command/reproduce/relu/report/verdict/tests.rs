use super::{super::sample, *};

/// Claimed and other arm with these integer top-1s; the teacher has 0.985.
fn study(claimed: &[f64], other: &[f64]) -> Results {
    let mut results = sample::results();
    results.arms = vec![
        sample::arm("other", false, other),
        sample::arm("last-to-first", true, claimed),
    ];
    results
}

fn tone_and_answer(claimed: &[f64]) -> (Tone, String) {
    let finding = accuracy(&study(claimed, &[]));
    (finding.tone, finding.answer)
}

#[test]
fn half_a_point_decides() {
    let (tone, answer) = tone_and_answer(&[0.984, 0.983, 0.982]);
    assert_eq!((tone, &*answer), (Tone::Holds, "Within 0.5 points"));
    let (tone, answer) = tone_and_answer(&[0.975, 0.976, 0.977]);
    assert_eq!((tone, &*answer), (Tone::Fails, "Not within 0.5 points"));
    let (tone, answer) = tone_and_answer(&[0.984, 0.984, 0.979]);
    assert_eq!(
        (tone, answer.contains("not with every seed")),
        (Tone::Open, true)
    );
    let (tone, answer) = tone_and_answer(&[0.981, 0.97, 0.97]);
    assert_eq!((tone, answer.contains("some seeds")), (Tone::Fails, true));
}

#[test]
fn the_loss_is_told_with_its_spread() {
    let detail = accuracy(&study(&[0.984, 0.983, 0.982], &[])).detail;
    assert!(detail.contains("+0.20 points (+0.10 to +0.30 over 3 seeds, standard deviation 0.10)"));
    assert!(detail.contains("(table), the teacher itself loses 0.10 points"));
    // 98.7 % agreement at least on 10 000 images: the root of 0.013 / 10 000.
    assert!(
        detail.contains("standard error of up to 0.11 points"),
        "{detail}"
    );
}

#[test]
fn images_that_cannot_tell_the_loss_from_half_a_point_are_named() {
    let mut results = study(&[0.983, 0.983, 0.983], &[]);
    let told = |results: &Results| accuracy(results).detail.contains("may not tell");
    assert!(!told(&results));
    results.settings.test_images = 500;
    assert!(told(&results));
}

#[test]
fn the_untrained_is_compared_first_and_one_seed_shows_little() {
    let findings = comparisons(&study(&[0.98], &[]));
    assert!(
        findings[0]
            .answer
            .starts_with("Better than the swap without training with the one")
    );
    assert_eq!(findings[0].tone, Tone::Open);
    assert_eq!(findings[1].answer, "Not compared with other");
}

#[test]
fn pairs_are_of_the_same_seed() {
    let mut results = study(&[0.98, 0.97], &[0.97, 0.98]);
    results.arms[0].runs.reverse();
    let detail = &comparisons(&results)[1].detail;
    assert!(detail.contains("−1.00 to +1.00 over 2 seeds"), "{detail}");
}

#[test]
fn slow_builds_tell_accuracy_alone() {
    let mut results = sample::results();
    results.machine.release = false;
    assert!(html(&results).contains("holds here"));
    assert!(html(&results).contains("means little"));
}
