//! `intformer prune-data`, and training on what it chose, as a user would.

use std::{fs, thread, time::Instant};

use intformer::{data::Subset, method::hscore::RunLog};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    place::Workplace,
    texts::{encoder, questions},
};

const TASK: &str =
    "--from encoder --data all.csv --column question --label-column kind --batch 8 --rate 3e-3";

/// An encoder and questions to train it on.
fn with_questions() -> Workplace {
    let place = encoder();
    questions(&place, "all.csv", 48);
    place
}

#[test]
fn scores_do_not_depend_on_who_makes_the_runs() {
    let place = with_questions();
    let score = format!("prune-data score {TASK} --runs 3 --epochs 2");
    let found = place.json(&format!("{score} --out runs"));
    let examples = found["examples"].as_u64().unwrap();
    let histogram = found["histogram"].as_array().unwrap();
    assert_eq!(histogram.len(), 4);
    let counts = histogram.iter().map(|count| count.as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), examples);

    // By processes of their own, the last run first, into another folder.
    let run = format!("prune-data run {TASK} --epochs 2 --out others");
    place.json(&format!("{run} --seeds 2"));
    place.json(&format!("{run} --seeds 1"));
    let partly = place.json(&format!("{score} --collect --out others"));
    assert_eq!(partly["missing"], serde_json::json!([0]));
    assert_eq!(partly["runs"], serde_json::json!(["1", "2"]));
    let made = place.json(&format!("{run} --seeds 0,2"));
    assert_eq!(made["made"], serde_json::json!([0]));
    place.json(&format!("{score} --collect --out others"));
    let names = [
        "run-0.parquet",
        "run-1.parquet",
        "run-2.parquet",
        "scores.jsonl",
    ];
    for name in names {
        let bytes = |folder: &str| fs::read(place.path(folder).join(name)).unwrap();
        assert_eq!(bytes("runs"), bytes("others"), "{name}");
    }
    // Nothing else is left.
    assert_eq!(
        fs::read_dir(place.path("runs")).unwrap().count(),
        names.len()
    );

    // Runs of other settings are not mixed in.
    let sentence = place.refused(&format!("{run} --seeds 0 --weight-decay 0.5"));
    assert!(sentence.contains("found one of others"), "{sentence}");
    assert!(sentence.contains("0.5 here"), "{sentence}");
    fs::remove_file(place.path("others/run-0.parquet")).unwrap();
    place.json(&format!("{run} --seeds 0 --weight-decay 0.5"));
    let sentence = place.refused("prune-data subsets others --out x");
    assert!(sentence.contains("weight_decay is"), "{sentence}");
}

#[test]
fn a_subset_is_trained_on_and_no_other_data_set_is_taken_for_its_own() {
    let place = with_questions();
    // Which runs are right is not what is tested: a ticket of every third example.
    place.json(&format!(
        "prune-data run {TASK} --epochs 1 --seeds 0 --out runs"
    ));
    let log = RunLog::load(place.path("runs/run-0.parquet")).unwrap();
    let examples = log.examples();
    for run in 0..2usize {
        let right = (0..examples).map(|index| index % 3 > run);
        let mut log = RunLog::new(run.to_string(), 1, right.collect(), None).unwrap();
        log.data = RunLog::load(place.path("runs/run-0.parquet")).unwrap().data;
        log.save(place.path(&format!("log-{run}.parquet"))).unwrap();
    }
    let found = place.json("prune-data subsets log-0.parquet log-1.parquet --rivals --out subsets");
    let names: Vec<_> = found["subsets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["name"])
        .collect();
    assert_eq!(names, ["winning-ticket", "random", "forgetting"]);
    let ticket = Subset::load(place.path("subsets/winning-ticket.txt")).unwrap();
    assert_eq!(ticket.of(), examples);
    assert!(ticket.indices().iter().all(|index| index % 3 == 1));

    let train = format!("train {TASK} --epochs 1 --subset subsets/winning-ticket.txt");
    let output = place.run(&format!("{train} --plain --out some.safetensors"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let count = ticket.indices().len();
    assert!(
        said.contains(&format!("{count} of {examples} texts")),
        "{said}"
    );

    questions(&place, "all.csv", 50);
    let sentence = place.refused(&format!("{train} --out x.safetensors"));
    assert!(sentence.contains("expected a subset of"), "{sentence}");
    let rows = fs::read_to_string(place.path("all.csv")).unwrap();
    let fewer: Vec<_> = rows.lines().take(49).collect();
    fs::write(
        place.path("all.csv"),
        fewer.join("\n").replace("a b c a", "a b c c"),
    )
    .unwrap();
    let sentence = place.refused(&format!("{train} --out x.safetensors"));
    assert!(sentence.contains("another data set"), "{sentence}");

    let refused = |lines: &str, expected: &str| {
        fs::write(place.path("bad.txt"), lines).unwrap();
        let train = train.replace("subsets/winning-ticket.txt", "bad.txt");
        let sentence = place.refused(&format!("{train} --out x.safetensors"));
        assert!(sentence.contains(expected), "{sentence}");
    };
    let title = format!("# intformer subset 1\n# of {examples} examples\n");
    refused(&format!("{title}3\n1\n3\n"), "found 3 twice");
    refused(
        &format!("{title}1\n{examples}\n"),
        &format!("indices below {examples}"),
    );
    refused(&title, "found none");
    refused(&format!("{title}a\n"), "line 3: expected an index");
    refused("1\n2\n", "in the first line");
    refused("# intformer subset 1\n1\n", "of N examples");
}

#[test]
fn logs_of_another_trainer_are_enough() {
    let place = Workplace::new();
    for run in 0..6usize {
        let rows = (0..3usize).flat_map(|epoch| (0..20usize).map(move |index| (epoch, index)));
        let rows = rows.map(|(epoch, index)| {
            let right = index % 7 > run || index == 19;
            format!("{{\"index\":{index},\"epoch\":{epoch},\"right\":{right}}}\n")
        });
        fs::write(
            place.path(&format!("seed-{run}.jsonl")),
            rows.collect::<String>(),
        )
        .unwrap();
    }
    let logs = "seed-0.jsonl seed-1.jsonl seed-2.jsonl seed-3.jsonl seed-4.jsonl seed-5.jsonl";
    let found = place.json(&format!("prune-data subsets {logs} --out subsets"));
    assert_eq!(found["histogram"], serde_json::json!([3, 3, 3, 3, 3, 2, 3]));
    assert_eq!(found["subsets"].as_array().unwrap().len(), 7);
    let kept = Subset::load(place.path("subsets/kept-5.txt")).unwrap();
    assert_eq!(kept.indices(), [5, 12]);
    assert_eq!(kept.data(), None);

    let sentence = place.refused("prune-data subsets seed-0.jsonl --out subsets");
    assert!(sentence.contains("at least two runs"), "{sentence}");
    fs::create_dir(place.path("empty")).unwrap();
    let sentence = place.refused("prune-data subsets empty --out subsets");
    assert!(
        sentence
            .contains("expected a log of a run, or a folder of runs (run-*.parquet, run-*.jsonl)"),
        "{sentence}"
    );
    let text = fs::read_to_string(place.path("seed-1.jsonl")).unwrap();
    fs::write(
        place.path("seed-1.jsonl"),
        text.lines().skip(1).collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    let sentence = place.refused(&format!("prune-data subsets {logs} --out subsets"));
    assert!(
        sentence.contains("found none to the example 0 in the epoch 0"),
        "{sentence}"
    );
}

#[test]
fn an_image_that_cannot_be_read_has_no_answer() {
    let place = Workplace::new();
    for folder in ["train/x", "train/y", "val/x", "val/y"] {
        let folder = place.path("photos").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(place.path("image.png"), folder.join("1.png")).unwrap();
        fs::copy(place.path("image.png"), folder.join("2.png")).unwrap();
    }
    let model = "--image-size 8 --patch 2 --window 2 --width 8 --depths 1 --heads 1";
    let score = format!("prune-data score --data photos --runs 2 --epochs 1 {model} --out runs");
    let found = place.json(&score);
    assert_eq!(found["examples"], 4);
    fs::remove_dir_all(place.path("runs")).unwrap();
    // As many bytes, so that it is the same data set.
    let path = place.path("photos/train/y/1.png");
    let length = fs::read(&path).unwrap().len();
    fs::write(&path, vec![b'?'; length]).unwrap();
    // Also when it is started again.
    for _ in 0..2 {
        let output = place.run(&score);
        assert_eq!(output.status.code(), Some(2));
        assert!(!place.path("runs/run-0.parquet").exists());
    }
}

#[test]
fn glyphs_that_change_with_each_epoch_have_no_score() {
    let place = Workplace::new();
    let sentence = place.refused("prune-data score --glyphs 100 --runs 2 --epochs 1 --out runs");
    assert!(sentence.contains("rendered anew"), "{sentence}");
    // Before it is trained, not after.
    let train = "train --glyphs 100 --epochs 1 --out x.safetensors";
    let sentence = place.refused(&format!("{train} --record x.parquet"));
    assert!(sentence.contains("rendered anew"), "{sentence}");
    let sentence = place.refused(&format!("{train} --record x.log"));
    assert!(sentence.contains("ends in .parquet"), "{sentence}");
}

#[test]
#[cfg(feature = "cloud")]
fn two_workers_on_one_run_do_no_harm_and_a_url_is_a_place() {
    let place = with_questions();
    let run =
        format!("prune-data run {TASK} --epochs 2 --seeds 0,1 --save-every 0 --plain --quiet");
    place.json(&format!("{run} --out runs"));
    let url = format!("file://{}", place.path("far/away").display());
    // Two with states of their own, and one with the state of another.
    let states = ["one", "one", "two"];
    let workers = states.map(|state| {
        let arguments = format!("{run} --out {url} --state {state}");
        let mut worker = place.command(&arguments);
        worker.stdout(std::process::Stdio::null()).spawn().unwrap()
    });
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    for name in ["run-0.parquet", "run-1.parquet"] {
        let bytes = |folder: &str| fs::read(place.path(folder).join(name)).unwrap();
        assert_eq!(bytes("runs"), bytes("far/away"), "{name}");
    }
    let score = format!("prune-data score {TASK} --epochs 2 --runs 3 --collect --out {url}");
    let found = place.json(&score);
    assert_eq!(found["missing"], serde_json::json!([2]));
    assert!(place.path("far/away/scores.jsonl").is_file());
    let found = place.json(&format!("prune-data subsets {url} --out subsets"));
    assert_eq!(found["runs"], serde_json::json!(["0", "1"]));
    let sentence = place.refused("prune-data subsets ftp://host/runs --out subsets");
    assert!(sentence.contains("expected file://"), "{sentence}");
}

#[test]
fn a_run_that_is_killed_at_random_moments_ends_with_the_same_file() {
    let place = with_questions();
    let run =
        format!("prune-data run {TASK} --epochs 3 --seeds 5 --save-every 0 --plain --quiet --out");
    let began = Instant::now();
    place.json(&format!("{run} whole"));
    let whole = began.elapsed();
    let bytes = |folder: &str| fs::read(place.path(folder).join("run-5.parquet")).unwrap();
    let expected = bytes("whole");
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let (mut killed, mut finished) = (0, 0);
    while killed < 20 {
        assert!(
            finished < 100,
            "expected runs that can be killed in {whole:?}"
        );
        let mut child = place.command(&format!("{run} parts")).spawn().unwrap();
        thread::sleep(whole.mul_f64(random.random::<f64>()));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            assert_eq!(bytes("parts"), expected);
            fs::remove_dir_all(place.path("parts")).unwrap();
            finished += 1;
        } else {
            killed += 1;
        }
    }
    place.json(&format!("{run} parts"));
    assert_eq!(bytes("parts"), expected);
    assert_eq!(fs::read_dir(place.path("parts")).unwrap().count(), 1);
}
