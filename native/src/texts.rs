//! Texts as the commands take them.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::{Error, Tokenizer, runtime::Token};
use serde_json::Value;

use crate::{cli::Globals, model::Model};

/// The most bytes of texts that are held at once.
const MAX_BYTES: u64 = 1 << 28;

/// Texts on the command line.
#[derive(Args, Default)]
pub struct TextArguments {
    /// A text; may be given more than once.
    #[arg(long, short = 'T')]
    pub text: Vec<String>,
    /// A file of texts: one a line, or of a .jsonl the column --column of each line.
    #[arg(long, short = 'F', value_name = "FILE.txt | FILE.jsonl")]
    pub text_file: Option<PathBuf>,
    /// The column of a .jsonl file that has the text.
    #[arg(long, default_value = "text")]
    pub column: String,
}

/// A text with its tokens.
pub struct Text {
    /// As it was given.
    pub text: String,
    /// Its tokens: all, or as many as the model takes.
    pub tokens: Vec<Token>,
    /// How many there would be if none were cut.
    pub whole: usize,
}

impl TextArguments {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.text_file.is_none()
    }

    /// The texts for `model`; says how many were cut.
    ///
    /// # Errors
    /// If there are none, or the model takes none.
    pub fn read(&self, model: &Model, globals: &Globals) -> Result<Vec<Text>> {
        let mut texts = self.text.clone();
        if let Some(path) = &self.text_file {
            let lines = lines(path, &self.column)?;
            texts.extend(lines.into_iter().map(|(_, text)| text));
        }
        if texts.is_empty() {
            bail!("expected texts (--text or --text-file), found none");
        }
        encode(model, texts, globals)
    }
}

/// The tokens of `texts` for `model`; says how many were cut.
///
/// # Errors
/// If the model takes none, or has no tokenizer.
pub fn encode(model: &Model, texts: Vec<String>, globals: &Globals) -> Result<Vec<Text>> {
    let tokenizer = tokenizer(model)?;
    let encode = |(at, text): (usize, String)| -> Result<Text> {
        let encoded = tokenizer.encode(&text);
        let encoded = encoded.with_context(|| format!("text {}", at + 1))?;
        let (tokens, whole) = (encoded.tokens, encoded.whole);
        Ok(Text {
            text,
            tokens,
            whole,
        })
    };
    let texts: Vec<Text> = texts
        .into_iter()
        .enumerate()
        .map(encode)
        .collect::<Result<_>>()?;
    let cut = texts.iter().filter(|text| text.tokens.len() < text.whole);
    match cut.count() {
        0 => {}
        cut => globals.note(&format!(
            "{cut} of {} texts are longer than {} tokens: what is after them is not seen",
            texts.len(),
            tokenizer.limit()
        )),
    }
    Ok(texts)
}

/// The tokenizer of `model`.
fn tokenizer(model: &Model) -> Result<Tokenizer> {
    let limits = model.config().text()?;
    match model.tokenization() {
        Some(tokenization) => Ok(Tokenizer::new(tokenization, limits)?),
        None => {
            bail!("expected a model with its tokenizer, found one without: it takes tokens alone")
        }
    }
}

/// The texts of a file with their lines, from 1 on: one a line, or of a .jsonl the `column` of each. Empty lines are none.
///
/// # Errors
/// If there is none, or a line is not as expected.
pub fn lines(path: &Path, column: &str) -> Result<Vec<(usize, String)>> {
    let named = || path.display().to_string();
    let file = std::fs::File::open(path).map_err(|error| Error::io(path, error))?;
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| Error::io(path, error))?;
    if text.len() as u64 > MAX_BYTES {
        bail!(
            "{}: expected at most {MAX_BYTES} bytes of texts, found more",
            named()
        );
    }
    let structured = path.extension().is_some_and(|ending| ending == "jsonl");
    let mut texts = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let text = match structured {
            true => field(line, column).with_context(|| format!("{}, line {}", named(), at + 1))?,
            false => line.to_owned(),
        };
        texts.push((at + 1, text));
    }
    if texts.is_empty() {
        bail!("{}: expected at least one text, found none", named());
    }
    Ok(texts)
}

/// The text in `column` of a line of JSON.
fn field(line: &str, column: &str) -> Result<String> {
    match serde_json::from_str::<Value>(line)? {
        Value::Object(mut fields) => match fields.remove(column) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => bail!("expected a text under {column:?}, found {other}"),
            None => {
                let found: Vec<_> = fields.keys().cloned().collect();
                bail!(
                    "expected a text under {column:?}, found {}",
                    found.join(", ")
                )
            }
        },
        other => bail!("expected an object with a text under {column:?}, found {other}"),
    }
}

/// Tokens of texts without what they are of.
pub fn tokens(texts: &[Text]) -> Vec<Vec<Token>> {
    texts.iter().map(|text| text.tokens.clone()).collect()
}
