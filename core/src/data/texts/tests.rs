use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::{Columns, TextTable};

const BOTH: Columns = Columns {
    text: "text",
    class: Some("label"),
};

fn fixture(name: &str) -> PathBuf {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/tables");
    PathBuf::from(fixtures).join(name)
}

fn refused(name: &str, content: &[u8], columns: Columns) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    TextTable::open(&path, columns).unwrap_err().to_string()
}

/// Made by other libraries, of the same rows.
#[test]
fn every_kind_of_file_gives_the_same_rows() {
    let expected = TextTable::open(fixture("rows.jsonl"), BOTH).unwrap();
    assert_eq!(expected.texts.len(), 5);
    assert_eq!(expected.texts[1], "a \"quoted\" one, with a comma");
    assert_eq!(expected.texts[2], "two\nlines");
    assert_eq!(expected.texts[3], "Ünïcode 文字 🙂");
    assert_eq!(expected.names(), ["2", "10"]);
    for name in [
        "rows.csv",
        "rows.tsv",
        "rows.parquet",
        "rows-dictionary.parquet",
    ] {
        let table = TextTable::open(fixture(name), BOTH).unwrap();
        assert_eq!(table, expected, "{name}");
        let alone = Columns {
            class: None,
            ..BOTH
        };
        let table = TextTable::open(fixture(name), alone).unwrap();
        assert_eq!(
            (table.texts, table.classes.len()),
            (expected.texts.clone(), 0)
        );
    }
}

#[test]
fn what_is_no_table_is_a_sentence() {
    let is = |found: String, expected: &str| assert!(found.contains(expected), "{found}");
    is(
        refused("a.csv", b"", BOTH),
        "expected a column \"text\", found ",
    );
    is(refused("a.csv", b"text,label\n", BOTH), "at least one text");
    is(
        refused("a.csv", b"text,label\na,1\nb\n", BOTH),
        "a.csv: expected a table, found CSV error",
    );
    is(
        refused("a.csv", b"text,kind\na,1\n", BOTH),
        "a column \"label\", found text, kind",
    );
    is(
        refused("a.txt", b"one\n", BOTH),
        "which has a column of classes, found lines of text",
    );
    is(
        refused("a.jsonl", b"{\"text\": \"a\", \"label\": 1}\n[]", BOTH),
        "line 2: expected an object",
    );
    is(
        refused("a.jsonl", b"{\"text\": 3, \"label\": 1}", BOTH),
        "line 1: expected a text under \"text\", found 3",
    );
    is(
        refused("a.jsonl", b"{\"text\": \"a\", \"label\": 1.5}", BOTH),
        "the name or the number of a class",
    );
    is(
        refused("a.jsonl", b"{\"text\": \"a\"}", BOTH),
        "a column \"label\", found text",
    );
    is(
        refused("a.jsonl", &[b'['; 100_000], BOTH),
        "line 1: expected an object",
    );
    is(
        refused("a.parquet", b"", BOTH),
        "a.parquet: expected a Parquet file",
    );
    is(
        refused("a.parquet", b"PAR1 and no more PAR1", BOTH),
        "expected a Parquet file",
    );
    let folder = tempfile::tempdir().unwrap();
    let error = TextTable::open(folder.path().join("none.csv"), BOTH).unwrap_err();
    assert!(matches!(error, crate::Error::Io { .. }), "{error}");
}

proptest! {
    /// A file whose bytes changed is read or refused.
    #[test]
    fn broken_parquet_is_rows_or_a_sentence(at in 0usize..2000, value: u8, cut in 0usize..2000) {
        let mut bytes = fs::read(fixture("rows.parquet")).unwrap();
        let length = bytes.len();
        bytes[at % length] = value;
        if cut < length {
            bytes.drain(cut..cut + 1);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        fs::write(&path, bytes).unwrap();
        match TextTable::open(&path, BOTH) {
            Ok(table) => {
                prop_assert_eq!(table.classes.len(), table.texts.len());
                prop_assert_eq!(table.places, (1..=table.texts.len()).collect::<Vec<_>>());
            }
            Err(crate::Error::Data(sentence)) => prop_assert!(sentence.contains("a.parquet: "), "{}", sentence),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn a_share_is_held_out_by_the_seed() {
    let rows: String = (0..40)
        .map(|at| format!("{},text {at}\n", at % 3))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.csv");
    std::fs::write(&path, format!("label,text\n{rows}")).unwrap();
    let columns = Columns {
        text: "text",
        class: Some("label"),
    };
    let table = TextTable::open(&path, columns).unwrap();
    let split = |share, seed| table.clone().held_out(share, seed);
    let [rest, held] = split(0.25, 1).unwrap();
    assert_eq!((rest.texts.len(), held.texts.len()), (30, 10));
    let mut places = [rest.places.clone(), held.places.clone()].concat();
    assert!(rest.places.is_sorted() && held.places.is_sorted());
    places.sort_unstable();
    assert_eq!(places, table.places);
    for (text, class) in held.texts.iter().zip(&held.classes) {
        let at: usize = text.strip_prefix("text ").unwrap().parse().unwrap();
        assert_eq!(*class, (at % 3).to_string());
    }
    assert_eq!(split(0.25, 1).unwrap(), [rest, held.clone()]);
    assert_ne!(split(0.25, 2).unwrap()[1], held);
    for share in [0.0, 1.0, -1.0, 0.001, f64::NAN] {
        let error = split(share, 1).unwrap_err().to_string();
        assert!(error.contains("leaves some for either part"), "{error}");
    }

    // A class of one text stays whole, equal texts stay together.
    let twice = TextTable {
        texts: ["a", "b", "a", "b", "c", "d"].map(str::to_owned).to_vec(),
        places: (1..7).collect(),
        classes: ["x", "x", "x", "x", "x", "y"].map(str::to_owned).to_vec(),
    };
    for seed in 0..20 {
        let [rest, held] = twice.clone().held_out(0.4, seed).unwrap();
        assert!(held.texts.iter().all(|text| !rest.texts.contains(text)));
        assert!(rest.classes.contains(&"y".to_owned()) && !held.texts.is_empty());
    }

    let labels = ["2", "0", "1"].map(str::to_owned);
    assert_eq!(table.places_of(&labels).unwrap()[..4], [1, 2, 0, 1]);
    let error = table.places_of(&labels[..2]).unwrap_err().to_string();
    assert!(
        error.contains("row 2: expected a class that there is to train on, found \"1\""),
        "{error}"
    );
}
