//! Texts as the commands take them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::{
    Tokenization, Tokenizer,
    data::{Columns, TextTable},
    plan::TokenLimits,
    runtime::Token,
};

use serde::Serialize;

use crate::{cli::Globals, model::Model};

/// Texts on the command line.
#[derive(Args, Default)]
pub struct TextArguments {
    /// A text; may be given more than once.
    #[arg(long, short = 'T')]
    pub text: Vec<String>,
    /// A file of texts: one a line, or the column --column of a .csv, .tsv, .jsonl or .parquet.
    #[arg(long, short = 'F', value_name = "FILE")]
    pub text_file: Option<PathBuf>,
    #[command(flatten)]
    pub column: Column,
    /// Takes texts that are longer than the model's limit apart into windows, each answered by itself, in place
    /// of cutting them.
    #[arg(long)]
    pub windows: bool,
}

/// The column of texts in a table.
#[derive(Args, Default)]
pub struct Column {
    /// The column of a table that has the text.
    #[arg(long, default_value = "text")]
    pub column: String,
}

impl Column {
    /// The texts of a file.
    ///
    /// # Errors
    /// As [`TextTable::open`].
    pub fn read(&self, path: impl AsRef<Path>) -> Result<TextTable> {
        let columns = Columns {
            text: &self.column,
            class: None,
        };
        Ok(TextTable::open(path, columns)?)
    }
}

/// A text with its tokens.
pub struct Text {
    /// As it was given; of one in several windows the beginning.
    pub text: String,
    /// Its tokens: all, or as many as the model takes.
    pub tokens: Vec<Token>,
    /// How many there would be if none were cut.
    pub whole: usize,
    /// Which part of a text it is, if texts are taken apart.
    pub window: Option<Window>,
}

/// A part of a text.
#[derive(Clone, Copy, Serialize)]
pub struct Window {
    /// The text, from 0.
    pub text: usize,
    /// The part, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Text {
    /// The text, with the part if it is one of several.
    pub fn name(&self) -> String {
        match self.window {
            Some(Window { number, of, .. }) if of > 1 => {
                format!("{} ({number} of {of})", self.text)
            }
            _ => self.text.clone(),
        }
    }
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
            texts.extend(self.column.read(path)?.texts);
        }
        if texts.is_empty() {
            bail!("expected texts (--text or --text-file), found none");
        }
        let tokenizer = tokenizer_of(model)?;
        match self.windows {
            true => windows(&tokenizer, texts),
            false => encode(&tokenizer, texts, globals),
        }
    }
}

/// The tokens of `texts`; says how many were cut.
///
/// # Errors
/// As [`Tokenizer::encode`], with the place of the text.
pub fn encode(tokenizer: &Tokenizer, texts: Vec<String>, globals: &Globals) -> Result<Vec<Text>> {
    let encode = |(at, text): (usize, String)| -> Result<Text> {
        let encoded = tokenizer.encode(&text);
        let encoded = encoded.with_context(|| format!("text {}", at + 1))?;
        let (tokens, whole) = (encoded.tokens, encoded.whole);
        Ok(Text {
            text,
            tokens,
            whole,
            window: None,
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

/// The beginning of a text that comes in many parts.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The windows of `texts`, text by text.
///
/// # Errors
/// As [`encode`].
fn windows(tokenizer: &Tokenizer, texts: Vec<String>) -> Result<Vec<Text>> {
    let mut all = Vec::new();
    for (at, text) in texts.into_iter().enumerate() {
        let windows = tokenizer.windows(&text);
        let windows = windows.with_context(|| format!("text {}", at + 1))?;
        let of = windows.len();
        for (tokens, number) in windows.into_iter().zip(1..) {
            all.push(Text {
                text: match of {
                    1 => text.clone(),
                    _ => beginning(&text),
                },
                whole: tokens.len(),
                tokens,
                window: Some(Window {
                    text: at,
                    number,
                    of,
                }),
            });
        }
    }
    Ok(all)
}

/// The tokenizer of `model`.
///
/// # Errors
/// If it takes no texts, or as [`tokenizer`].
pub fn tokenizer_of(model: &Model) -> Result<Tokenizer> {
    tokenizer(model.config().text()?, model.tokenization())
}

/// The tokenizer of a model within `limits`.
///
/// # Errors
/// If the model has none, or it is another model's.
pub fn tokenizer(limits: TokenLimits, found: Option<&Tokenization>) -> Result<Tokenizer> {
    match found {
        Some(tokenization) => Ok(Tokenizer::new(tokenization, limits)?),
        None => {
            bail!("expected a model with its tokenizer, found one without: it takes tokens alone")
        }
    }
}

/// Tokens of texts without what they are of.
pub fn tokens(texts: &[Text]) -> Vec<Vec<Token>> {
    texts.iter().map(|text| text.tokens.clone()).collect()
}
