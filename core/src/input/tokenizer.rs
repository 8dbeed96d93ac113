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
        drop(inner.take_overflowing());
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
        let length = inner.len() + self.marks;
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
        // A template may take a text more than once.
        if tokens.len() != length {
            return Err(Error::Text(format!(
                "expected a tokenizer that adds {} tokens to a text, found {} in place of {length}",
                self.marks,
                tokens.len()
            )));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");

    fn file(name: &str) -> Vec<u8> {
        std::fs::read(format!("{FIXTURES}/{name}")).unwrap()
    }

    fn open(json: Vec<u8>, limit: usize) -> Result<Tokenizer> {
        let limits = TokenLimits {
            vocabulary: 1000,
            positions: 512,
            segments: 2,
        };
        Tokenizer::new(&Tokenization { json, limit }, limits)
    }

    fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        let encoded = tokenizer.encode(text).unwrap();
        assert_eq!(encoded.tokens.len(), encoded.whole);
        encoded.tokens.iter().map(|token| token.id).collect()
    }

    /// Lines of many scripts, emoji, control characters, very long words.
    #[test]
    fn ids_are_those_of_the_library() {
        let expected: serde_json::Value =
            serde_json::from_slice(&file("tokenizers/expected.json")).unwrap();
        let lines = String::from_utf8(file("lines.txt")).unwrap();
        for name in ["pieces", "pairs", "unigrams"] {
            let tokenizer = open(file(&format!("tokenizers/{name}.json")), 512).unwrap();
            let expected = expected[name].as_array().unwrap();
            let lines = lines.split('\n').filter(|line| !line.is_empty());
            let mut count = 0;
            for (line, expected) in lines.zip(expected) {
                let expected: Vec<u32> = serde_json::from_value(expected.clone()).unwrap();
                assert_eq!(ids(&tokenizer, line), expected, "{name}: {line}");
                count += 1;
            }
            assert_eq!(count, expected.len());
        }
    }

    #[test]
    fn what_is_cut_is_told_and_windows_hold_all_of_it() {
        let short = open(file("tokenizers/pieces.json"), 9).unwrap();
        let whole = open(file("tokenizers/pieces.json"), 512).unwrap();
        let text = "The quick brown fox jumps over the lazy dog, doesn't it?";
        let all = whole.encode(text).unwrap();
        let cut = short.encode(text).unwrap();
        assert!(cut.is_cut() && !all.is_cut());
        assert_eq!((cut.whole, cut.tokens.len()), (all.tokens.len(), 9));
        assert_eq!(cut.tokens[..8], all.tokens[..8]);
        assert_eq!(cut.tokens[8], *all.tokens.last().unwrap());

        let windows = short.windows(text).unwrap();
        let inner = windows
            .iter()
            .flat_map(|window| &window[1..window.len() - 1]);
        let inner: Vec<_> = inner.copied().collect();
        assert_eq!(inner, all.tokens[1..all.tokens.len() - 1]);
        assert_eq!(
            short.windows("x").unwrap(),
            [whole.encode("x").unwrap().tokens]
        );
    }

    #[test]
    fn any_text_is_tokens_or_a_sentence() {
        let tokenizer = open(file("tokenizers/pieces.json"), 64).unwrap();
        assert_eq!(ids(&tokenizer, "").len(), 2);
        let million = "a b".repeat(333_334);
        assert_eq!(tokenizer.encode(&million).unwrap().tokens.len(), 64);
        let word = "x".repeat(1_000_000);
        assert_eq!(tokenizer.encode(&word).unwrap().tokens.len(), 3);
        assert!(tokenizer.encode("\u{0}\u{feff}\u{10ffff}").is_ok());
        // No marks, so nothing is left of an empty text.
        let bare = r#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0}}}"#;
        let error = open(bare.into(), 64).unwrap().encode("").unwrap_err();
        assert!(error.to_string().contains("found 0"), "{error}");
    }

    #[test]
    fn what_is_no_tokenizer_of_the_model_is_a_sentence() {
        let refused = |json: Vec<u8>, limit: usize, expected: &str| {
            let error = open(json, limit).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        };
        let pieces = || file("tokenizers/pieces.json");
        refused(Vec::new(), 64, "expected a tokenizer.json");
        refused(b"{}".to_vec(), 64, "expected a tokenizer.json");
        refused(b"[".repeat(1 << 20), 64, "expected a tokenizer.json");
        refused(pieces()[..900].to_vec(), 64, "expected a tokenizer.json");
        refused(pieces(), 2, "a limit above the 2 tokens");
        refused(pieces(), 0, "at most 512 tokens, found a limit of 0");
        refused(pieces(), 513, "at most 512 tokens, found a limit of 513");
        let words: Vec<String> = (0..1001).map(|id| format!(r#""{id}": {id}"#)).collect();
        let words = words.join(",");
        let other = format!(
            r#"{{"model": {{"type": "WordLevel", "unk_token": "0", "vocab": {{{words}}}}}}}"#
        );
        refused(other.into_bytes(), 64, "another model's");
        // A template that takes the text twice.
        let twice = r#"{
            "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0}},
            "post_processor": {
                "type": "TemplateProcessing", "pair": [], "special_tokens": {},
                "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
            }
        }"#;
        if let Ok(tokenizer) = open(twice.into(), 64) {
            let error = tokenizer.encode("x").unwrap_err().to_string();
            assert!(error.contains("in place of"), "{error}");
        }
        // An id beyond all others.
        let far =
            r#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 4000000000}}}"#;
        let error = open(far.into(), 64).unwrap().encode("x").unwrap_err();
        assert!(error.to_string().contains("tokens below 1000"), "{error}");
    }
}
