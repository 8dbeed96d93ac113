//! The fuzz targets, for a while each.

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell;

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Runs every file of `fuzz/fuzz_targets`.
pub fn run(options: &Options) -> Result<()> {
    if !shell::succeeds(&mut shell::cargo("fuzz --version")) {
        bail!("run `cargo install cargo-fuzz` first");
    }
    let folder = shell::root().join("fuzz/fuzz_targets");
    let entries = folder
        .read_dir()
        .with_context(|| format!("{}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let target = path.file_stem().unwrap_or_default().to_string_lossy();
        // The address sanitizer needs a nightly compiler; the coverage that guides the fuzzer does
        // not, beyond leave to use unstable flags.
        shell::run(
            shell::cargo("fuzz run --sanitizer none")
                .arg(&*target)
                .arg("--")
                .arg(format!("-max_total_time={}", options.seconds))
                .env("RUSTC_BOOTSTRAP", "1"),
        )?;
    }
    Ok(())
}
