//! Pieces of a pickle's bytes.

use std::io::{self, BufRead, Read};

use super::super::malformed;
use crate::Result;

pub(super) fn end(error: io::Error) -> crate::Error {
    malformed(&format!(
        "the end of the file inside of its pickle ({error})"
    ))
}

pub(super) fn bytes<const N: usize>(source: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes).map_err(end)?;
    Ok(bytes)
}

pub(super) fn skip(source: &mut impl Read, length: u64) -> Result<()> {
    let skipped = io::copy(&mut source.by_ref().take(length), &mut io::sink()).map_err(end)?;
    match skipped == length {
        true => Ok(()),
        false => Err(malformed("the end of the file inside of its pickle")),
    }
}

/// The text up to the end of the line.
pub(super) fn line(source: &mut impl BufRead) -> Result<String> {
    let mut bytes = Vec::new();
    let read = source.take(super::MAX_TEXT).read_until(b'\n', &mut bytes);
    read.map_err(end)?;
    if bytes.pop() != Some(b'\n') {
        return Err(malformed("a line without end in the pickle"));
    }
    Ok(String::from_utf8_lossy(&bytes)
        .trim_end_matches('\r')
        .to_owned())
}
