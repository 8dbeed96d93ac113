//! The forms of a file, and what is none.

use proptest::prelude::*;

use super::*;

fn read(text: &str, folders: &[&str], labels: &[&str]) -> Result<Vec<Option<usize>>> {
    let labels: Vec<_> = labels.iter().map(|label| (*label).to_owned()).collect();
    let model = ModelClasses {
        count: 12,
        labels: &labels,
        order: None,
    };
    ClassFile::parse(text)?.classes(folders, &model, &model.names())
}

#[track_caller]
fn refused(text: &str, folders: &[&str], labels: &[&str], part: &str) {
    let sentence = read(text, folders, labels).unwrap_err().to_string();
    assert!(sentence.contains(part), "{sentence}");
    assert_eq!(sentence.lines().count(), 1);
}

#[test]
fn every_form_says_the_same() {
    let folders = ["cat", "big dog"];
    let labels = ["a", "b", "puss", "d", "e", "hound"];
    for text in [
        r#"{"cat": 2, "big dog": 5}"#,
        r#"{"cat": "puss", "big dog": 5}"#,
        r#"{"cat": "puss", "big dog": "hound"}"#,
        r#"{"2": "cat", "5": "big dog"}"#,
        r#"{"5": ["x", "big dog"], "2": ["cat", "n02123045"]}"#,
        r#"["", "", "cat", "", "", "big dog"]"#,
        "# a comment\n\ncat 2\nbig dog 5\n",
        "cat\tpuss\r\nbig dog\thound\r\n",
        "cat,2\n\"big dog\",5",
        "\u{feff}cat , puss\nbig dog,hound\nelsewhere,3",
        "a\nb\ncat\nd\ne\nbig dog",
    ] {
        let classes = read(text, &folders, &labels).unwrap();
        assert_eq!(classes, [Some(2), Some(5)], "{text}");
    }
    assert_eq!(read("cat 2", &folders, &labels).unwrap(), [Some(2), None]);
}

#[test]
fn names_with_commas_are_split_where_the_folder_ends() {
    let folders = ["tench, Tinca tinca", "n01443537"];
    let labels = ["goldfish, Carassius auratus", "tench"];
    let text = "tench, Tinca tinca,1\nn01443537,goldfish, Carassius auratus";
    assert_eq!(read(text, &folders, &labels).unwrap(), [Some(1), Some(0)]);
    // Folders that are not there are split all the same.
    let text = "eft 3\nn01443537 0\nn01484850 goldfish, Carassius auratus\ntench, Tinca tinca 1";
    assert_eq!(read(text, &folders, &labels).unwrap(), [Some(1), Some(0)]);
}

#[test]
fn bad_lines_are_named() {
    let (folders, labels) = (["cat", "dog"], ["a", "b", "1"]);
    refused(
        "cat 0\n\ndog 12",
        &folders,
        &[],
        "line 3: expected a class below 12",
    );
    refused(
        "cat 0\ndog",
        &folders,
        &[],
        "line 2: expected a folder and a class",
    );
    refused(
        "cat 0\ndog x",
        &folders,
        &labels,
        "line 2: expected a class of the model",
    );
    refused("cat 0\ndog x", &folders, &[], "has no names of classes");
    refused("cat 0\ncat 3", &folders, &[], "line 2: expected one class");
    refused("cat 1", &folders, &labels, "the name of class 2");
    refused("dog 99999999999999999999", &folders, &[], "line 1");
    refused("# nothing", &folders, &[], "found none");
    refused("{}", &folders, &[], "found none");
    refused("{\"cat\": 0, \"cat\": 1}", &folders, &[], "found 0 and 1");
    refused("{\"cat\": -1}", &folders, &[], "found -1");
    refused(
        "{\"cat\": [\"x\"]}",
        &folders,
        &[],
        "expected a class number",
    );
    refused(
        "{\"999999999999\": [\"cat\"]}",
        &folders,
        &[],
        "expected class numbers below",
    );
    refused(
        "{\"0\": [\"cat\"], \"0\": [\"dog\"]}",
        &folders,
        &[],
        "once",
    );
    refused("[1]", &folders, &[], "found 1");
    refused("[\"cat\", \"cat\"]", &folders, &[], "expected one class");
    refused("{\"cat\": 0", &folders, &[], "line 1");
    refused(
        "{\"0\": \"1\", \"1\": \"2\", \"2\": \"0\"}",
        &["0", "1", "2"],
        &[],
        "either",
    );
    let many: Vec<_> = (0..13).map(|n| format!("\"{n}\"")).collect();
    refused(
        &format!("[{}]", many.join(",")),
        &folders,
        &[],
        "at most the model's 12",
    );
}

#[test]
fn numbers_by_numbers_are_read_where_there_is_no_doubt() {
    let same = r#"{"0": "0", "1": "1"}"#;
    assert_eq!(read(same, &["0", "1"], &[]).unwrap(), [Some(0), Some(1)]);
    let number = r#"{"0": 1, "1": 0}"#;
    assert_eq!(read(number, &["0", "1"], &[]).unwrap(), [Some(1), Some(0)]);
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-b0-2 ,\t\n\"{}:\\[\\]#]{0,40}", folder in "[a-b0-2 ,]{0,5}") {
        let _ = read(&text, &[&folder], &["a", "b"]);
    }

    #[test]
    fn pairs_come_back(
        classes in prop::collection::btree_map("[a-z][a-z0-9._-]{0,8}", 0..12usize, 1..8),
        separator in prop::sample::select(vec![" ", "\t", ",", " , ", "   "]),
    ) {
        let folders: Vec<&str> = classes.keys().map(String::as_str).collect();
        let lines: Vec<_> = classes.iter().map(|(f, c)| format!("{f}{separator}{c}")).collect();
        let expected: Vec<_> = classes.values().map(|&class| Some(class)).collect();
        prop_assert_eq!(read(&lines.join("\n"), &folders, &[]).unwrap(), expected.clone());
        let json = serde_json::to_string(&classes).unwrap();
        prop_assert_eq!(read(&json, &folders, &[]).unwrap(), expected);
    }
}
