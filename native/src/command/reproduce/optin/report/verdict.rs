//! Whether the claims hold, told from the figures alone.

use super::{
    super::{
        results::{Results, TaskResults},
        tasks::{Arm, CLAIM},
    },
    task::in_points,
};
use crate::study::{
    bootstrap::{Interval, Rights, difference},
    numbers::{percent, points},
    verdict::{Finding, Tone},
};

/// Points that the best published method may lose.
const LOSS: f64 = 0.02;

/// The share of the time that models of [`CLAIM`] may take.
const TIME: f64 = 0.7;

/// All findings.
pub fn findings(results: &Results) -> Vec<Finding> {
    let mut findings = vec![
        loss(results, false, "texts"),
        loss(results, true, "images"),
        against(results, Arm::Fisher),
        against(results, Arm::Kwon),
        against(results, Arm::OptinAsReleased),
        against(results, Arm::Magnitude),
        against(results, Arm::Random),
        against(results, Arm::Greedy),
    ];
    let patches = |task: &&TaskResults| task.claimed(Arm::OptinTokens).is_some();
    if claimed(results).iter().any(patches) {
        findings.push(against(results, Arm::OptinTokens));
    }
    findings.extend(time(results));
    findings.extend(control(results));
    findings
}

/// Right answers of two ways, one pair for each task that has both.
fn pairs(
    tasks: &[&TaskResults],
    of: impl Fn(&TaskResults) -> Option<Rights>,
    other: impl Fn(&TaskResults) -> Option<Rights>,
) -> Vec<(Rights, Rights)> {
    let pairs = tasks.iter().filter_map(|task| of(task).zip(other(task)));
    pairs.collect()
}

/// The tasks that claims are of.
fn claimed(results: &Results) -> Vec<&TaskResults> {
    let tasks = results.tasks.iter();
    tasks
        .filter(|task| !task.settings.task.is_control())
        .collect()
}

/// Whether the best published method loses no more than [`LOSS`] on average over the tasks of a kind.
fn loss(results: &Results, images: bool, kind: &str) -> Finding {
    let mut tasks = claimed(results);
    tasks.retain(|task| task.settings.task.takes_images() == images);
    let lost = |arm: Arm| {
        let pairs = pairs(&tasks, |task| task.claimed(arm), |task| Some(task.whole()));
        let all = pairs.len() == tasks.len() && !tasks.is_empty();
        Some((arm, difference(&pairs).filter(|_| all)?))
    };
    let found: Vec<(Arm, Interval)> = Arm::ONE_SHOT.into_iter().filter_map(lost).collect();
    let best = found
        .iter()
        .max_by(|a, b| a.1.mean.total_cmp(&b.1.mean))
        .copied();
    let Some((best, interval)) = best else {
        return Finding::new(
            Tone::Open,
            format!("The loss on {kind} is not known"),
            "No published method has models of all its tasks at 60\u{a0}%.",
        );
    };
    let tone = match interval {
        Interval { low, .. } if low >= -LOSS => Tone::Holds,
        Interval { high, .. } if high < -LOSS => Tone::Fails,
        _ => Tone::Open,
    };
    let each = found
        .iter()
        .map(|(arm, interval)| format!("{} {}", arm.name(), in_points(*interval)));
    Finding::new(
        tone,
        format!(
            "On {kind} the best published method ({}) loses {} points on average, where two are the claim",
            best.name(),
            points(-interval.mean).trim_start_matches('+')
        ),
        format!(
            "Top-1 at 60\u{a0}% less that of the whole model, mean over {} tasks, with 95\u{a0}% intervals: {}. The best is chosen by the \
             same test.",
            tasks.len(),
            each.collect::<Vec<_>>().join("; ")
        ),
    )
}

/// Whether OPTIN is better than another arm.
fn against(results: &Results, other: Arm) -> Finding {
    let tasks = claimed(results);
    let all = pairs(
        &tasks,
        |task| task.claimed(Arm::Optin),
        |task| task.claimed(other),
    );
    let name = match other {
        Arm::Fisher => "Fisher information alone",
        Arm::Kwon => "Kwon's framework",
        Arm::OptinAsReleased => "its released code",
        Arm::Magnitude => "magnitude",
        Arm::Random => "chance",
        Arm::Greedy => "the greedy search",
        Arm::OptinTokens => "itself with fewer patches",
        Arm::Optin => "itself",
    };
    let Some(interval) = difference(&all) else {
        return Finding::new(
            Tone::Open,
            format!("OPTIN was not compared with {name}"),
            "No task has models of both at 60\u{a0}%.",
        );
    };
    let (tone, word) = match interval {
        Interval { low, .. } if low > 0.0 => (Tone::Holds, "better than"),
        Interval { high, .. } if high < 0.0 => (Tone::Fails, "worse than"),
        _ => (Tone::Open, "not shown to differ from"),
    };
    let each = tasks.iter().filter_map(|task| {
        let pair = task.claimed(Arm::Optin).zip(task.claimed(other))?;
        let found = in_points(difference(&[pair])?);
        Some(format!("{} {found}", task.settings.task.title()))
    });
    Finding::new(
        tone,
        format!(
            "OPTIN is {word} {name}: {} points on average",
            points(interval.mean)
        ),
        format!(
            "Top-1 at 60\u{a0}%, {} on average over {} tasks. {}.",
            in_points(interval),
            all.len(),
            each.collect::<Vec<_>>().join("; ")
        ),
    )
}

/// Whether time follows the budget, on each executor.
fn time(results: &Results) -> Vec<Finding> {
    let mut executors: Vec<&str> = Vec::new();
    let tasks = claimed(results);
    let all = tasks.iter().flat_map(|task| &task.times);
    for times in all {
        if !executors.contains(&&*times.executor) {
            executors.push(&times.executor);
        }
    }
    let finding = |executor: &str| {
        let mut details = Vec::new();
        let mut ratios = Vec::new();
        for task in &tasks {
            for times in task.times.iter().filter(|times| times.executor == executor) {
                let time = times.models.iter().find(|time| time.share == CLAIM);
                if let Some(time) = time {
                    ratios.push(time.ratio);
                    details.push(format!(
                        "{}, batch {}: {}",
                        task.settings.task.title(),
                        times.batch,
                        percent(time.ratio, 0)
                    ));
                }
            }
        }
        if ratios.is_empty() {
            return Finding::new(
                Tone::Open,
                format!(
                    "The time that 60\u{a0}% of the multiply-adds take on {executor} is not known"
                ),
                "60\u{a0}% was not among the shares.",
            );
        }
        let most = ratios.iter().copied().fold(f64::NAN, f64::max);
        let held = ratios.iter().filter(|ratio| **ratio <= TIME).count();
        let tone = match (ratios.len(), held) {
            (0, _) => Tone::Open,
            (all, held) if held == all => Tone::Holds,
            (_, 0) => Tone::Fails,
            _ => Tone::Open,
        };
        Finding::new(
            tone,
            format!(
                "On {executor}, 60\u{a0}% of the multiply-adds take at most {} of the time, where 70\u{a0}% are the claim",
                percent(most, 0)
            ),
            format!("{}.", details.join("; ")),
        )
    };
    executors.into_iter().map(finding).collect()
}

/// What pruning does to a model with little to prune.
fn control(results: &Results) -> Option<Finding> {
    let mut tasks = results.tasks.iter();
    let task = tasks.find(|task| task.settings.task.is_control())?;
    let lost = |arm: Arm| {
        let found = difference(&[(task.claimed(arm)?, task.whole())])?;
        Some(format!("{} {}", arm.name(), in_points(found)))
    };
    let all: Vec<_> = Arm::ALL.into_iter().filter_map(lost).collect();
    (!all.is_empty()).then(|| {
        Finding::new(
            Tone::Open,
            "A tight model, which has little to prune, is the control",
            format!(
                "Top-1 at 60\u{a0}% less that of the whole model: {}.",
                all.join("; ")
            ),
        )
    })
}
