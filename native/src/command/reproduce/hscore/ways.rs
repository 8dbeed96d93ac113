//! The trainings that are compared: on which examples, and for how long.

use anyhow::{Context, Result};
use intformer::method::hscore::{Rival, ScoreClasses, Scores, score_classes};

use super::results::{Arm, Budget, Settings};

/// What chooses examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// All.
    All,
    /// Those of some scores.
    Scores(ScoreClasses),
    /// As many as the winning ticket subset has, by a rival.
    Rival(Rival),
}

/// A way to train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Which labels it has.
    pub arm: Arm,
    /// Which examples.
    pub choice: Choice,
    /// How long.
    pub budget: Budget,
}

impl Choice {
    /// For folders and tables.
    pub fn name(self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Scores(classes) => classes.name(),
            Self::Rival(rival) => rival.name().to_owned(),
        }
    }

    /// The examples for a training of `seed`.
    pub fn indices(self, scores: &Scores, seed: u64) -> Result<Vec<usize>> {
        match self {
            Self::All => Ok((0..scores.h.len()).collect()),
            Self::Scores(classes) => Ok(scores.kept(&classes)),
            Self::Rival(rival) => {
                let ticket = scores.kept(&ticket(scores.runs.len())?).len();
                let chosen = rival.choose(scores, ticket, seed);
                chosen.context("expected runs with what rivals need")
            }
        }
    }
}

/// The winning ticket subset's scores.
pub fn ticket(runs: usize) -> Result<ScoreClasses> {
    let first = score_classes(runs)?.into_iter().next();
    first.context("expected a subset")
}

/// All plans, those without examples left out; `scores` are those of the clean and of the flipped arm.
pub fn plans(settings: &Settings, scores: [&Scores; 2]) -> Result<Vec<Plan>> {
    let ticket = Choice::Scores(ticket(settings.runs)?);
    let random = Choice::Rival(Rival::Random);
    let clean = |budget| {
        move |choice| Plan {
            arm: Arm::Clean,
            choice,
            budget,
        }
    };
    let classes = score_classes(settings.runs)?
        .into_iter()
        .map(Choice::Scores);
    let rivals = Rival::ALL.into_iter().map(Choice::Rival);
    let epochs = [Choice::All].into_iter().chain(classes).chain(rivals);
    let mut plans: Vec<_> = epochs.map(clean(Budget::Epochs)).collect();
    plans.extend([ticket, random].map(clean(Budget::StepsOfAll)));
    plans.push(clean(Budget::StepsOfTicket)(Choice::All));
    plans.extend([Choice::All, ticket, random].map(|choice| Plan {
        arm: Arm::Flipped,
        choice,
        budget: Budget::Epochs,
    }));
    let mut kept = Vec::new();
    for plan in plans {
        let scores = scores[usize::from(plan.arm == Arm::Flipped)];
        let short = plan.budget == Budget::StepsOfTicket;
        let some = |choice: Choice| Ok::<_, anyhow::Error>(!choice.indices(scores, 0)?.is_empty());
        if some(plan.choice)? && (!short || some(ticket)?) {
            kept.push(plan);
        }
    }
    Ok(kept)
}

/// Steps of a training on `examples`, of which the winning ticket subset has `ticket`.
pub fn steps(settings: &Settings, budget: Budget, examples: usize, ticket: usize) -> usize {
    let of = match budget {
        Budget::Epochs => examples,
        Budget::StepsOfAll => settings.examples,
        Budget::StepsOfTicket => ticket,
    };
    settings.epochs * of.div_ceil(settings.batch)
}
