//! Whether the claims hold, told from the figures alone.

use super::super::results::{Arm, Budget, Results, SetResults, Way};
use crate::study::{
    comparison::{chance, paired},
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
    let [clean, flipped] = [Arm::Clean, Arm::Flipped];
    vec![
        ticket(results),
        against(results, clean, Budget::Epochs, "random"),
        against(results, clean, Budget::StepsOfAll, "random"),
        noise(results),
        against(results, flipped, Budget::Epochs, "all"),
    ]
}

/// Sets on which a claim holds, and on which the opposite is shown; on others neither is.
#[derive(Default)]
struct Votes {
    held: usize,
    failed: usize,
    all: usize,
}

impl Votes {
    fn add(&mut self, held: bool, failed: bool) {
        self.held += usize::from(held);
        self.failed += usize::from(failed);
        self.all += 1;
    }

    fn tone(&self) -> Tone {
        match (2 * self.held > self.all, 2 * self.failed > self.all) {
            (true, _) => Tone::Holds,
            (_, true) => Tone::Fails,
            _ => Tone::Open,
        }
    }

    fn words(&self) -> String {
        let Self { held, failed, all } = self;
        let open = all - held - failed;
        format!("shown on {held} of {all} sets, the opposite on {failed}, neither on {open}")
    }
}

fn top1s(way: &Way) -> Vec<(u64, f64)> {
    way.runs.iter().map(|run| (run.seed, run.top1)).collect()
}

/// Top-1 of the runs of `way`.
pub fn spread(way: &Way) -> Option<Spread> {
    Spread::of(way.runs.iter().map(|run| run.top1))
}

/// By how much the winning ticket subset is above another way of the same labels and seed.
pub struct Gain {
    /// Over the seeds.
    pub spread: Spread,
    /// What other test examples might change in it, at 95 %.
    pub chance: f64,
}

impl Gain {
    /// Of the ticket trained for `budget` over `other`.
    pub fn of(set: &SetResults, arm: Arm, budget: Budget, other: (&str, Budget)) -> Option<Self> {
        let ticket = set.way(arm, TICKET, budget)?;
        let other = set.way(arm, other.0, other.1)?;
        let shares = |way: &Way| way.runs.iter().map(|run| run.top1).collect::<Vec<_>>();
        Some(Self {
            spread: paired(&top1s(ticket), &top1s(other))?,
            // Two models differ at most where either is wrong.
            chance: chance(&shares(ticket), &shares(other), set.settings.test_examples),
        })
    }

    /// Whether it is above 0, whatever the seeds and the test examples.
    fn is_shown(&self) -> bool {
        let above = self.spread.interval().is_some_and(|[low, _]| low > 0.0);
        above && self.spread.mean > self.chance
    }

    /// Whether it is below 0.
    fn is_loss(&self) -> bool {
        let below = self.spread.interval().is_some_and(|[_, high]| high < 0.0);
        below && -self.spread.mean > self.chance
    }

    /// In points.
    pub fn interval(&self) -> String {
        match self.spread.interval() {
            Some([low, high]) => format!("{} to {}", points(low), points(high)),
            None => "–".to_owned(),
        }
    }
}

/// Whether the winning ticket subset is half the data or less, and the model within a standard deviation.
fn ticket(results: &Results) -> Finding {
    let mut votes = Votes::default();
    let mut details = Vec::new();
    for set in &results.sets {
        let title = set.settings.set.title();
        let epochs = Budget::Epochs;
        let [way, whole] = [TICKET, "all"].map(|name| set.way(Arm::Clean, name, epochs));
        let spreads = (way.and_then(spread), whole.and_then(spread));
        let (Some(way), (Some(ticket), Some(all))) = (way, spreads) else {
            details.push(format!("{title}: the subset is empty."));
            votes.add(false, false);
            continue;
        };
        let below = all.mean - ticket.mean;
        let within = all.deviation.is_some_and(|deviation| below <= deviation);
        let gain = Gain::of(set, Arm::Clean, epochs, ("all", epochs));
        let lost = gain.is_some_and(|gain| gain.is_loss());
        let held = within && way.share <= HALF;
        votes.add(held, !held && (lost || way.share > HALF));
        details.push(format!(
            "{title}: {} of the data, {} points to all of it, whose standard deviation is {}.",
            percent(way.share, 0),
            points(-below),
            all.deviation
                .map_or("not known".into(), |deviation| fixed(100.0 * deviation, 2)),
        ));
    }
    let answer = format!(
        "Half the data or less, and within one standard deviation of all of it: {}",
        votes.words()
    );
    Finding::new(votes.tone(), answer, details.join(" "))
}

/// Whether the winning ticket subset is better than another way at an equal budget.
fn against(results: &Results, arm: Arm, budget: Budget, other: &str) -> Finding {
    let mut votes = Votes::default();
    let mut details = Vec::new();
    for set in &results.sets {
        let title = set.settings.set.title();
        let Some(gain) = Gain::of(set, arm, budget, (other, budget)) else {
            details.push(format!("{title}: not compared."));
            votes.add(false, false);
            continue;
        };
        votes.add(gain.is_shown(), gain.is_loss());
        details.push(format!(
            "{title}: {} points ({}; {}).",
            points(gain.spread.mean),
            gain.interval(),
            fixed(100.0 * gain.chance, 2),
        ));
    }
    let than = match other {
        "all" => "all of the data",
        _ => "as many random examples",
    };
    let length = match budget {
        Budget::Epochs => "equal epochs",
        _ => "equal steps",
    };
    let labels = match arm {
        Arm::Clean => "",
        Arm::Flipped => " where labels are flipped",
    };
    let answer = format!("Better than {than} at {length}{labels}: {}", votes.words());
    let detail = format!(
        "Top-1 of the winning ticket subset less that of the other, paired by seed; in brackets the 95\u{a0}% interval of the \
         mean by Student's t, and what other test examples might change. {}",
        details.join(" ")
    );
    Finding::new(votes.tone(), answer, detail)
}

/// Whether flipped labels have low scores.
fn noise(results: &Results) -> Finding {
    let mut votes = Votes::default();
    let mut details = Vec::new();
    for set in &results.sets {
        let finders = set.noise.finders.iter();
        let areas = finders.map(|finder| format!("{} {}", finder.name, finder.shown()));
        let areas: Vec<_> = areas.collect();
        let title = set.settings.set.title();
        details.push(format!("{title}: {}.", areas.join(", ")));
        let interval = set.noise.finders.first().and_then(|h| h.interval);
        votes.add(
            interval.is_some_and(|[low, _]| low > 0.5),
            interval.is_some_and(|[_, high]| high < 0.5),
        );
    }
    let answer = format!(
        "Flipped labels have lower scores than others: {}",
        votes.words()
    );
    let detail = format!(
        "How often a flipped label is more suspicious than one that is as it was: the area under the ROC curve, with its \
         95\u{a0}% interval. {}",
        details.join(" ")
    );
    Finding::new(votes.tone(), answer, detail)
}
