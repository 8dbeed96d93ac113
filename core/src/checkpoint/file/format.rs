//! What a file is, by its first bytes.

use crate::{Error, Result};

/// Bytes that tell every format: a tar archive says so at 257.
pub(super) const HEAD: usize = 512;

/// Formats that hold a checkpoint that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Safetensors.
    Safe,
    /// A zip archive, as torch.save writes since 1.6.
    Zip,
    /// Pickles one after the other, as torch.save wrote before 1.6.
    Legacy,
    /// The index of a checkpoint in several files.
    Index,
}

/// The magic number 0x1950a86a20f9469cfc6c as protocols from 2 on write it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The magic number as protocols 0 and 1 write it.
const MAGIC_TEXT: &[u8] = b"119547037146038801333356";

/// What begins with these bytes at this offset is a file of another kind.
const OTHERS: [(usize, &[u8], &str); 12] = [
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes"),
    (0, b"GGUF", "a GGUF file"),
    (4, b"TFL3", "a TensorFlow Lite file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (
        257,
        b"ustar",
        "a tar archive: unpack it and name the file inside",
    ),
    (
        0,
        b"\x1f\x8b",
        "a gzip file: unpack it and name the file inside",
    ),
    (
        0,
        b"7z\xbc\xaf\x27\x1c",
        "a 7z archive: unpack it and name the file inside",
    ),
    (
        0,
        b"version https://git-lfs",
        "a pointer of Git LFS: fetch the file itself (git lfs pull)",
    ),
    (0, b"<!", "a web page: fetch the file itself"),
    (0, b"<html", "a web page: fetch the file itself"),
    (0, b"\x89PNG", "an image"),
    (0, b"\xff\xd8\xff", "an image"),
];

/// The format of a file that begins with `head`, [`HEAD`] bytes or all there are.
///
/// # Errors
/// If it is none that can be read, with what it is if that shows.
pub(crate) fn detect(head: &[u8]) -> Result<Format> {
    let other = |what: &str| {
        Err(Error::Checkpoint(format!(
            "expected a file of safetensors or of torch.save, found {what}"
        )))
    };
    let begins =
        |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    if head.is_empty() {
        return other("an empty file");
    }
    for (at, bytes, what) in OTHERS {
        if begins(at, bytes) {
            return other(what);
        }
    }
    if begins(0, b"PK\x03\x04") || begins(0, b"PK\x05\x06") {
        return Ok(Format::Zip);
    }
    if begins(8, b"{") && head[..8] != [b' '; 8] {
        return Ok(Format::Safe);
    }
    if head[0] == b'{' {
        return Ok(Format::Index);
    }
    let early = &head[..head.len().min(64)];
    let has = |bytes: &[u8]| early.windows(bytes.len()).any(|window| window == bytes);
    if has(&MAGIC) || has(MAGIC_TEXT) {
        return Ok(Format::Legacy);
    }
    match head {
        [0x80, 0..=5, ..] => other("a pickle that torch.save did not write"),
        // The version of the format, then the name of what wrote it, its version or a domain.
        [0x08, 1..=32, 0x12 | 0x1a | 0x22 | 0x3a | 0x42, ..] => other("an ONNX file"),
        // A graph of TensorFlow: the first field holds a message.
        [0x08, 1, ..] | [0x0a, ..] => other("a file of Protocol Buffers, as TensorFlow writes"),
        _ => other("neither"),
    }
}
