//! Logits against those of timm, Hugging Face transformers and torchvision.
//!
//! `tests/fixtures/make_checkpoints.py` made the small checkpoints that are committed;
//! `tests/parity/full_size.py` makes those of full size for the ignored test.

use std::path::{Path, PathBuf};

use intformer::{
    Pixels,
    checkpoint::{self, LoadOptions},
    float,
    plan::OutputKind,
    runtime::Token,
};
use safetensors::SafeTensors;

/// The largest |a - b| over the largest |b|.
const TOLERANCE: f32 = 1e-4;

/// Loads `source`, runs it on the pixels of `expected.safetensors` in `folder`, and returns how far
/// the logits are from those in that file.
///
/// A bare file of torchvision does not tell its size: that of the pixels is given.
fn difference(source: &Path, folder: &Path) -> f32 {
    let file = std::fs::read(folder.join("expected.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let pixels = file.tensor("pixels").unwrap();
    let &[count, height, width, channels] = pixels.shape() else {
        panic!("expected four dimensions, found {:?}", pixels.shape());
    };
    let bare =
        source.ends_with("checkpoint.pth") && source.to_string_lossy().contains("torchvision");
    let options = LoadOptions {
        image_size: bare.then_some([height, width]),
        ..LoadOptions::default()
    };
    let model = checkpoint::load_with(source, &options).unwrap_or_else(|error| panic!("{error}"));
    let images: Vec<_> = pixels
        .data()
        .chunks(height * width * channels)
        .map(|image| Pixels::new(height, width, channels, image.to_vec()).unwrap())
        .collect();
    let logits = file.tensor("logits").unwrap();
    assert_eq!(logits.shape(), [count, model.config.outputs()]);
    let expected: Vec<f32> = logits
        .data()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();

    let found = float::logits(&model, &images).unwrap().concat();
    assert_eq!(found.len(), expected.len());
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
    let apart = largest(&mut found.iter().zip(&expected).map(|(a, b)| (a - b).abs()));
    let relative = apart / largest(&mut expected.iter().map(|b| b.abs()));
    println!("{}: {relative:.1e}", source.display());
    relative
}

/// The same of the texts in `expected.safetensors`, each alone.
fn difference_of_texts(folder: &Path) -> f32 {
    let model = checkpoint::load(folder).unwrap_or_else(|error| panic!("{error}"));
    let file = std::fs::read(folder.join("expected.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let values = |name: &str, at: usize| -> Option<Vec<[u8; 4]>> {
        let tensor = file.tensor(&format!("{name}.{at}")).ok()?;
        Some(tensor.data().as_chunks::<4>().0.to_vec())
    };
    let numbers = |name, at| -> Vec<u32> {
        let values = values(name, at).unwrap();
        values
            .iter()
            .map(|&bytes| u32::from_le_bytes(bytes))
            .collect()
    };
    let (mut texts, mut expected) = (Vec::new(), Vec::new());
    while let Some(logits) = values("logits", texts.len()) {
        let (ids, segments) = (
            numbers("ids", texts.len()),
            numbers("segments", texts.len()),
        );
        let tokens = ids.into_iter().zip(segments);
        texts.push(
            tokens
                .map(|(id, segment)| Token { id, segment })
                .collect::<Vec<_>>(),
        );
        expected.push(
            logits
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect::<Vec<_>>(),
        );
    }
    assert!(texts.len() >= 3);
    let found = float::logits(&model, &texts).unwrap();
    let lengths = |all: &[Vec<f32>]| all.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(&found), lengths(&expected));
    let (found, expected) = (found.concat(), expected.concat());
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
    let apart = largest(&mut found.iter().zip(&expected).map(|(a, b)| (a - b).abs()));
    let relative = apart / largest(&mut expected.iter().map(|b| b.abs()));
    println!("{}: {relative:.1e}", folder.display());
    relative
}

#[test]
fn small_encoders_of_texts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/checkpoints");
    for (folder, outputs) in [
        ("bert", OutputKind::Logits),
        ("bert-tokens", OutputKind::TokenLogits),
        ("roberta", OutputKind::Logits),
        ("electra", OutputKind::Logits),
        ("electra-discriminator", OutputKind::Pooled),
        ("distilbert", OutputKind::Logits),
        ("sentence-bert", OutputKind::Pooled),
        ("sentence-roberta", OutputKind::Pooled),
    ] {
        let folder = root.join(folder);
        assert!(difference_of_texts(&folder) < TOLERANCE, "{folder:?}");
        let model = checkpoint::load(&folder).unwrap();
        assert_eq!(model.config.output_kind(), outputs, "{folder:?}");
    }
}

#[test]
fn small_checkpoints_of_every_dialect() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/checkpoints");
    for (folder, file) in [
        ("timm-window3", ""),
        ("timm-window6", ""),
        ("microsoft-window5", "checkpoint.pth"),
        ("huggingface-window3", ""),
        ("huggingface-window5", ""),
        ("torchvision-window7", "checkpoint.pth"),
        ("timm-padded", ""),
        ("huggingface-padded", ""),
        ("torchvision-padded", "checkpoint.pth"),
        ("timm-vit", ""),
        ("timm-vit-registers", ""),
        ("timm-deit-distilled", ""),
        ("timm-vit-mean", ""),
        ("timm-vit-gap", ""),
        ("torchvision-vit", "checkpoint.pth"),
        ("huggingface-deit", ""),
        ("huggingface-dinov2", ""),
        ("huggingface-vit", ""),
        ("forms", "base.safetensors"),
        ("forms", "mmpretrain.pth"),
    ] {
        let folder = root.join(folder);
        let found = difference(&folder.join(file), &folder);
        assert!(found <= TOLERANCE, "{}: {found}", folder.display());
    }
}

/// Every folder that `full_size.py` made in `$INTFORMER_PARITY`, or else in `target/parity`.
#[test]
#[ignore = "needs the checkpoints of tests/parity/full_size.py"]
fn full_size_checkpoints() {
    let root = match std::env::var_os("INTFORMER_PARITY") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parity"),
    };
    let mut folders: Vec<_> = std::fs::read_dir(&root)
        .unwrap_or_else(|error| panic!("{}: {error}", root.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(!folders.is_empty(), "no checkpoints in {}", root.display());
    for folder in folders {
        let file = folder.join("checkpoint.pth");
        let expected = std::fs::read(folder.join("expected.safetensors")).unwrap();
        let expected = SafeTensors::deserialize(&expected).unwrap();
        let found = match (file.is_file(), expected.tensor("pixels")) {
            (true, _) => difference(&file, &folder),
            (false, Ok(_)) => difference(&folder, &folder),
            (false, Err(_)) => difference_of_texts(&folder),
        };
        assert!(found <= TOLERANCE, "{}: {found}", folder.display());
    }
}
