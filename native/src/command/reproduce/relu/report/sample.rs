//! Made-up results for the tests.

use super::super::results::{
    Arm, ArmRun, BlockHistogram, Confusion, Example, Form, Latency, Pair, Point, Results, Score,
    Settings, VariantLatency,
};
use crate::study::machine::Machine;

const BLOCKS: [&str; 4] = [
    "layers.1.blocks.1",
    "layers.1.blocks.0",
    "layers.0.blocks.1",
    "layers.0.blocks.0",
];

fn score(top1: f64) -> Score {
    Score {
        top1,
        agreement: top1 + 0.005,
    }
}

/// A pair of these top-1s.
pub fn pair(float: f64, integer: f64) -> Pair {
    Pair {
        float: score(float),
        integer: score(integer),
    }
}

/// An arm whose integer students have these top-1s.
pub fn arm(name: &str, claimed: bool, top1s: &[f64]) -> Arm {
    let run = |(seed, &top1): (usize, &f64)| {
        let shift = seed as f64 * 0.001;
        let mut course = vec![Point {
            label: "teacher".into(),
            before: 0.985,
            after: 0.985,
        }];
        for (at, block) in BLOCKS.into_iter().enumerate() {
            let before = 0.978 - at as f64 * 0.03 - shift;
            course.push(Point {
                label: block.into(),
                before,
                after: 0.983 - shift,
            });
        }
        course.push(Point {
            label: "finish".into(),
            before: 0.981,
            after: 0.984 - shift,
        });
        ArmRun {
            seed: seed as u64,
            course,
            student: pair(top1 + 0.001, top1),
            digest: "0123456789abcdef".repeat(4),
            seconds: 600.0,
        }
    };
    Arm {
        name: name.into(),
        what: format!("What {name} does."),
        claimed,
        runs: top1s.iter().enumerate().map(run).collect(),
    }
}

/// Times in which ReLU saves these shares of the float pass.
pub fn latency(model: &str, batch: usize, saved: [f64; 3]) -> Latency {
    let variant = |(at, name): (usize, &str)| {
        let median_ms = (4.0 + at as f64) * batch as f64;
        VariantLatency {
            activation: name.into(),
            q1_ms: median_ms * 0.97,
            median_ms,
            q3_ms: median_ms * 1.05,
            saved: match name {
                "relu" => None,
                "float" => Some(saved),
                _ => Some([-0.01, 0.02, 0.05]),
            },
        }
    };
    Latency {
        model: model.into(),
        executor: "cpu".into(),
        device: "AVX2, 1 thread".into(),
        batch,
        rounds: 40,
        variants: ["relu", "table", "i-gelu", "shift-gelu", "float"]
            .into_iter()
            .enumerate()
            .map(variant)
            .collect(),
    }
}

/// A study in which all claims hold.
pub fn results() -> Results {
    let histogram = |block: &str| BlockHistogram {
        block: block.into(),
        low: -0.5,
        high: 3.5,
        teacher: vec![0.5, 0.3, 0.1, 0.06, 0.03, 0.009, 0.001, 0.0],
        student: vec![0.0, 0.8, 0.1, 0.06, 0.03, 0.01, 0.0, 0.0],
        zeros: 0.78,
    };
    Results {
        settings: Settings {
            quick: false,
            teacher: "glyphs-gelu-float.safetensors".into(),
            teacher_digest: "0".repeat(64),
            data: None,
            images: "glyphs".into(),
            images_digest: "1".repeat(64),
            seeds: 3,
            epoch_images: 10_000,
            step_epochs: 1,
            finish_epochs: 3,
            validation_images: 2000,
            test_images: 10_000,
            calibration_images: 512,
        },
        machine: Machine {
            platform: "linux x86_64".into(),
            processor: "a processor".into(),
            threads: 2,
            release: true,
            minutes: 90.0,
        },
        classes: ["0", "O", "<", "&"].map(String::from).to_vec(),
        teacher: Score { top1: 0.985, agreement: 1.0 },
        forms: ["table", "i-gelu", "shift-gelu"]
            .map(|name| Form { name: name.into(), score: score(0.984) })
            .to_vec(),
        untrained: pair(0.4, 0.35),
        arms: vec![
            arm("last-to-first", true, &[0.983, 0.9835, 0.982]),
            arm("at-once", false, &[0.975, 0.9752, 0.9741]),
            arm("labels-alone", false, &[0.9832, 0.983, 0.9822]),
        ],
        histograms: BLOCKS.map(histogram).to_vec(),
        latency: vec![
            latency("swin-t", 1, [0.12, 0.14, 0.16]),
            latency("swin-t", 8, [0.115, 0.13, 0.15]),
        ],
        confusions: vec![Confusion { truth: "0".into(), named: "O".into(), student: 12, teacher: 9 }],
        examples: vec![Example {
            truth: "0".into(),
            teacher: "0".into(),
            student: "O".into(),
            side: 32,
            png: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==".into(),
        }],
    }
}
