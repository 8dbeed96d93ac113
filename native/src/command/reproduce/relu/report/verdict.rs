//! Whether the claim holds, told from the figures alone.

use super::{
    super::results::{Arm, Results},
    saving::{latency, savings},
};
use crate::study::{
    comparison::{chance, compare, paired},
    numbers::{count, fixed},
    spread::Spread,
    verdict::{Finding, Tone, list},
};

/// Points of top-1 that the claim allows to lose, as a share.
pub const ALLOWED_LOSS: f64 = 0.005;

/// The arm that the claim is about.
pub fn claimed(results: &Results) -> Option<&Arm> {
    results.arms.iter().find(|arm| arm.claimed)
}

/// Top-1 that integer students of an arm have lost to the float teacher.
pub fn loss(results: &Results, arm: &Arm) -> Option<Spread> {
    let top1s = top1s(arm).into_iter();
    Spread::of(top1s.map(|(_, top1)| results.teacher.top1 - top1))
}

/// Whether the claimed arm loses under half a point.
pub fn accuracy(results: &Results) -> Finding {
    let arm = claimed(results);
    let Some((arm, loss)) = arm.and_then(|arm| Some((arm, loss(results, arm)?))) else {
        let answer = "No accuracy was measured";
        return Finding::new(Tone::Open, answer, "No student was trained.");
    };
    let within = |loss: f64| loss < ALLOWED_LOSS;
    let (mut tone, answer) = match (within(loss.mean), within(loss.max), loss.count) {
        (true, _, 1) => (Tone::Open, "Within 0.5 points, with one seed"),
        (true, true, _) => (Tone::Holds, "Within 0.5 points"),
        (true, false, _) => (
            Tone::Open,
            "Within 0.5 points on average, but not with every seed",
        ),
        (false, ..) if within(loss.min) => (
            Tone::Fails,
            "Not within 0.5 points on average, though with some seeds",
        ),
        (false, ..) => (Tone::Fails, "Not within 0.5 points"),
    };
    let mut detail = format!(
        "Top-1 of the float GELU teacher less that of the integer-only ReLU student ({}): {}.",
        arm.name,
        loss.in_points()
    );
    let agreement = Spread::of(agreements(arm));
    if let (Some(agreement), images @ 1..) = (agreement, results.settings.test_images) {
        // A difference in top-1 needs a difference in the answer, which bounds its variance.
        let error = ((1.0 - agreement.min).clamp(0.0, 1.0) / images as f64).sqrt();
        detail += &format!(
            " What other test images than these {} would change is not in that: it has a standard \
             error of up to {} points.",
            count(images),
            fixed(error * 100.0, 2)
        );
        if (loss.mean - ALLOWED_LOSS).abs() < 1.96 * error {
            detail += " So many images may not tell this loss from 0.5 points.";
            tone = Tone::Open;
        }
    }
    let table = results.forms.iter().find(|form| form.name == "table");
    if let Some(form) = table.or(results.forms.first()) {
        detail += &format!(
            " Integer-only with GELU ({}), the teacher itself loses {} points.",
            form.name,
            fixed((results.teacher.top1 - form.score.top1) * 100.0, 2)
        );
    }
    Finding::new(tone, answer, detail)
}

/// What the iterative training gains over none, and over each other arm.
pub fn comparisons(results: &Results) -> Vec<Finding> {
    let Some(arm) = claimed(results) else {
        return Vec::new();
    };
    let (top1s, agreements) = (top1s(arm), agreements(arm));
    let images = results.settings.test_images;
    let untrained = results.untrained.integer;
    let gain = Spread::of(top1s.iter().map(|(_, top1)| top1 - untrained.top1));
    let swap = chance(&agreements, &[untrained.agreement], images);
    let name = "the swap without training";
    let mut findings = vec![compare(&arm.name, name, gain, swap)];
    let others = results.arms.iter();
    for other in others.filter(|other| !std::ptr::eq(*other, arm)) {
        let gain = paired(&top1s, &self::top1s(other));
        let chance = chance(&agreements, &self::agreements(other), images);
        findings.push(compare(&arm.name, &other.name, gain, chance));
    }
    findings
}

/// Seed and top-1 of each integer student.
fn top1s(arm: &Arm) -> Vec<(u64, f64)> {
    let runs = arm.runs.iter();
    runs.map(|run| (run.seed, run.student.integer.top1))
        .collect()
}

fn agreements(arm: &Arm) -> Vec<f64> {
    let runs = arm.runs.iter();
    runs.map(|run| run.student.integer.agreement).collect()
}

/// The verdict as HTML.
pub fn html(results: &Results) -> String {
    let mut html = String::from("<h3>Accuracy: under 0.5 points lost?</h3>\n");
    let quick = results.settings.quick;
    html += &list(&[accuracy(results)], quick);
    html += "<h3>Is the iterative training what does it?</h3>\n";
    let comparisons = comparisons(results);
    match comparisons.is_empty() {
        true => html += "<p>No arm is marked as the one that the claim is about.</p>\n",
        false => html += &list(&comparisons, quick),
    }
    html += "<h3>Latency: at least 11\u{a0}% less?</h3>\n";
    html += &list(&[latency(results)], quick || !results.machine.release);
    if !results.latency.is_empty() {
        html += &savings(results);
    }
    html
}

#[cfg(test)]
mod tests;
