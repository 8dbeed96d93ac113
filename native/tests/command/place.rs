//! Running the built command, and files for it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use intformer::{
    architecture::{Activation, PerBlock, SwinConfig, Windowing},
    plan::IntModel,
};
use intformer_tests::synthetic;
use tempfile::TempDir;

/// A folder with a tiny model and an image, gone with the test.
pub struct Workplace {
    folder: TempDir,
}

impl Workplace {
    /// `model.safetensors` (16x16 grey pixels to 5 classes) and `image.png`.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut model = model(5, 1);
        model.labels = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        model.save(folder.path().join("model.safetensors")).unwrap();
        let bytes = (0..20 * 24u32).map(|at| (at * at / 5) as u8).collect();
        let image = image::GrayImage::from_raw(20, 24, bytes).unwrap();
        image.save(folder.path().join("image.png")).unwrap();
        Self { folder }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = self.folder.path().read_dir().unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs the command with `arguments`, separated by spaces, in the folder.
    pub fn run(&self, arguments: &str) -> Output {
        run(self.folder.path(), arguments)
    }

    /// The command with `arguments`, separated by spaces, to be run in the folder.
    #[cfg(feature = "float")]
    pub fn command(&self, arguments: &str) -> Command {
        command(self.folder.path(), arguments)
    }

    /// Runs the command, which must end with 0, and reads its JSON.
    pub fn json(&self, arguments: &str) -> serde_json::Value {
        let output = self.run(&format!("{arguments} --json"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs the command without notes, which must refuse with 2, one sentence and no output; returns
    /// the sentence.
    pub fn refused(&self, arguments: &str) -> String {
        let before = self.names();
        let quiet = match arguments.contains("--quiet") {
            true => "",
            false => " --quiet",
        };
        let output = self.run(&format!("{arguments}{quiet}"));
        let sentence = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {sentence}");
        assert!(output.stdout.is_empty(), "{arguments} printed something");
        assert!(sentence.starts_with("error: "), "{arguments}: {sentence}");
        assert_eq!(sentence.lines().count(), 1, "{arguments}: {sentence}");
        assert_eq!(self.names(), before, "{arguments} left files");
        sentence
    }
}

/// Threads that run at once in tests, on whatever machine.
pub const THREADS: usize = 4;

/// A tiny model of 16x16 grey pixels without names of its classes.
pub fn model(classes: usize, seed: u64) -> IntModel {
    let config = SwinConfig {
        image_size: [16, 16],
        in_channels: 1,
        patch_size: 2,
        embed_dim: 8,
        depths: vec![1, 1],
        heads: vec![2, 4],
        window_size: 4,
        mlp_ratio: 2.0,
        classes,
        dense: false,
        qkv_bias: true,
        layer_norm_eps: 1e-5,
        windowing: Windowing::Timm,
        widths: None,
        activation: PerBlock::All(Activation::Gelu),
        fc1_bias: PerBlock::All(true),
    };
    synthetic::int_model(&config, seed).unwrap()
}

/// Runs the command in `folder`.
pub fn run(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).output().unwrap()
}

/// The command with `arguments`, separated by spaces, to be run in `folder`.
pub fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_intformer"));
    command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        // Help is wrapped to the terminal's width.
        .env("COLUMNS", "100")
        .env("RAYON_NUM_THREADS", THREADS.to_string())
        .env_remove("RUST_LOG");
    command
}
