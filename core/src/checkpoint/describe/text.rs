//! What stands beside a model of texts: its tokenizer, and how sentence-transformers makes one vector of a text.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::json;

use super::{json as document, plain};
use crate::{
    Error, Result, Tokenization,
    architecture::{
        TextHead, TextPooling,
        names::{Description, Tokenizer, expected},
    },
    checkpoint::source::{
        MODULES, POOLING, PROMPTS, SENTENCE, TOKENIZER, TOKENIZER_CONFIG, VOCABULARY,
    },
};

/// What transformers writes where a tokenizer knows no limit.
const NO_LIMIT: f64 = 1e9;

#[derive(Deserialize)]
struct TokenizerConfig {
    tokenizer_class: Option<String>,
    model_max_length: Option<f64>,
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
}

#[derive(Deserialize)]
struct Module {
    path: String,
    r#type: String,
}

#[derive(Deserialize)]
struct Sentence {
    max_seq_length: Option<usize>,
    do_lower_case: Option<bool>,
}

#[derive(Deserialize)]
struct Prompts {
    default_prompt_name: Option<String>,
}

/// Adds to `description` what the files beside a model of texts say.
pub(super) fn describe(
    description: &mut Description,
    files: &BTreeMap<&'static str, PathBuf>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let settings: Option<TokenizerConfig> = read(files.get(TOKENIZER_CONFIG))?;
    let mut sentence = None;
    for name in SENTENCE {
        sentence = sentence.or(read::<Sentence>(files.get(name))?);
    }
    if sentence
        .as_ref()
        .is_some_and(|found| found.do_lower_case == Some(true))
    {
        notes.push(
            "sentence-transformers would lower the case of texts first: here the tokenizer alone does or does not"
                .to_owned(),
        );
    }
    let prompts: Option<Prompts> = read(files.get(PROMPTS))?;
    if let Some(name) = prompts.and_then(|found| found.default_prompt_name) {
        notes.push(format!(
            "sentence-transformers would begin texts with its prompt {name:?}: here a text is as it is given"
        ));
    }
    let limit = sentence.and_then(|sentence| sentence.max_seq_length);
    let own = settings
        .as_ref()
        .and_then(|settings| settings.model_max_length);
    let own = own.filter(|length| (1.0..NO_LIMIT).contains(length));
    let limit = limit.or(own.map(|length| length as usize));
    description.tokenizer = match (files.get(TOKENIZER), files.get(VOCABULARY)) {
        (Some(path), _) => Some(Tokenizer {
            json: bytes(path)?,
            limit,
        }),
        (None, Some(path)) => Some(Tokenizer {
            json: of_vocabulary(path, settings.as_ref())?,
            limit,
        }),
        (None, None) => None,
    };
    description.sentence = match files.get(MODULES) {
        Some(path) => Some(pooled(path)?),
        None => None,
    };
    Ok(())
}

/// The JSON at `path`, if there is a file.
fn read<T: serde::de::DeserializeOwned>(path: Option<&PathBuf>) -> Result<Option<T>> {
    let read = |path: &PathBuf| plain(path, document(path)?);
    path.map(read).transpose()
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
    if size.len() > Tokenization::MAX_BYTES as u64 {
        return Err(Error::Checkpoint(format!(
            "{}: expected at most {} bytes, found {}",
            path.display(),
            Tokenization::MAX_BYTES,
            size.len()
        )));
    }
    std::fs::read(path).map_err(|error| Error::io(path, error))
}

/// The `tokenizer.json` of BERT over the words at `path`, one a line.
fn of_vocabulary(path: &Path, settings: Option<&TokenizerConfig>) -> Result<Vec<u8>> {
    let class = settings.and_then(|found| found.tokenizer_class.as_deref());
    let known = ["Bert", "DistilBert", "Electra"].map(|family| {
        [
            format!("{family}Tokenizer"),
            format!("{family}TokenizerFast"),
        ]
    });
    if let Some(class) =
        class.filter(|class| !known.as_flattened().iter().any(|known| known == class))
    {
        return Err(expected(
            "a tokenizer.json, or the vocab.txt of a BertTokenizer",
            &class,
        ));
    }
    let text = String::from_utf8(bytes(path)?);
    let text = text.map_err(|error| expected("words in a vocab.txt", &error.utf8_error()))?;
    let words: BTreeMap<&str, usize> = text.lines().map(str::trim_end).zip(0..).collect();
    let id = |mark: &str| {
        let found = words.get(mark).copied();
        found.ok_or_else(|| expected(&format!("{mark} among the words of a vocab.txt"), &"none"))
    };
    let [begins, ends, _] = [id("[CLS]")?, id("[SEP]")?, id("[UNK]")?];
    let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let marks = marks
        .iter()
        .filter_map(|mark| Some((words.get(mark)?, mark)));
    let mut added: Vec<_> = marks
        .map(|(id, mark)| {
            json!({
                "id": id, "content": mark, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            })
        })
        .collect();
    added.sort_by_key(|mark| mark["id"].as_u64());
    let mark =
        |mark: &str, segment: usize| json!({"SpecialToken": {"id": mark, "type_id": segment}});
    let text = |text: &str, segment: usize| json!({"Sequence": {"id": text, "type_id": segment}});
    let special = |mark: &str, id: usize| json!({"id": mark, "ids": [id], "tokens": [mark]});
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true,
            "handle_chinese_chars": settings.and_then(|found| found.tokenize_chinese_chars).unwrap_or(true),
            "strip_accents": settings.and_then(|found| found.strip_accents),
            "lowercase": settings.and_then(|found| found.do_lower_case).unwrap_or(true),
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [mark("[CLS]", 0), text("A", 0), mark("[SEP]", 0)],
            "pair": [
                mark("[CLS]", 0), text("A", 0), mark("[SEP]", 0), text("B", 1), mark("[SEP]", 1),
            ],
            "special_tokens": {"[CLS]": special("[CLS]", begins), "[SEP]": special("[SEP]", ends)},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": words,
        },
    });
    Ok(tokenizer.to_string().into_bytes())
}

/// How the modules at `path` make one vector of a text.
fn pooled(path: &Path) -> Result<TextHead> {
    let modules: Vec<Module> = plain(path, document(path)?)?;
    let mut pooling = None;
    let mut normalized = false;
    for (at, module) in modules.iter().enumerate() {
        let kind = module.r#type.rsplit('.').next().unwrap_or_default();
        match kind {
            "Transformer" if at == 0 => {}
            "Pooling" if pooling.is_none() && !normalized => {
                let folder = plain_name(&module.path)
                    .ok_or_else(|| expected("the name of a folder", &module.path))?;
                let usual = Path::new(POOLING);
                let config = match folder.is_empty() {
                    true => path.with_file_name(usual),
                    false => path.with_file_name(folder).join("config.json"),
                };
                pooling = Some(mode(&config)?);
            }
            "Normalize" if pooling.is_some() => normalized = true,
            _ => {
                return Err(expected(
                    "modules of sentence-transformers that are Transformer, Pooling and Normalize",
                    &kind,
                ));
            }
        }
    }
    match pooling {
        Some(pooling) => Ok(TextHead::Embedding {
            pooling,
            normalized,
        }),
        None => Err(expected(
            "a module of sentence-transformers that pools",
            &"none",
        )),
    }
}

/// A name that leads to a folder beside the file.
fn plain_name(name: &str) -> Option<&str> {
    let plain = !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0']);
    plain.then_some(name)
}

/// The pooling that the file at `path` says.
fn mode(path: &Path) -> Result<TextPooling> {
    let found: serde_json::Map<String, serde_json::Value> = plain(path, document(path)?)?;
    let named = |mode: &str| match mode {
        "cls" | "cls_token" => Some(TextPooling::First),
        "mean" | "mean_tokens" => Some(TextPooling::Mean),
        "max" | "max_tokens" => Some(TextPooling::Max),
        _ => None,
    };
    // Since version 5.2 one word says it.
    let word = found.get("pooling_mode").and_then(|mode| mode.as_str());
    let set = found.iter().filter(|(_, value)| **value == true);
    let set = set.filter_map(|(key, _)| key.strip_prefix("pooling_mode_"));
    let modes: Vec<&str> = word.into_iter().chain(set).collect();
    match modes.as_slice() {
        [mode] => named(mode).ok_or_else(|| expected("a pooling of cls, mean or max", mode)),
        _ => Err(expected("one pooling of cls, mean or max", &modes)),
    }
}
