//! Encoders of texts: configuration, head, tokenizer.

use std::{fs, path::Path};

use super::fixture;
use crate::{
    Tokenization,
    architecture::{Activation, BertConfig, Config, PerBlock, TextHead, TextPooling},
    checkpoint::{LoadOptions, Loaded, load, load_noting, save},
};

fn bert(name: &str) -> (BertConfig, Loaded) {
    let options = LoadOptions::default();
    let loaded =
        load_noting(fixture(name), &options).unwrap_or_else(|error| panic!("{name}: {error}"));
    match &loaded.model.config {
        Config::Bert(config) => (config.clone(), loaded),
        other => panic!("expected a BERT, found {other}"),
    }
}

/// A copy of a fixture that may be changed.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        let to = folder.path().join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&to).unwrap();
            fs::copy(path.join("config.json"), to.join("config.json")).unwrap();
        } else {
            fs::copy(&path, to).unwrap();
        }
    }
    folder
}

/// Sets keys of the JSON `file` in `folder`.
fn set(folder: &Path, file: &str, key: &str, value: serde_json::Value) {
    let path = folder.join(file);
    let text = fs::read(&path).unwrap();
    let mut map: serde_json::Value = serde_json::from_slice(&text).unwrap();
    map[key] = value;
    fs::write(path, map.to_string()).unwrap();
}

fn refused(folder: &Path, expected: &str) {
    let error = load(folder).unwrap_err().to_string();
    assert!(error.contains(expected), "{expected}: {error}");
}

#[test]
fn each_family_has_its_head() {
    let text = |dense| TextHead::Text {
        pooling: TextPooling::First,
        dense: Some(dense),
    };
    let embedding = |pooling| TextHead::Embedding {
        pooling,
        normalized: true,
    };
    for (name, head, [classes, segments, positions]) in [
        ("bert", text(Activation::Tanh), [3, 2, 20]),
        ("bert-tokens", TextHead::Tokens, [3, 2, 20]),
        ("roberta", text(Activation::Tanh), [3, 1, 20]),
        ("electra", text(Activation::Gelu), [3, 2, 20]),
        (
            "electra-discriminator",
            embedding(TextPooling::Max),
            [0, 2, 20],
        ),
        ("distilbert", text(Activation::Relu), [2, 1, 20]),
        ("sentence-bert", embedding(TextPooling::Mean), [0, 2, 20]),
        (
            "sentence-roberta",
            embedding(TextPooling::First),
            [0, 1, 20],
        ),
    ] {
        let (config, _) = bert(name);
        assert_eq!(config.head, head, "{name}");
        let found = [config.classes, config.segments, config.positions];
        assert_eq!(found, [classes, segments, positions], "{name}");
    }
    let (config, loaded) = bert("bert-tokens");
    assert_eq!(config.activation, PerBlock::All(Activation::GeluTanh));
    assert_eq!(loaded.model.labels, ["kind 0", "kind 1", "kind 2"]);
    assert!(
        loaded
            .notes
            .iter()
            .any(|note| note.contains("pooler is left out"))
    );
    let (config, loaded) = bert("electra");
    assert_eq!(config.embedding_dim, Some(12));
    assert!(
        loaded
            .notes
            .iter()
            .any(|note| note.contains("no tokenizer"))
    );
}

#[test]
fn a_tokenizer_travels_with_the_model() {
    let folder = copy("sentence-bert");
    let tokenizers = fixture("../tokenizers");
    fs::copy(
        tokenizers.join("pieces.json"),
        folder.path().join("tokenizer.json"),
    )
    .unwrap();
    let limit = |folder: &Path| load(folder).unwrap().tokenization.unwrap().limit;
    assert_eq!(limit(folder.path()), 20);
    fs::write(
        folder.path().join("tokenizer_config.json"),
        r#"{"model_max_length": 1e30}"#,
    )
    .unwrap();
    assert_eq!(limit(folder.path()), 20);
    set(
        folder.path(),
        "tokenizer_config.json",
        "model_max_length",
        12.into(),
    );
    assert_eq!(limit(folder.path()), 12);
    // What sentence-transformers says of itself counts more.
    fs::write(
        folder.path().join("sentence_bert_config.json"),
        r#"{"max_seq_length": 9}"#,
    )
    .unwrap();
    let model = load(folder.path()).unwrap();
    let json = fs::read(tokenizers.join("pieces.json")).unwrap();
    assert_eq!(model.tokenization, Some(Tokenization { json, limit: 9 }));

    let path = folder.path().join("own.safetensors");
    save(&model, &path).unwrap();
    assert_eq!(load(&path).unwrap(), model);
}

#[cfg(feature = "tokenizer")]
#[test]
fn words_in_a_file_make_the_same_tokenizer() {
    use crate::{Tokenizer, plan::TokenLimits};
    let limits = TokenLimits {
        vocabulary: 1000,
        positions: 20,
        segments: 2,
    };
    let tokenizers = fixture("../tokenizers");
    let ids = |name: &str| {
        let folder = copy("sentence-bert");
        let to = if name == "vocab.txt" {
            name
        } else {
            "tokenizer.json"
        };
        fs::copy(tokenizers.join(name), folder.path().join(to)).unwrap();
        let tokenization = load(folder.path()).unwrap().tokenization.unwrap();
        let tokenizer = Tokenizer::new(&tokenization, limits).unwrap();
        let lines = fs::read_to_string(fixture("../lines.txt")).unwrap();
        let encode = |line| tokenizer.encode(line).unwrap();
        lines.lines().map(encode).collect::<Vec<_>>()
    };
    assert_eq!(ids("vocab.txt"), ids("pieces.json"));
}

#[test]
fn what_is_not_supported_is_refused_by_its_name() {
    let folder = copy("sentence-bert");
    let path = folder.path();
    set(
        path,
        "config.json",
        "position_embedding_type",
        "relative_key".into(),
    );
    refused(path, "positions that are absolute");
    set(
        path,
        "config.json",
        "position_embedding_type",
        "absolute".into(),
    );
    set(path, "config.json", "is_decoder", true.into());
    refused(path, "expected an encoder");
    set(path, "config.json", "is_decoder", false.into());
    set(path, "config.json", "hidden_act", "silu".into());
    refused(path, "a hidden_act of gelu");
    set(path, "config.json", "hidden_act", "gelu".into());
    set(path, "config.json", "num_hidden_layers", 3.into());
    refused(path, "expected blocks of 3");
    set(path, "config.json", "num_hidden_layers", 2.into());
    load(path).unwrap();

    let modules = |last: &str| {
        let module =
            |kind: &str, path: &str| serde_json::json!({"type": format!("a.{kind}"), "path": path});
        let all = [
            module("Transformer", ""),
            module("Pooling", "1_Pooling"),
            module(last, "2"),
        ];
        fs::write(
            path.join("modules.json"),
            serde_json::Value::from(all.to_vec()).to_string(),
        )
        .unwrap();
    };
    modules("Dense");
    refused(path, "found \"Dense\"");
    modules("Normalize");
    set(
        &path.join("1_Pooling"),
        "config.json",
        "pooling_mode_max_tokens",
        true.into(),
    );
    refused(path, "one pooling of cls, mean or max");
    fs::write(path.join("vocab.txt"), "a\nb\n").unwrap();
    refused(path, "[CLS] among the words");
    fs::remove_file(path.join("config.json")).unwrap();
    refused(path, "a config.json beside a BERT");
}

#[test]
fn a_description_without_a_model_type_is_of_2019() {
    let without = |name: &str| {
        let folder = copy(name);
        let path = folder.path().join("config.json");
        let mut map: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        map.as_object_mut().unwrap().remove("model_type");
        fs::write(path, map.to_string()).unwrap();
        folder
    };
    for name in ["bert", "distilbert"] {
        let loaded = load_noting(without(name).path(), &LoadOptions::default()).unwrap();
        let (config, _) = bert(name);
        assert_eq!(loaded.model.config, Config::Bert(config));
        assert!(
            loaded
                .notes
                .iter()
                .any(|note| note.ends_with(&format!("read as of {name}"))),
            "{:?}",
            loaded.notes
        );
    }
    for name in ["roberta", "electra"] {
        refused(
            without(name).path(),
            "expected a model_type or an architecture",
        );
    }
}
