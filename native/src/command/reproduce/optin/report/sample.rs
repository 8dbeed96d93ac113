//! Made-up results for the tests.

use intformer::method::prune::PrunedBlock;

use super::super::{
    results::{
        ArmResults, Cell, Example, Integer, Results, Score, Settings, TaskResults, Time, Times,
        Whole,
    },
    tasks::{Arm, CLAIM, Task},
};
use crate::study::{examples::Shown, machine::Machine};

/// Examples of a test.
const COUNT: usize = 1000;

/// The first of the examples right, up to this share.
fn score(top1: f64) -> Score {
    Score(
        (0..COUNT)
            .map(|at| (at as f64) < top1 * COUNT as f64)
            .collect(),
    )
}

fn cell(share: f64, seed: u64, top1: f64, items: usize) -> Cell {
    let integer = Integer {
        score: score(top1),
        digest: "f00d".into(),
        steps: 40,
    };
    Cell {
        seed,
        share,
        items,
        macs: share - 0.001,
        parameters: share,
        score: score(top1),
        integer: (seed == 0).then_some(integer),
        blocks: vec![PrunedBlock {
            site: "blocks.0".into(),
            heads: [12, 0],
            hidden: [100, 70],
        }],
        passes: 1234,
        seconds: 5.5,
    }
}

/// A task whose whole model has a top-1 of 0.9; of each arm what it has at 0.6, and 0.02 more at 0.8.
pub fn task(task: Task, top1: &[(Arm, f64)]) -> TaskResults {
    let arms = top1.iter().map(|&(arm, top1)| ArmResults {
        arm,
        cells: [(0.8, top1 + 0.02), (CLAIM, top1)]
            .into_iter()
            .flat_map(|(share, top1)| (0..3).map(move |seed| cell(share, seed, top1, 32)))
            .collect(),
        sizes: vec![cell(CLAIM, 0, top1 - 0.1, 8)],
    });
    let time = |share: f64| Time {
        share,
        quartiles_ms: [9.0 * share, 10.0 * share, 11.0 * share],
        ratio: share + 0.05,
    };
    TaskResults {
        settings: Settings {
            quick: false,
            task,
            from: "encoder".into(),
            from_digest: "0123456789abcdef".into(),
            data_digest: "fedcba9876543210".into(),
            examples: 4000,
            test_examples: COUNT,
            tokens: Some(64),
            shares: vec![0.8, CLAIM],
            seeds: 3,
            sizes: vec![8],
            epochs: 3,
            rate: 2e-4,
            frozen: vec!["embeddings".into()],
        },
        whole: Whole {
            score: score(0.9),
            integer: Integer {
                score: score(0.899),
                digest: "00112233445566".into(),
                steps: 50,
            },
            macs: 12_345_678,
            parameters: 1_234_567,
        },
        arms: arms.collect(),
        times: vec![Times {
            executor: "cpu".into(),
            device: "a processor".into(),
            threads: 1,
            batch: 1,
            tokens: Some(12),
            rounds: 40,
            models: vec![time(1.0), time(0.8), time(CLAIM)],
        }],
        lost: vec![Example {
            class: "where".into(),
            answer: "who".into(),
            shown: Shown::Text("Where is it?".into()),
        }],
    }
}

/// A study of these tasks.
pub fn results(tasks: Vec<TaskResults>) -> Results {
    Results {
        machine: Machine {
            platform: "linux".into(),
            processor: "a processor".into(),
            threads: 2,
            release: true,
            minutes: 12.0,
        },
        tasks,
    }
}
