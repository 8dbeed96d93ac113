//! Made-up results for the tests.

use super::super::results::{
    Arm, Budget, Example, Finder, Noise, Results, Run, Scored, SetResults, Settings, Way,
};
use crate::study::{examples::Shown, machine::Machine, sets::SetName};

fn way(name: &str, arm: Arm, budget: Budget, share: f64, top1: f64) -> Way {
    let run = |seed: u64| Run {
        seed: 1000 + seed,
        top1: top1 + [0.0, 0.004, -0.004][seed as usize],
        steps: 100,
        examples: "f00d".into(),
        seconds: 60.0 * share,
    };
    Way {
        arm,
        name: name.into(),
        budget,
        examples: (1000.0 * share) as usize,
        share,
        runs: (0..3).map(run).collect(),
    }
}

/// A set on which the winning ticket subset, of this share, has this top-1, where all have 0.9.
pub fn set(name: SetName, share: f64, top1: f64) -> SetResults {
    let scored = |histogram: &[usize]| Scored {
        histogram: histogram.to_vec(),
        seconds: 400.0,
    };
    let example = |shown: Shown| Example {
        index: 3,
        class: "coat".into(),
        shown,
    };
    let finder = |name: &str, area: f64| Finder {
        name: name.into(),
        area,
        interval: Some([area - 0.02, area + 0.02]),
        curve: vec![[0.0, 0.0], [0.2, area], [1.0, 1.0]],
    };
    SetResults {
        settings: Settings {
            quick: false,
            set: name,
            from: "minilm".into(),
            from_digest: "beef".into(),
            data_digest: "c0ffee".into(),
            examples: 1000,
            test_examples: 500,
            tokens: Some(64),
            runs: 6,
            epochs: 3,
            seeds: 3,
            flipped: 0.1,
            batch: 32,
            rate: 1e-3,
            weight_decay: 0.01,
            warm_up: 0.03,
            clip: 1.0,
            frozen: vec!["embeddings".into()],
        },
        classes: vec!["coat".into(), "bag".into()],
        clean: scored(&[100, 50, 50, 100, 100, 100, 500]),
        flipped: scored(&[200, 50, 50, 100, 100, 100, 400]),
        ways: vec![
            way("all", Arm::Clean, Budget::Epochs, 1.0, 0.9),
            way("winning-ticket", Arm::Clean, Budget::Epochs, share, top1),
            way("kept-2-5", Arm::Clean, Budget::Epochs, 0.3, 0.86),
            way("random", Arm::Clean, Budget::Epochs, share, 0.87),
            way("forgetting", Arm::Clean, Budget::Epochs, share, 0.8),
            way("el2n", Arm::Clean, Budget::Epochs, share, 0.7),
            way("ambiguous", Arm::Clean, Budget::Epochs, share, 0.88),
            way(
                "winning-ticket",
                Arm::Clean,
                Budget::StepsOfAll,
                share,
                top1 + 0.01,
            ),
            way("random", Arm::Clean, Budget::StepsOfAll, share, 0.9),
            way("all", Arm::Clean, Budget::StepsOfTicket, 1.0, 0.88),
            way("all", Arm::Flipped, Budget::Epochs, 1.0, 0.8),
            way(
                "winning-ticket",
                Arm::Flipped,
                Budget::Epochs,
                share,
                top1 - 0.02,
            ),
        ],
        noise: Noise {
            flipped: 100,
            histogram: vec![80, 10, 5, 5, 0, 0, 0],
            finders: vec![
                finder("H", 0.9),
                finder("el2n", 0.92),
                finder("forgetting", 0.6),
            ],
        },
        never: vec![
            example(Shown::Text("a coat that is none".into())),
            example(Shown::Image {
                side: 28,
                png: "iVBORw0KGgo=".into(),
            }),
        ],
        always: vec![example(Shown::Text("long ".repeat(100)))],
    }
}

/// A study of these sets.
pub fn results(sets: Vec<SetResults>) -> Results {
    Results {
        machine: Machine {
            platform: "linux x86_64".into(),
            processor: "some".into(),
            threads: 2,
            release: true,
            minutes: 70.0,
        },
        sets,
    }
}
