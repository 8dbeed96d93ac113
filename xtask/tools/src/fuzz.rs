//! The fuzz targets, for a while each.

use anyhow::Result;
use clap::Args;
use xtask::shell;

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    pub seconds: u32,
}

/// Each target and the folder whose files it starts from.
const TARGETS: [(&str, &str); 8] = [
    ("model_file", "models"),
    ("plan", "fuzz/seeds/plan"),
    ("masks", "fuzz/seeds/masks"),
    ("checkpoint", "tests/fixtures/checkpoints"),
    ("tokenizer", "tests/fixtures/tokenizers"),
    ("table", "tests/fixtures/tables"),
    ("runs", "tests/fixtures/runs"),
    (
        "sentence_encoder",
        "tests/fixtures/checkpoints/sentence-bert",
    ),
];

/// Fuzzes each target, installing cargo-fuzz under the target folder if there is none.
pub fn run(options: &Options) -> Result<()> {
    let tools = shell::target().join("tools");
    if !shell::succeeds(&mut shell::cargo("fuzz --version")) {
        shell::run(shell::cargo("install --locked cargo-fuzz --root").arg(&tools))?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([tools.join("bin")]);
    let path = std::env::join_paths(folders)?;
    for (target, seeds) in TARGETS {
        let corpus = shell::target().join("fuzz-corpus").join(target);
        std::fs::create_dir_all(&corpus)?;
        // The address sanitizer needs a nightly compiler; the coverage that guides the fuzzer does
        // not, beyond leave to use unstable flags.
        shell::run(
            shell::cargo("fuzz run --sanitizer none")
                .arg("--target-dir")
                .arg(shell::target().join("fuzz"))
                .arg(target)
                .arg(&corpus)
                .args([seeds, "--"])
                .arg(format!("-max_total_time={}", options.seconds))
                .arg("-rss_limit_mb=4096")
                .env("PATH", &path)
                .env("RUSTC_BOOTSTRAP", "1"),
        )?;
    }
    Ok(())
}
