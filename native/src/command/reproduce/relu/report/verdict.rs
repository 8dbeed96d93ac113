//! Whether the claim holds, told from the figures alone.

use std::fmt::{self, Write};

use super::{
    super::results::{Arm, Results},
    html::{Text, count, fixed},
    saving::{latency, savings},
    spread::{Spread, paired},
};

/// Points of top-1 that the claim allows to lose, as a share.
pub const ALLOWED_LOSS: f64 = 0.005;

/// How an answer stands to the claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tone {
    /// With it.
    Holds,
    /// Against it.
    Fails,
    /// Neither.
    Open,
}

/// One answer of the verdict.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How it stands to the claim.
    pub tone: Tone,
    /// The answer in few words.
    pub answer: String,
    /// The figures behind it.
    pub detail: String,
}

impl Finding {
    /// An answer with its figures.
    pub fn new(tone: Tone, answer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            tone,
            answer: answer.into(),
            detail: detail.into(),
        }
    }
}

/// The arm that the claim is about.
pub fn claimed(results: &Results) -> Option<&Arm> {
    results.arms.iter().find(|arm| arm.claimed)
}

/// Top-1 that integer students of an arm have lost to the float teacher.
pub fn loss(results: &Results, arm: &Arm) -> Option<Spread> {
    Spread::of(
        arm.runs
            .iter()
            .map(|run| results.teacher.top1 - run.student.integer.top1),
    )
}

/// Whether the claimed arm loses under half a point.
pub fn accuracy(results: &Results) -> Finding {
    let Some((arm, loss)) = claimed(results).and_then(|arm| Some((arm, loss(results, arm)?)))
    else {
        return Finding::new(
            Tone::Open,
            "No accuracy was measured",
            "No student was trained.",
        );
    };
    let (mut tone, answer) = match (
        loss.mean < ALLOWED_LOSS,
        loss.max < ALLOWED_LOSS,
        loss.count,
    ) {
        (true, _, 1) => (Tone::Open, "Within 0.5 points, with one seed"),
        (true, true, _) => (Tone::Holds, "Within 0.5 points"),
        (true, false, _) => (
            Tone::Open,
            "Within 0.5 points on average, but not with every seed",
        ),
        (false, ..) if loss.min < ALLOWED_LOSS => (
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
    let agreements = arm.runs.iter().map(|run| run.student.integer.agreement);
    if let (Some(agreement), images @ 1..) = (Spread::of(agreements), results.settings.test_images)
    {
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
    if let Some(form) = results
        .forms
        .iter()
        .find(|form| form.name == "table")
        .or(results.forms.first())
    {
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
    let untrained = results.untrained.integer.top1;
    let gain = Spread::of(
        arm.runs
            .iter()
            .map(|run| run.student.integer.top1 - untrained),
    );
    let images = results.settings.test_images;
    let swap = chance(arm, &[results.untrained.integer.agreement], images);
    let mut findings = vec![compare(arm, "the swap without training", gain, swap)];
    for other in results
        .arms
        .iter()
        .filter(|other| !std::ptr::eq(*other, arm))
    {
        let agreements: Vec<_> = agreements(other).collect();
        let chance = chance(arm, &agreements, images);
        findings.push(compare(arm, &other.name, paired(arm, other), chance));
    }
    findings
}

fn agreements(arm: &Arm) -> impl Iterator<Item = f64> {
    arm.runs.iter().map(|run| run.student.integer.agreement)
}

/// What other test images might change in the difference of two models, at 95 %: it cannot vary by
/// more than the share of images on which they answer differently, at most those on which either
/// differs from the teacher.
fn chance(arm: &Arm, others: &[f64], images: usize) -> f64 {
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(1.0, f64::min);
    let differ = 2.0 - least(&mut agreements(arm)) - least(&mut others.iter().copied());
    1.96 * (differ.max(0.0) / images.max(1) as f64).sqrt()
}

/// `chance` is what other test images might change.
fn compare(arm: &Arm, other: &str, gain: Option<Spread>, chance: f64) -> Finding {
    let Some(gain) = gain else {
        let answer = format!("Not compared with {other}");
        return Finding::new(
            Tone::Open,
            answer,
            "There are no students of the same seed.",
        );
    };
    let mut detail = format!(
        "Top-1 of {} less that of {other}, integer-only, paired by seed: {}.",
        arm.name,
        gain.in_points()
    );
    if let Some([low, high]) = gain.interval() {
        detail += &format!(
            " 95\u{a0}% interval of the mean by Student's t: {} to {}.",
            fixed(low * 100.0, 2),
            fixed(high * 100.0, 2)
        );
    }
    let covered = gain
        .interval()
        .is_none_or(|[low, high]| low <= 0.0 && high >= 0.0);
    let covered = covered || gain.mean.abs() <= chance;
    detail += &format!(
        " Other test images might change it by {} points.",
        fixed(chance * 100.0, 2)
    );
    let (tone, answer) = match gain {
        Spread { min, max, .. } if covered && min <= 0.0 && max >= 0.0 => {
            (Tone::Open, format!("No difference shown to {other}"))
        }
        Spread { count: 1, mean, .. } => {
            let word = if mean > 0.0 { "Better" } else { "Worse" };
            (
                Tone::Open,
                format!("{word} than {other} with the one seed, which shows little"),
            )
        }
        Spread { mean, .. } if mean > 0.0 && covered => (
            Tone::Open,
            format!("Better than {other} with every seed, but too few to exclude chance"),
        ),
        Spread { mean, .. } if mean > 0.0 => (Tone::Holds, format!("Better than {other}")),
        _ if covered => (
            Tone::Open,
            format!(
                "The opposite: worse than {other} with every seed, but too few to exclude chance"
            ),
        ),
        _ => (Tone::Fails, format!("The opposite: worse than {other}")),
    };
    Finding::new(tone, answer, detail)
}

/// What makes the figures mean little.
pub fn warnings(results: &Results) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if results.settings.quick {
        warnings.push(
            "This was the quick run: it shows that everything works, and its figures mean little.",
        );
    }
    if !results.machine.release {
        warnings.push(
            "The command was not built with optimization (--release): the times mean little.",
        );
    }
    warnings
}

/// The verdict as a box.
pub fn html(results: &Results) -> Result<String, fmt::Error> {
    let mut html = String::from("<section class=\"verdict\" aria-labelledby=\"verdict\">\n");
    html.push_str("<h2 id=\"verdict\">Does it hold?</h2>\n");
    for warning in warnings(results) {
        writeln!(
            html,
            "<p class=\"warning\"><strong>Mind:</strong> {}</p>",
            Text(warning)
        )?;
    }
    html.push_str("<h3>Accuracy: under 0.5 points lost?</h3>\n");
    let quick = results.settings.quick;
    list(&mut html, &[accuracy(results)], quick)?;
    html.push_str("<h3>Is the iterative training what does it?</h3>\n");
    let comparisons = comparisons(results);
    match comparisons.is_empty() {
        true => html.push_str("<p>No arm is marked as the one that the claim is about.</p>\n"),
        false => list(&mut html, &comparisons, quick)?,
    }
    html.push_str("<h3>Latency: at least 11\u{a0}% less?</h3>\n");
    list(
        &mut html,
        &[latency(results)],
        quick || !results.machine.release,
    )?;
    if !results.latency.is_empty() {
        html.push_str(&savings(results)?);
    }
    html.push_str("</section>\n");
    Ok(html)
}

/// Findings as a list; of a run that means little none is said to hold or not.
fn list(html: &mut String, findings: &[Finding], means_little: bool) -> fmt::Result {
    html.push_str("<ul class=\"findings\">\n");
    for Finding {
        tone,
        answer,
        detail,
    } in findings
    {
        let (class, word) = match tone {
            _ if means_little => ("open", "means little"),
            Tone::Holds => ("holds", "holds here"),
            Tone::Fails => ("fails", "does not hold"),
            Tone::Open => ("open", "open"),
        };
        writeln!(
            html,
            "<li><span class=\"badge {class}\">{word}</span> <strong>{}.</strong> {}</li>",
            Text(answer),
            Text(detail)
        )?;
    }
    html.push_str("</ul>\n");
    Ok(())
}

#[cfg(test)]
mod tests;
