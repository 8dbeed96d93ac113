use super::{super::sample, *};

fn saving(saved: [f64; 3]) -> Option<Saving> {
    Saving::of(&sample::latency("m", 1, saved).variants[4])
}

#[test]
fn eleven_percent_decides() {
    assert_eq!(saving([0.12, 0.13, 0.14]), Some(Saving::Reached));
    assert_eq!(saving([0.10, 0.13, 0.14]), Some(Saving::ReachedAtMedian));
    assert_eq!(saving([0.05, 0.10, 0.14]), Some(Saving::MissedAtMedian));
    assert_eq!(saving([0.01, 0.02, 0.03]), Some(Saving::Missed));
    assert_eq!(saving([-0.02, 0.12, 0.3]), Some(Saving::NoDifference));
    assert_eq!(saving([-0.2, -0.1, -0.05]), Some(Saving::Opposite));
    assert_eq!(saving([f64::NAN; 3]), None);
}

#[test]
fn the_answer_counts_combinations() {
    let mut results = sample::results();
    let finding = latency(&results);
    assert_eq!(finding.tone, Tone::Holds);
    assert!(finding.answer.contains("2 of 2"));
    results.latency[1] = sample::latency("swin-t", 8, [-0.2, -0.1, -0.05]);
    let finding = latency(&results);
    assert_eq!(finding.tone, Tone::Open);
    assert!(finding.answer.contains("1 of 2"));
    assert!(
        finding.detail.contains("the opposite: ReLU is slower in 1"),
        "{}",
        finding.detail
    );
    results.latency.remove(0);
    assert_eq!(latency(&results).tone, Tone::Fails);
    // Too noisy to say anything.
    results.latency[0] = sample::latency("swin-t", 8, [-0.02, 0.12, 0.3]);
    assert_eq!(latency(&results).tone, Tone::Open);
}

#[test]
fn other_forms_of_gelu_are_told_but_not_counted() {
    let mut results = sample::results();
    for latency in &mut results.latency {
        latency.variants.pop();
    }
    assert!(
        latency(&results)
            .answer
            .starts_with("No latency was measured")
    );
    let table = savings(&results);
    assert_eq!(table.matches("2.0\u{a0}% (−1.0 to 5.0)").count(), 6);
    assert_eq!(table.matches("no difference shown").count(), 6);
    assert_eq!(table.matches("not measured").count(), 2);
}
