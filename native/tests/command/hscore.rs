//! `intformer reproduce hscore`, as a user would, on data that is made here.

use std::fs;

use serde_json::{Value, json};

use crate::{place::Workplace, texts::encoder};

const STUDY: &str = "reproduce hscore --quick --sets trec --assets assets --encoder encoder --examples 40 --test 12 --runs 2 --epochs 1 \
     --seeds 2 --out study";

/// An encoder, and questions in the place of TREC's.
pub fn with_assets() -> Workplace {
    let place = encoder();
    fs::create_dir_all(place.path("assets/trec")).unwrap();
    for (name, count) in [("train", 60), ("test", 20)] {
        let letter = |at: usize| char::from(b'a' + (at % 26) as u8);
        let rows = (0..count).map(|at| match at % 2 {
            0 => format!("a b c {} d,who\n", letter(at)),
            _ => format!("h i {} j k,where\n", letter(at)),
        });
        let rows: String = rows.collect();
        fs::write(
            place.path(&format!("assets/trec/{name}.csv")),
            format!("text,label\n{rows}"),
        )
        .unwrap();
    }
    place
}

/// What does not depend on the clock.
fn figures(answer: &Value) -> Value {
    let mut set = answer["sets"][0].clone();
    for arm in ["clean", "flipped"] {
        set[arm]["seconds"] = json!(0);
    }
    for way in set["ways"].as_array_mut().unwrap() {
        for run in way["runs"].as_array_mut().unwrap() {
            run["seconds"] = json!(0);
        }
    }
    set
}

#[test]
fn a_study_has_all_ways_and_goes_on_with_what_is_there() {
    let place = with_assets();
    let answer = place.json(STUDY);
    let set = &answer["sets"][0];
    let histogram = set["clean"]["histogram"].as_array().unwrap();
    let counts: Vec<u64> = histogram
        .iter()
        .map(|count| count.as_u64().unwrap())
        .collect();
    assert_eq!((counts.len(), counts.iter().sum::<u64>()), (3, 40));
    assert_eq!(set["noise"]["flipped"], json!(4));
    let ways = set["ways"].as_array().unwrap();
    let all = &ways[0];
    assert_eq!(
        (&all["name"], &all["examples"]),
        (&json!("all"), &json!(40))
    );
    let flipped = |way: &&Value| way["arm"] == json!("flipped") && way["name"] == json!("all");
    assert_eq!(ways.iter().filter(flipped).count(), 1);
    for way in ways {
        let runs = way["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2, "{way}");
        // Two batches of 32 in an epoch of all.
        if way["budget"] == json!("steps-of-all") {
            assert!(runs.iter().all(|run| run["steps"] == json!(2)), "{way}");
        }
    }
    let report = fs::read_to_string(place.path("study/report.html")).unwrap();
    assert!(report.contains("TREC-6") && report.contains("This was the quick run"));
    assert!(place.path("study/results.json").is_file());

    // One result and one run are lost; the rest is not made anew.
    let lost = [
        "study/trec/clean/all/seed-1001.json",
        "study/trec/flipped/run-1.json",
    ];
    lost.iter()
        .for_each(|file| fs::remove_file(place.path(file)).unwrap());
    let kept = place.path("study/trec/clean/run-0.json");
    let before = fs::metadata(&kept).unwrap().modified().unwrap();
    assert_eq!(figures(&place.json(STUDY)), figures(&answer));
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), before);

    let sentence = place.refused(&format!("{STUDY} --flipped 0.2"));
    assert!(sentence.contains("one of the same settings"), "{sentence}");
}

#[test]
fn what_is_missing_is_said() {
    let place = encoder();
    let sentence = place.refused(STUDY);
    assert!(
        sentence.contains("trec/train.csv: `cargo xtask assets` downloads it"),
        "{sentence}"
    );
    let sentence = place.refused(&STUDY.replace("--encoder encoder ", ""));
    assert!(
        sentence.contains("the encoder: `cargo xtask assets`"),
        "{sentence}"
    );
    let place = with_assets();
    let sentence =
        place.refused(&STUDY.replace("--sets trec", "--sets fashion-mnist --images-from encoder"));
    assert!(
        sentence.contains("expected a model of images"),
        "{sentence}"
    );
    let sentence = place.refused(&format!("{STUDY} --flipped 0"));
    assert!(
        sentence.contains("expected a share of labels to flip"),
        "{sentence}"
    );
}
