//! Whether the claims hold, told from the figures alone.

use super::super::results::{Budget, Results, SetResults, Way};
use crate::study::{
    comparison::paired,
    numbers::{fixed, percent, points},
    spread::Spread,
    verdict::{Finding, Tone},
};

/// The share of the data that the winning ticket subset may have.
const HALF: f64 = 0.5;

/// The winning ticket subset.
pub const TICKET: &str = "winning-ticket";

/// All findings.
pub fn findings(results: &Results) -> Vec<Finding> {
    vec![
        ticket(results),
        against_random(results, Budget::Epochs),
        against_random(results, Budget::StepsOfAll),
        noise(results),
    ]
}

fn top1s(way: &Way) -> Vec<(u64, f64)> {
    way.runs.iter().map(|run| (run.seed, run.top1)).collect()
}

/// Top-1 of the runs of `way`.
pub fn spread(way: &Way) -> Option<Spread> {
    Spread::of(way.runs.iter().map(|run| run.top1))
}

/// By how much the winning ticket subset is above another way of the same seed.
pub fn gain(set: &SetResults, budget: Budget, other: (&str, Budget)) -> Option<Spread> {
    let ticket = set.way(TICKET, budget)?;
    let other = set.way(other.0, other.1)?;
    paired(&top1s(ticket), &top1s(other))
}

/// Whether `part` of `all` is most of it, said in words of an answer.
fn most(part: usize, all: usize) -> (Tone, String) {
    let tone = match 2 * part > all {
        true => Tone::Holds,
        false => Tone::Fails,
    };
    (tone, format!("on {part} of {all} sets"))
}

/// Whether the winning ticket subset is half the data or less, and the model within a standard deviation.
fn ticket(results: &Results) -> Finding {
    let mut held = 0;
    let mut details = Vec::new();
    for set in &results.sets {
        let title = set.settings.set.title();
        let ways = (
            set.way(TICKET, Budget::Epochs),
            set.way("all", Budget::Epochs),
        );
        let (Some(way), Some(whole)) = ways else {
            details.push(format!("{title}: the subset is empty."));
            continue;
        };
        let (Some(ticket), Some(all)) = (spread(way), spread(whole)) else {
            continue;
        };
        let below = all.mean - ticket.mean;
        let within = all.deviation.is_some_and(|deviation| below <= deviation);
        held += usize::from(within && way.share <= HALF);
        details.push(format!(
            "{title}: {} of the data, {} points to all of it, whose standard deviation is {}.",
            percent(way.share, 0),
            points(-below),
            all.deviation
                .map_or("not known".into(), |deviation| fixed(100.0 * deviation, 2)),
        ));
    }
    let (tone, words) = most(held, results.sets.len());
    let answer =
        format!("Half the data or less, within one standard deviation of all of it, {words}");
    Finding::new(tone, answer, details.join(" "))
}

/// Whether the winning ticket subset is better than as many random examples.
fn against_random(results: &Results, budget: Budget) -> Finding {
    let (mut better, mut worse) = (0, 0);
    let mut details = Vec::new();
    for set in &results.sets {
        let title = set.settings.set.title();
        let Some(gain) = gain(set, budget, ("random", budget)) else {
            details.push(format!("{title}: not compared."));
            continue;
        };
        let interval = gain.interval();
        better += usize::from(interval.is_some_and(|[low, _]| low > 0.0));
        worse += usize::from(interval.is_some_and(|[_, high]| high < 0.0));
        let mut detail = format!("{title}: {} points", points(gain.mean));
        if let Some([low, high]) = interval {
            detail += &format!(" ({} to {})", points(low), points(high));
        }
        details.push(detail + ".");
    }
    let all = results.sets.len();
    let (_, words) = most(better, all);
    let tone = match (2 * better > all, 2 * worse > all) {
        (true, _) => Tone::Holds,
        (_, true) => Tone::Fails,
        _ => Tone::Open,
    };
    let answer = format!(
        "Better than as many random examples at {} {words}, worse on {worse}",
        match budget {
            Budget::Epochs => "equal epochs",
            _ => "equal steps",
        }
    );
    let detail = format!(
        "Top-1 of the winning ticket subset less that of random ones, paired by seed, with the 95\u{a0}% interval of the \
         mean by Student's t. {}",
        details.join(" ")
    );
    Finding::new(tone, answer, detail)
}

/// Whether flipped labels have low scores.
fn noise(results: &Results) -> Finding {
    let mut found = 0;
    let mut details = Vec::new();
    for set in &results.sets {
        let areas = set.noise.finders.iter().map(|finder| {
            let [low, high] = finder.interval.map(|end| fixed(end, 3));
            format!(
                "{} {} ({low} to {high})",
                finder.name,
                fixed(finder.area, 3)
            )
        });
        let areas: Vec<_> = areas.collect();
        details.push(format!(
            "{}: {}.",
            set.settings.set.title(),
            areas.join(", ")
        ));
        let h = set.noise.finders.first();
        found += usize::from(h.is_some_and(|h| h.interval[0] > 0.5));
    }
    let (tone, words) = most(found, results.sets.len());
    let answer = format!("Flipped labels have lower scores than others {words}");
    let detail = format!(
        "How often a flipped label is more suspicious than one that is as it was: the area under the ROC curve, with its \
         95\u{a0}% interval. {}",
        details.join(" ")
    );
    Finding::new(tone, answer, detail)
}
