//! What a model of texts takes: tokens, and what makes them of a text.

use crate::{Error, Result, graph::TokenLimits};

/// A token of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Token {
    /// Its place in the vocabulary.
    pub id: u32,
    /// Which of the texts of its item it belongs to, from 0 on.
    pub segment: u32,
}

/// How a text becomes the tokens of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenization {
    /// A `tokenizer.json` as the library `tokenizers` of Hugging Face reads it.
    pub json: Vec<u8>,
    /// Tokens that a text may have, those that mark its ends among them; a longer one is cut.
    pub limit: usize,
}

impl Tokenization {
    /// The most bytes of a `tokenizer.json`.
    pub const MAX_BYTES: usize = 64 << 20;

    /// Checks that a model within `limits` can take what is left of a text.
    ///
    /// # Errors
    /// [`Error::Config`] with what was expected and found.
    pub fn validate(&self, limits: TokenLimits) -> Result<()> {
        if self.json.len() > Self::MAX_BYTES {
            return Err(Error::Config(format!(
                "expected a tokenizer of at most {} bytes, found {}",
                Self::MAX_BYTES,
                self.json.len()
            )));
        }
        let positions = limits.positions as usize;
        match (1..=positions).contains(&self.limit) {
            true => Ok(()),
            false => Err(Error::Config(format!(
                "expected texts of at most {positions} tokens, found a limit of {}",
                self.limit
            ))),
        }
    }
}

impl TokenLimits {
    /// Checks the tokens of text `item`, which is for messages.
    ///
    /// # Errors
    /// [`Error::Text`] if there are none, too many, or one that is not below these limits.
    pub fn check(self, item: usize, tokens: &[Token]) -> Result<()> {
        let fail = |what: String| Err(Error::Text(format!("text {item}: {what}")));
        if tokens.is_empty() || tokens.len() > self.positions as usize {
            return fail(format!(
                "expected 1 to {} tokens, found {}",
                self.positions,
                tokens.len()
            ));
        }
        for token in tokens {
            if token.id >= self.vocabulary || token.segment >= self.segments {
                return fail(format!(
                    "expected tokens below {} in segments below {}, found token {} in segment {}",
                    self.vocabulary, self.segments, token.id, token.segment
                ));
            }
        }
        Ok(())
    }
}
