//! The commands on a model of texts, one after the other as a user would.

use std::{fs, path::Path};

use serde_json::Value;

use crate::place::Workplace;

/// A sentence encoder as sentence-transformers keeps it, with its tokenizer, and `lines.txt`.
pub fn encoder() -> Workplace {
    let place = Workplace::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let folder = place.path("encoder");
    fs::create_dir_all(folder.join("1_Pooling")).unwrap();
    let from = fixtures.join("checkpoints/sentence-bert");
    for name in [
        "model.safetensors",
        "config.json",
        "modules.json",
        "1_Pooling/config.json",
    ] {
        fs::copy(from.join(name), folder.join(name)).unwrap();
    }
    // As many words as the fixture has.
    let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let letters = ('a'..='z').map(|letter| letter.to_string());
    let inside = ('a'..='j').map(|letter| format!("##{letter}"));
    let all: Vec<String> = words.into_iter().chain(letters).chain(inside).collect();
    fs::write(folder.join("vocab.txt"), all.join("\n")).unwrap();
    fs::write(
        place.path("lines.txt"),
        "a cab\nbad face\nhe\n\nab cd ef gh\nk l m n o p\n",
    )
    .unwrap();
    place.json("quantize encoder --calib lines.txt --out model.safetensors");
    place
}

fn texts(place: &Workplace, name: &str, lines: &[&str]) {
    fs::write(place.path(name), lines.join("\n")).unwrap();
}

#[test]
fn a_text_has_one_embedding_alone_and_in_any_batch() {
    let place = encoder();
    let one = |text: &str| {
        texts(&place, "one.txt", &[text]);
        place.json("embed model.safetensors --text-file one.txt")
    };
    let lines = ["he", "a cab face", "bad", "k l m n o p q r"];
    texts(&place, "all.txt", &lines);
    let mut all = Vec::new();
    for executor in ["reference", "cpu"] {
        let found = place.json(&format!("embed model.safetensors -F all.txt -e {executor}"));
        assert_eq!(found["executor"], executor);
        all.push(found);
    }
    assert_eq!(all[0]["embeddings"], all[1]["embeddings"]);
    for (at, line) in lines.iter().enumerate() {
        let alone = one(line);
        assert_eq!(alone["embeddings"][0], all[0]["embeddings"][at], "{line}");
        assert_eq!(alone["digests"][0], all[0]["digests"][at]);
        assert_eq!(alone["embeddings"][0].as_array().unwrap().len(), 24);
    }
    let of_float = place.json("embed encoder -F all.txt");
    let scale = all[0]["scale"].as_f64().unwrap();
    for (at, _) in lines.iter().enumerate() {
        let numbers = |found: &Value, scale: f64| -> Vec<f64> {
            let values = found["embeddings"][at].as_array().unwrap().iter();
            values
                .map(|value| value.as_f64().unwrap() * scale)
                .collect()
        };
        let (ints, floats) = (numbers(&all[0], scale), numbers(&of_float, 1.0));
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let cosine = dot(&ints, &floats) / (dot(&ints, &ints) * dot(&floats, &floats)).sqrt();
        assert!(cosine > 0.99, "{cosine}");
    }

    let similar = place.json("similar model.safetensors he --in lines.txt -k 2");
    assert_eq!(similar["similar"][0]["text"], "he");
    assert_eq!(similar["similar"][0]["line"], 3);
    assert_eq!(similar["similar"].as_array().unwrap().len(), 2);
    place.json("verify model.safetensors -e reference,cpu --random 3");
    let info = place.json("info model.safetensors");
    assert_eq!(info["config"]["architecture"], "bert");
}

#[test]
fn what_is_cut_is_told() {
    let place = encoder();
    let long = "a b c d e f g h i j k l m n o p q r s t u v w x y z";
    texts(&place, "long.txt", &[long, "a"]);
    let found = place.json("embed model.safetensors -F long.txt");
    assert_eq!(found["tokens"], serde_json::json!([20, 3]));
    assert_eq!(found["cut"], serde_json::json!([8, 0]));
    let output = place.run("embed model.safetensors -F long.txt");
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.contains("1 of 2 texts are longer than 20 tokens"),
        "{notes}"
    );
}

#[test]
fn columns_of_lines_of_json_are_texts() {
    let place = encoder();
    let lines = [r#"{"question": "he", "n": 1}"#, r#"{"question": "a cab"}"#];
    texts(&place, "lines.jsonl", &lines);
    let found = place.json("embed model.safetensors -F lines.jsonl --column question");
    assert_eq!(found["tokens"], serde_json::json!([4, 6]));
    let error = place.refused("embed model.safetensors -F lines.jsonl");
    assert!(
        error.contains("line 1: expected a column \"text\", found n, question"),
        "{error}"
    );
    texts(&place, "odd.jsonl", &[r#"{"text": 3}"#]);
    let error = place.refused("embed model.safetensors -F odd.jsonl");
    assert!(error.contains("line 1"), "{error}");
}

#[test]
fn a_table_of_texts_is_evaluated() {
    let place = Workplace::new();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models");
    fs::copy(
        models.join("sorter.safetensors"),
        place.path("model.safetensors"),
    )
    .unwrap();
    let asked = ["Who wrote it?", "One, two", "", "a red bicycle"];
    texts(&place, "asked.txt", &asked[..1]);
    let answer = |text: &str| {
        texts(
            &place,
            "one.jsonl",
            &[&serde_json::json!({ "text": text }).to_string()],
        );
        let found = place.json("classify model.safetensors -F one.jsonl -e cpu");
        // Classes are called "kind 0" and so on.
        let label = found["texts"][0]["top"][0]["label"].as_str();
        let number = label.and_then(|label| label.rsplit(' ').next()?.parse().ok());
        number.unwrap_or_else(|| panic!("{found}"))
    };
    let answers: Vec<u64> = asked.iter().map(|text| answer(text)).collect();
    // All but the last as the model says.
    let truth = |at: usize| {
        if at == 3 {
            (answers[at] + 1) % 3
        } else {
            answers[at]
        }
    };
    let rows = asked.iter().enumerate().map(|(at, text)| {
        let (text, class) = (text.to_owned(), truth(at));
        serde_json::json!({ "question": text, "kind": class }).to_string()
    });
    let rows: Vec<String> = rows.collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    texts(&place, "test.jsonl", &rows);
    let table =
        "eval model.safetensors --data test.jsonl --column question --label-column kind -e cpu";
    let found = place.json(table);
    assert_eq!((&found["n"], &found["top1"]), (&4.into(), &0.75.into()));
    assert_eq!(found["matched"], "numbers");
    let limited = place.json(&format!("{table} --limit 2"));
    assert_eq!(limited["n"], 2);
    // Of a model without names, other names have no order that could be meant.
    let checkpoint = models.join("../checkpoints/sorter");
    fs::create_dir(place.path("unnamed")).unwrap();
    for name in ["model.safetensors", "tokenizer.json"] {
        fs::copy(checkpoint.join(name), place.path("unnamed").join(name)).unwrap();
    }
    let config = fs::read(checkpoint.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    for key in ["id2label", "label2id"] {
        config.as_object_mut().unwrap().remove(key);
    }
    fs::write(place.path("unnamed/config.json"), config.to_string()).unwrap();
    let named = |class: &str| serde_json::json!({ "text": "he", "label": class }).to_string();
    let rows = ["happy", "sad", "so so"].map(named);
    texts(&place, "named.jsonl", &rows.each_ref().map(String::as_str));
    let error = place.refused("eval unnamed --data named.jsonl -e float");
    assert!(
        error.contains("the names or the numbers of the model's classes"),
        "{error}"
    );
    for (arguments, expected) in [
        ("--data named.jsonl", "the classes in the column \"label\""),
        (
            "--data test.jsonl",
            "expected a column \"text\", found kind, question",
        ),
        (
            "--data test.jsonl --column question --label-column question",
            "the classes in the column \"question\"",
        ),
        ("--data .", "expected a table of texts for --data"),
        ("--glyphs 3", "expected a table of texts for --data"),
        ("--data asked.txt", "which has a column of classes"),
    ] {
        let error = place.refused(&format!("eval model.safetensors {arguments}"));
        assert!(error.contains(expected), "{arguments}: {error}");
    }
}

#[test]
fn what_does_not_fit_is_a_sentence() {
    let place = encoder();
    texts(&place, "none.txt", &["", " "]);
    for (arguments, expected) in [
        ("embed model.safetensors", "expected texts"),
        ("embed model.safetensors -F none.txt", "at least one text"),
        ("classify model.safetensors --text he", "one without a head"),
        ("logits model.safetensors --image image.png", "takes texts"),
        (
            "logits model.safetensors",
            "expected images (--image or --tensor) or texts",
        ),
        (
            "logits model.safetensors --image image.png --text he",
            "found both",
        ),
        (
            "quantize encoder --calib glyphs:8 --out o.safetensors",
            "takes texts",
        ),
        (
            "embed encoder --text he -e cpu",
            "expected a compressed model",
        ),
    ] {
        let error = place.refused(arguments);
        assert!(error.contains(expected), "{arguments}: {error}");
    }
    let images = Workplace::new();
    let error = images.refused("embed model.safetensors --text he");
    assert!(error.contains("takes images"), "{error}");
    let error = images.refused("classify model.safetensors --text he");
    assert!(error.contains("takes images"), "{error}");
    let error = images.refused("classify model.safetensors");
    assert!(error.contains("expected image files, or texts"), "{error}");
}

#[test]
fn lengths_and_own_texts_are_timed() {
    let place = encoder();
    let bench = "bench model.safetensors -e cpu -n 2";
    let answer = place.json(&format!("{bench} --batch 1,2 --tokens 3,5"));
    let runs = answer["results"].as_array().unwrap().iter();
    let sizes: Vec<_> = runs
        .map(|run| {
            (
                run["batch"].as_u64().unwrap(),
                run["tokens"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(sizes, [(1, 3), (2, 6), (1, 5), (2, 10)]);

    let answer = place.json(&format!("{bench} -F lines.txt --threads 2"));
    let run = &answer["results"][0];
    assert_eq!(run["batch"], 5);
    let embedded = place.json("embed model.safetensors -F lines.txt");
    let tokens = embedded["tokens"].as_array().unwrap().iter();
    let all: u64 = tokens.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(run["tokens"], all);
    assert_eq!(run["times_ms"].as_array().unwrap().len(), 2);

    let several = place.refused(&format!("{bench} --tokens 3,5 --compare-activations"));
    assert!(several.contains("one length"), "{several}");
}

#[test]
fn long_texts_come_apart_into_windows() {
    let place = encoder();
    // The fixture takes 20 tokens, two of which mark a text.
    let long = "a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k";
    texts(&place, "long.txt", &["a cab", long]);
    let found = place.json("embed model.safetensors -F long.txt --windows");
    let of = |text: usize, number: usize, of: usize| serde_json::json!({"text": text, "number": number, "of": of});
    let windows = serde_json::json!([of(0, 1, 1), of(1, 1, 3), of(1, 2, 3), of(1, 3, 3)]);
    assert_eq!(found["windows"], windows);
    assert_eq!(found["tokens"], serde_json::json!([6, 20, 20, 3]));
    assert_eq!(found["cut"], serde_json::json!([0, 0, 0, 0]));
    // The first window is what a cut text is.
    let cut = place.json("embed model.safetensors -F long.txt");
    assert_eq!(cut["digests"][1], found["digests"][1]);
    assert_eq!(cut["cut"], serde_json::json!([0, 19]));
}

/// Sentences of two classes, by their first word.
pub fn questions(place: &Workplace, name: &str, count: usize) {
    let letter = |at: usize| char::from(b'a' + (at % 26) as u8);
    let rows = (0..count).map(|at| {
        let (x, y) = (letter(at), letter(at / 26 + 7));
        match at % 2 {
            0 => format!("who,a b c {x} {y} d\n"),
            _ => format!("where,h i {x} {y} j k l\n"),
        }
    });
    let rows: String = rows.collect();
    fs::write(place.path(name), format!("kind,question\n{rows}")).unwrap();
}

#[test]
fn an_encoder_becomes_a_classifier() {
    let place = encoder();
    questions(&place, "all.csv", 96);
    let columns = "--column question --label-column kind";
    let train = format!("train --from encoder {columns} --epochs 8 --batch 8 --rate 1e-2");
    let answer = place.json(&format!("{train} --data all.csv --out kinds.safetensors"));
    assert_eq!(answer["config"]["classes"], 2);
    assert_eq!(answer["history"].as_array().unwrap().len(), 8);
    assert!(answer["top1"].as_f64().unwrap() > 0.7, "{answer}");

    // It takes texts as the encoder did, and becomes an integer-only model that says the same.
    let quantize =
        format!("quantize kinds.safetensors --calib all.csv {columns} --out int.safetensors");
    let quantize = quantize.replace(" --label-column kind", "");
    place.json(&quantize);
    for model in ["kinds.safetensors", "int.safetensors"] {
        let eval = place.json(&format!("eval {model} --data all.csv {columns}"));
        assert!(eval["top1"].as_f64().unwrap() > 0.7, "{eval}");
    }

    // The very classes: its head goes on, and frozen parameters stay.
    let again = train.replace("--from encoder", "--from kinds.safetensors");
    let output = place.run(&format!(
        "{again} --data all.csv --validation all.csv --freeze embeddings,blocks --out more.safetensors"
    ));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("head is kept"), "{said}");

    // A folder of tables, as data sets are downloaded.
    fs::create_dir(place.path("kinds")).unwrap();
    questions(&place, "kinds/train-00000-of-00001.csv", 24);
    questions(&place, "kinds/test.csv", 8);
    let answer = place.json(&format!("{train} --data kinds --out folder.safetensors"));
    assert_eq!(answer["config"]["classes"], 2);
    questions(&place, "kinds/train.csv", 8);
    let refused = |arguments: &str, expected: &str| {
        let sentence = place.refused(&format!("{train} {arguments} --out x.safetensors"));
        assert!(sentence.contains(expected), "{arguments}: {sentence}");
    };
    refused("--data kinds", "one table of the part train");
    refused("--data encoder", "called train or training");
    refused("--data all.csv --hold-out 0", "leaves some for either part");
    refused(
        "--data all.csv --freeze block",
        "the beginning of a parameter's name",
    );
    refused("--data all.csv --mixup 0.2", "images to mix");
    refused("--glyphs 10", "found glyphs");
    let output = place.run(&format!(
        "{train} --data all.csv --width 8 --out x.safetensors"
    ));
    assert_eq!(output.status.code(), Some(2));
    fs::write(place.path("other.csv"), "kind,question\nwhen,a b\n").unwrap();
    refused("--data all.csv --validation other.csv", "found \"when\"");
    fs::write(place.path("one.csv"), "kind,question\nwhen,a b\nwhen,c d\n").unwrap();
    refused(
        "--data one.csv --validation one.csv",
        "at least two classes",
    );
    let sentence = place.refused("train --data all.csv --out x.safetensors");
    assert!(
        sentence.contains("--from a model that takes texts"),
        "{sentence}"
    );
}
