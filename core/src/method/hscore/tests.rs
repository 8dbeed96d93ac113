//! Scores and files against what is counted one by one.

use std::fs;

use proptest::prelude::*;

use super::{Beside, Rival, RunLog, Scores, score_classes};
use crate::float::train::{Answer, Answers};

/// A run of random answers.
fn run(name: &str, epochs: usize, examples: usize, seed: u64) -> RunLog {
    let mut random = crate::quant::Random(seed);
    let mut answers = Answers::new(epochs, examples);
    for epoch in 0..epochs {
        for index in 0..examples {
            let logits = [0; 3].map(|_| random.normal());
            answers.set(epoch, index, Answer::new(&logits, index % 3));
        }
    }
    RunLog::of_answers(name, &answers).unwrap()
}

fn runs(count: usize, epochs: usize, examples: usize) -> Vec<RunLog> {
    (0..count)
        .map(|at| run(&at.to_string(), epochs, examples, at as u64 + 1))
        .collect()
}

proptest! {
    #[test]
    fn a_score_counts_the_runs_that_were_always_right(
        count in 1usize..5, epochs in 1usize..4, examples in 1usize..40,
    ) {
        let logs = runs(count, epochs, examples);
        let scores = Scores::of(&logs).unwrap();
        for index in 0..examples {
            let always = logs.iter().filter(|log| (0..epochs).all(|e| log.right(e)[index]));
            prop_assert_eq!(scores.h[index] as usize, always.count());
            let events = logs.iter().map(|log| {
                let course: Vec<bool> = (0..epochs).map(|e| log.right(e)[index]).collect();
                match course.contains(&true) {
                    true => course.windows(2).filter(|pair| **pair == [true, false]).count(),
                    false => epochs,
                }
            });
            let mean = events.sum::<usize>() as f64 / count as f64;
            prop_assert!((scores.forgetting[index] - mean).abs() < 1e-9);
        }
        prop_assert_eq!(scores.histogram().iter().sum::<usize>(), examples);
    }

    #[test]
    fn a_log_comes_back_from_its_file(epochs in 1usize..4, examples in 1usize..40, plain: bool) {
        let mut log = run("it's \"7\" \\", epochs, examples, 3);
        log.data = Some("be\\ef".to_owned());
        log.settings = Some("{\"epochs\":3}".to_owned());
        if plain {
            let right = (0..epochs).flat_map(|epoch| log.right(epoch).to_vec()).collect();
            log = RunLog::new("7", epochs, right, None).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.parquet");
        log.save(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        prop_assert_eq!(&RunLog::load(&path).unwrap(), &log);
        log.save(&path).unwrap();
        prop_assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

/// What is said of a log of these lines.
fn refusal(lines: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    fs::write(&path, lines).unwrap();
    RunLog::load(&path).unwrap_err().to_string()
}

#[test]
fn lines_of_another_trainer_are_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seed-3.jsonl");
    let lines = [
        r#"{"index": 1, "epoch": 0, "right": true}"#,
        "",
        r#"{"index": 0, "epoch": 1, "right": true, "loss": 0.25}"#,
        r#"{"index": 0, "epoch": 0, "right": false}"#,
        r#"{"index": 1, "epoch": 1, "right": false}"#,
    ];
    fs::write(&path, lines.join("\n")).unwrap();
    let log = RunLog::load(&path).unwrap();
    assert_eq!(
        (log.run.as_str(), log.epochs(), log.examples()),
        ("seed-3", 2, 2)
    );
    assert_eq!([log.right(0), log.right(1)], [[false, true], [true, false]]);
    assert!(log.beside().is_none());

    let about = r#"{"run": "3", "data": "beef", "settings": {"epochs": 2}}"#;
    fs::write(&path, format!("{about}\n{}", lines.join("\n"))).unwrap();
    let log = RunLog::load(&path).unwrap();
    assert_eq!((log.run.as_str(), log.data.as_deref()), ("3", Some("beef")));
    assert_eq!(log.settings.as_deref(), Some(r#"{"epochs":2}"#));
}

#[test]
fn a_log_with_gaps_or_doubles_is_refused() {
    let row = |index: u64, epoch: u64| {
        format!("{{\"index\":{index},\"epoch\":{epoch},\"right\":true}}\n")
    };
    let error = refusal(&(row(0, 0) + &row(1, 0) + &row(1, 1)));
    assert!(
        error.contains("none to the example 0 in the epoch 1"),
        "{error}"
    );
    let error = refusal(&(row(0, 0) + &row(1, 0) + &row(0, 1)));
    assert!(
        error.contains("none to the example 1 in the epoch 1"),
        "{error}"
    );
    let error = refusal(&row(0, 1));
    assert!(
        error.contains("none to the example 0 in the epoch 0"),
        "{error}"
    );
    let error = refusal(&(row(0, 0) + &row(0, 0)));
    assert!(error.contains("found two"), "{error}");
    // No room is made for what is claimed.
    for (index, epoch) in [
        (u64::MAX, u64::MAX),
        (u64::MAX, 0),
        (0, u64::MAX),
        (1 << 40, 1 << 40),
    ] {
        let error = refusal(&row(index, epoch));
        assert!(
            error.contains("none to the example 0 in the epoch 0"),
            "{error}"
        );
    }
    for lines in [
        "",
        "{}",
        "[]",
        "{\"index\":9,\"epoch\":0,\"right\":1}\n{\"index\":0,\"epoch\":0,\"right\":true}",
        "{\"run\":3}",
        "{\"index\":0}",
        "right",
        "{\"index\":-1,\"epoch\":0,\"right\":true}",
    ] {
        assert!(
            refusal(lines).contains("run.jsonl: expected")
                || refusal(lines).contains("line 1: expected")
        );
    }
}

#[test]
fn a_parquet_file_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    let log = run("1", 2, 30, 1);
    log.save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(RunLog::load(&path).is_err());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        fs::write(&path, damaged).unwrap();
        // Damaged numbers may be numbers.
        if let Ok(log) = RunLog::load(&path) {
            assert_eq!(log.epochs() * log.examples(), 60, "byte {at}");
        }
    }
}

#[test]
fn runs_that_differ_are_not_scored_together() {
    let of = |logs: &[RunLog]| Scores::of(logs).unwrap_err().to_string();
    let log = |settings: &str| RunLog {
        settings: Some(settings.to_owned()),
        ..run("2", 2, 9, 5)
    };
    let first = RunLog {
        run: "1".to_owned(),
        ..log("{\"epochs\":2,\"rate\":0.1}")
    };
    let error = of(&[first.clone(), log("{\"epochs\":2,\"rate\":0.2}")]);
    assert!(
        error.ends_with("in the run 2: rate is 0.1 there, 0.2 here"),
        "{error}"
    );
    assert!(of(&[first.clone(), first.clone()]).contains("found 1 twice"));
    assert!(of(&[first.clone(), run("2", 3, 9, 1)]).contains("9 examples and 2 epochs"));
    assert!(of(&[]).contains("found none"));
    let [one, other] = ["beef", "f00d"].map(|data| RunLog {
        data: Some(data.to_owned()),
        ..run(data, 2, 9, 5)
    });
    assert!(of(&[one.clone(), other.clone()]).contains("data set"));
    // Also behind one that does not know its own.
    assert!(of(&[run("0", 2, 9, 1), one.clone(), other]).contains("data set"));
    let known = Scores::of(&[run("0", 2, 9, 1), one]).unwrap();
    assert_eq!(known.data.as_deref(), Some("beef"));
}

#[test]
fn of_six_runs_the_papers_subsets_are_kept() {
    let names = |runs| -> Vec<String> {
        let classes = score_classes(runs).unwrap();
        classes.iter().map(|classes| classes.name()).collect()
    };
    let expected = [
        "winning-ticket",
        "kept-2-5",
        "kept-3-5",
        "kept-4-5",
        "kept-5",
        "kept-2-4",
        "kept-4",
    ];
    assert_eq!(names(6), expected);
    assert_eq!(names(2), ["winning-ticket"]);
    assert_eq!(
        names(5),
        [
            "winning-ticket",
            "kept-2-4",
            "kept-3-4",
            "kept-4",
            "kept-2-3",
            "kept-3"
        ]
    );
    for runs in [0, 1] {
        assert!(score_classes(runs).is_err());
    }
}

#[test]
fn rivals_choose_as_many_by_what_they_say() {
    let logs = runs(3, 3, 60);
    let scores = Scores::of(&logs).unwrap();
    for rival in Rival::ALL {
        let chosen = rival.choose(&scores, 20, 1).unwrap();
        assert_eq!(chosen.len(), 20);
        assert!(chosen.is_sorted_by(|a, b| a < b));
        assert_eq!(rival.choose(&scores, 20, 1).unwrap(), chosen);
        let left = (0..60).filter(|index| !chosen.contains(index));
        let by = match rival {
            Rival::El2n => scores.el2n.as_ref().unwrap(),
            Rival::Ambiguous => scores.variability.as_ref().unwrap(),
            _ => continue,
        };
        let least = chosen
            .iter()
            .map(|&index| by[index])
            .fold(f64::INFINITY, f64::min);
        assert!(left.map(|index| by[index]).all(|value| value <= least));
    }
    assert_ne!(
        Rival::Random.choose(&scores, 20, 1),
        Rival::Random.choose(&scores, 20, 2)
    );
    // Without what stands beside the answers two of them do not know.
    let plain = logs.iter().map(|log| {
        let right = (0..3).flat_map(|epoch| log.right(epoch).to_vec()).collect();
        RunLog::new(log.run.clone(), 3, right, None).unwrap()
    });
    let plain = Scores::of(&plain.collect::<Vec<_>>()).unwrap();
    assert_eq!(plain.h, scores.h);
    assert!(Rival::El2n.choose(&plain, 20, 1).is_none());
    assert!(Rival::Ambiguous.choose(&plain, 20, 1).is_none());
}

#[test]
fn numbers_beside_answers_are_as_many() {
    let beside = Beside {
        confidence: vec![0.5; 4],
        margin: vec![0.5; 4],
        error: vec![0.5; 3],
    };
    assert!(RunLog::new("1", 2, vec![true; 4], Some(beside)).is_err());
    assert!(RunLog::new("1", 3, vec![true; 4], None).is_err());
}
