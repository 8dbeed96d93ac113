//! What a file is that is no compressed model, and what to do next.

use safetensors::{SafeTensorError, SafeTensors};

/// What the bytes are, and advice, as the end of a sentence that says that they are no model.
#[cold]
#[inline(never)]
pub(super) fn what(bytes: &[u8]) -> String {
    // Eight bytes of a length come first, which may be anything.
    if bytes.get(4..9) == Some(b"\0\0\0\0{") {
        return safetensors(bytes);
    }
    let starts = |head: &[u8]| bytes.starts_with(head);
    let text = || {
        let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
        bytes[start..].first().copied()
    };
    let picture = [
        (&b"\x89PNG"[..], "a PNG"),
        (b"\xff\xd8\xff", "a JPEG"),
        (b"GIF8", "a GIF"),
        (b"BM", "a BMP"),
    ];
    if let Some((_, kind)) = picture.iter().find(|(head, _)| starts(head)) {
        return format!("{kind} picture: it goes where images go, and the model is another file");
    }
    match () {
        () if bytes.is_empty() => "an empty file: get it again".to_owned(),
        () if starts(b"PK\x03\x04") || starts(b"\x80\x02") => {
            format!(
                "a zip or pickle, as PyTorch writes checkpoints: {QUANTIZE}; an archive has to be unpacked"
            )
        }
        () if starts(b"\x1f\x8b") || starts(b"\x28\xb5\x2f\xfd") || starts(b"BZh") => {
            "a compressed file: unpack it".to_owned()
        }
        () if starts(b"version https://git-lfs") => {
            "a pointer of Git LFS in place of the file: fetch it with git lfs pull".to_owned()
        }
        () if starts(b"GGUF") => "a GGUF file, which this does not read".to_owned(),
        () if starts(b"\x89HDF") => "an HDF5 file, which this does not read".to_owned(),
        () if text() == Some(b'<') => {
            "a page of HTML, as servers send in place of a file that is missing: check the address"
                .to_owned()
        }
        () => safetensors(bytes),
    }
}

const QUANTIZE: &str = "intformer quantize makes a model of a checkpoint";

/// What is wrong with what may be a safetensors file.
fn safetensors(bytes: &[u8]) -> String {
    let opens = bytes.get(8) == Some(&b'{');
    match SafeTensors::read_metadata(bytes) {
        Ok((header, _)) => {
            let has = |kind: &[u8]| {
                bytes[8..8 + header]
                    .windows(kind.len())
                    .any(|at| at == kind)
            };
            let kinds: [&[u8]; 4] = [b"\"F64\"", b"\"F32\"", b"\"F16\"", b"\"BF16\""];
            match kinds.into_iter().any(has) {
                true => format!("a float checkpoint: {QUANTIZE}"),
                false => "a safetensors file of something else".to_owned(),
            }
        }
        Err(SafeTensorError::MetadataIncompleteBuffer) => cut(bytes),
        Err(SafeTensorError::InvalidHeaderLength) if opens => cut(bytes),
        Err(error) => format!("something else ({error})"),
    }
}

fn cut(bytes: &[u8]) -> String {
    format!(
        "{} bytes of a safetensors file that has another length: get it again",
        bytes.len()
    )
}

#[cfg(test)]
mod tests {
    use safetensors::Dtype;

    use super::*;

    #[test]
    fn each_kind_is_named_with_what_to_do() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "empty file"),
            (b"PK\x03\x04....", "intformer quantize"),
            (b"\x80\x02}q\x00.", "intformer quantize"),
            (b"\x1f\x8b\x08", "unpack it"),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                "git lfs pull",
            ),
            (
                b"\n\n  <!doctype html><title>404</title>",
                "check the address",
            ),
            (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
            (b"\xff\xd8\xff\xe0", "a JPEG picture"),
            (b"GGUF\x03", "GGUF"),
            (b"hello", "something else"),
            (
                b"\x80\x02\0\0\0\0\0\0{\"a\":",
                "13 bytes of a safetensors file",
            ),
            (
                b"\x20\x3c\0\0\0\0\0\0{\"a\":",
                "13 bytes of a safetensors file",
            ),
            (
                b"\x40\0\0\0\0\0\0\0{\"a\":",
                "13 bytes of a safetensors file",
            ),
        ];
        for (bytes, expected) in cases {
            let found = what(bytes);
            assert!(found.contains(expected), "{found} for {bytes:?}");
        }
    }

    #[test]
    fn checkpoints_and_parts_of_files_are_told_apart() {
        let floats = [0u8; 16];
        let view = |kind| safetensors::tensor::TensorView::new(kind, vec![4], &floats);
        let whole = safetensors::serialize([("w", view(Dtype::F32).expect("16 bytes"))], None)
            .expect("it serializes");
        assert!(what(&whole).contains("a float checkpoint"));
        let found = what(&whole[..whole.len() - 3]);
        assert!(found.contains("get it again"), "{found}");
        let ints = safetensors::serialize([("w", view(Dtype::I32).expect("16 bytes"))], None)
            .expect("it serializes");
        assert!(what(&ints).contains("something else"));
    }
}
