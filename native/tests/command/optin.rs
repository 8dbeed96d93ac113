//! `intformer reproduce optin`, as a user would, on data that is made here.

use std::fs;

use serde_json::{Value, json};

use crate::hscore::with_assets;

const STUDY: &str = "reproduce optin --quick --tasks trec --assets assets --encoder encoder --examples 40 --test 12 --seeds 2 \
     --shares 0.8,0.6 --sizes 8 --rounds 2 --out study";

/// What does not depend on the clock, or on what was there before.
fn figures(answer: &Value) -> Value {
    let mut task = answer["tasks"][0].clone();
    task["times"] = json!([]);
    for arm in task["arms"].as_array_mut().unwrap() {
        for kind in ["cells", "sizes"] {
            for cell in arm[kind].as_array_mut().unwrap() {
                cell["seconds"] = json!(0);
                cell["passes"] = json!(0);
            }
        }
    }
    task
}

#[test]
fn a_study_prunes_in_all_ways_and_goes_on_with_what_is_there() {
    let place = with_assets();
    let answer = place.json(STUDY);
    let task = &answer["tasks"][0];
    let arms = task["arms"].as_array().unwrap();
    let cells = |name: &str, kind: &str| {
        let arm = arms.iter().find(|arm| arm["arm"] == json!(name)).unwrap();
        arm[kind].as_array().unwrap().clone()
    };
    assert_eq!(arms.len(), 6);
    for name in ["optin", "optin-as-released", "fisher", "kwon", "random"] {
        assert_eq!(cells(name, "cells").len(), 4, "{name}");
    }
    // No data, no draws; an encoder is not searched greedily, and has no patches.
    assert_eq!(cells("magnitude", "cells").len(), 2);
    assert!(
        arms.iter()
            .all(|arm| !["greedy", "optin-tokens"].contains(&arm["arm"].as_str().unwrap()))
    );
    assert_eq!(cells("kwon", "sizes").len(), 2);
    for cell in cells("optin", "cells") {
        let [share, macs] = ["share", "macs"].map(|key| cell[key].as_f64().unwrap());
        assert!(macs <= share && macs > share - 0.2, "{macs} of {share}");
        assert_eq!(cell["score"].as_str().unwrap().len(), 12);
        assert_eq!(cell["integer"].is_null(), cell["seed"] == json!(1));
    }
    // The whole one and two shares, at two batches.
    let times = task["times"].as_array().unwrap();
    assert_eq!(times.len(), 2);
    assert!(
        times
            .iter()
            .all(|times| times["models"].as_array().unwrap().len() == 3)
    );
    let report = fs::read_to_string(place.path("study/report.html")).unwrap();
    assert!(report.contains("TREC-6, encoder") && report.contains("This was the quick run"));

    // Results are lost; the rest is not made anew, and they come out the same.
    let lost = [
        "study/trec/optin/0600-seed-1.json",
        "study/trec/kwon-of-8/0600-seed-0.json",
    ];
    let kept = "study/trec/whole-float.safetensors";
    let written = fs::metadata(place.path(kept)).unwrap().modified().unwrap();
    for file in lost {
        fs::remove_file(place.path(file)).unwrap();
    }
    let again = place.json(STUDY);
    assert_eq!(figures(&answer), figures(&again));
    let modified = fs::metadata(place.path(kept)).unwrap().modified().unwrap();
    assert_eq!(modified, written);

    let refused = place.refused(&STUDY.replace("--shares 0.8,0.6", "--shares 0.8,1.5"));
    assert!(
        refused.contains("expected shares of the multiply-adds from 0.001 to below 1, found 1.5"),
        "{refused}"
    );
    let refused = place.refused(&STUDY.replace("--seeds 2", "--seeds 3"));
    assert!(refused.contains("expected no study in"), "{refused}");
    let refused = place.refused(&STUDY.replace("trec --assets", "r8 --assets"));
    assert!(
        refused.contains("`cargo xtask assets` downloads it"),
        "{refused}"
    );
}
