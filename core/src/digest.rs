//! Digests, to compare results across executors and machines.

use sha2::{Digest, Sha256};

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of a list of examples; each text stands behind its length.
#[cfg(feature = "data")]
pub(crate) struct ListHasher(Sha256);

#[cfg(feature = "data")]
impl ListHasher {
    pub(crate) fn new(kind: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.text(kind);
        hasher
    }

    pub(crate) fn names(&mut self, names: &[String]) {
        self.number(names.len() as u64);
        names.iter().for_each(|name| self.text(name));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// SHA-256 of int32 logits `[batch, classes]`, little end first.
///
/// # Examples
///
/// A line that says whether two machines gave the same answers:
///
/// ```
/// let here = intformer::digest(&[3, -1, 250]);
/// let there = "cff454f8bc511ea9afc4878f02d87d8ac9c780cea6eeb7d46a12c3c0514c0b9f";
/// assert_eq!(here, there);
/// assert_ne!(here, intformer::digest(&[3, -1, 251]));
/// ```
pub fn digest(logits: &[i32]) -> String {
    let mut hash = Sha256::new();
    for logit in logits {
        hash.update(logit.to_le_bytes());
    }
    hex(&hash.finalize())
}
