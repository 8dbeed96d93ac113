//! From texts to tokens, by the library `tokenizers` of Hugging Face.

use std::{
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tokenizers::{Encoding, Tokenizer as Library, TruncationDirection};

use super::{Token, Tokenization};
use crate::{Error, Result, graph::TokenLimits};

/// Makes the tokens of a model of texts.
///
/// # Examples
///
/// ```
/// use intformer::{Tokenization, Tokenizer, plan::TokenLimits};
///
/// let json = r###"{
///     "added_tokens": [],
///     "normalizer": { "type": "Lowercase" },
///     "pre_tokenizer": { "type": "BertPreTokenizer" },
///     "post_processor": { "type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2] },
///     "model": {
///         "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
///         "max_input_chars_per_word": 100,
///         "vocab": { "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "hello": 3, "world": 4, "##s": 5 }
///     }
/// }"###;
/// let limits = TokenLimits { vocabulary: 6, positions: 8, segments: 1 };
/// let tokenization = Tokenization { json: json.into(), limit: 5 };
/// let tokenizer = Tokenizer::new(&tokenization, limits)?;
///
/// let ids = |text: &str| -> intformer::Result<Vec<u32>> {
///     let encoded = tokenizer.encode(text)?;
///     Ok(encoded.tokens.iter().map(|token| token.id).collect())
/// };
/// assert_eq!(ids("Hello worlds")?, [1, 3, 4, 5, 2]);
///
/// // What does not fit is cut, and how much there was is told.
/// assert_eq!(ids("Hello worlds!")?, [1, 3, 4, 5, 2]);
/// assert_eq!(tokenizer.encode("Hello worlds!")?.whole, 6);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Debug)]
pub struct Tokenizer {
    library: Library,
    /// Tokens that mark the ends of a text.
    marks: usize,
    limit: usize,
    limits: TokenLimits,
}

/// The tokens of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// As many as there may be.
    pub tokens: Vec<Token>,
    /// How many there would be if none were cut.
    pub whole: usize,
}

impl Encoded {
    /// Whether some of the text was cut.
    pub fn is_cut(&self) -> bool {
        self.tokens.len() < self.whole
    }
}

impl Tokenizer {
    /// Reads the tokenizer of a model within `limits`.
    ///
    /// # Errors
    /// [`Error::Text`] if it is malformed, or has ids that the model has not.
    pub fn new(tokenization: &Tokenization, limits: TokenLimits) -> Result<Self> {
        tokenization.validate(limits)?;
        let json = &tokenization.json;
        let mut library = guarded(|| Library::from_bytes(json))
            .map_err(|error| Error::Text(format!("expected a tokenizer.json, found: {error}")))?;
        library.with_padding(None);
        let untruncated = library.with_truncation(None);
        untruncated.map_err(|error| Error::Text(error.to_string()))?;
        let ids = library.get_vocab_size(true);
        if ids > limits.vocabulary as usize {
            return Err(Error::Text(format!(
                "expected a tokenizer of at most the model's {} ids, found one of {ids}: it is another model's",
                limits.vocabulary
            )));
        }
        let marks = library.get_post_processor();
        let marks = marks.map_or(0, |found| {
            tokenizers::PostProcessor::added_tokens(found, false)
        });
        if marks >= tokenization.limit {
            return Err(Error::Text(format!(
                "expected a limit above the {marks} tokens that mark a text, found {}",
                tokenization.limit
            )));
        }
        Ok(Self {
            library,
            marks,
            limit: tokenization.limit,
            limits,
        })
    }

    /// Tokens that a text may have, those that mark its ends among them.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The tokens of `text`, cut after the limit.
    ///
    /// # Errors
    /// [`Error::Text`] if there are none, or one that the model has not.
    pub fn encode(&self, text: &str) -> Result<Encoded> {
        let mut inner = self.plain(text)?;
        let whole = inner.len() + self.marks;
        inner.truncate(self.limit - self.marks, 0, TruncationDirection::Right);
        Ok(Encoded {
            tokens: self.marked(inner)?,
            whole,
        })
    }

    /// The tokens of `text` in as many parts as it takes, none longer than the limit, each marked as a text.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn windows(&self, text: &str) -> Result<Vec<Vec<Token>>> {
        let mut inner = self.plain(text)?;
        inner.truncate(self.limit - self.marks, 0, TruncationDirection::Right);
        let rest = inner.take_overflowing();
        let parts = std::iter::once(inner).chain(rest);
        parts.map(|part| self.marked(part)).collect()
    }

    /// The tokens of a text without marks.
    fn plain(&self, text: &str) -> Result<Encoding> {
        guarded(|| self.library.encode_fast(text, false))
            .map_err(|error| Error::Text(format!("expected a text of tokens, found: {error}")))
    }

    fn marked(&self, inner: Encoding) -> Result<Vec<Token>> {
        let marked = guarded(|| self.library.post_process(inner, None, true))
            .map_err(|error| Error::Text(format!("expected a text of tokens, found: {error}")))?;
        let pairs = marked.get_ids().iter().zip(marked.get_type_ids());
        // A model of one segment is told of no others.
        let last = self.limits.segments.saturating_sub(1);
        let tokens: Vec<Token> = pairs
            .map(|(&id, &segment)| Token {
                id,
                segment: segment.min(last),
            })
            .collect();
        self.limits.check(0, &tokens)?;
        Ok(tokens)
    }
}

/// What `run` gives, or in a sentence why nothing: the files come from strangers, and the library may panic.
fn guarded<T, E: Display>(run: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err("something that stops the tokenizer".to_owned()),
    }
}
