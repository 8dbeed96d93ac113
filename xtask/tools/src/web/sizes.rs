//! What a visitor downloads may not grow unnoticed.

use std::{fs, io::Write, path::Path};

use anyhow::{Result, ensure};
use flate2::{Compression, write::GzEncoder};

use super::{modules::Modules, package};

const KIB: u64 = 1024;

/// Prints the sizes and fails if one is above its limit.
pub fn check(modules: &Modules) -> Result<()> {
    let tarball = package::tarball()?;
    let sizes = [
        (
            "wasm with both executors",
            raw(&modules.runtime)?,
            1024 * KIB,
        ),
        ("the same, gzip", gzip(&modules.runtime)?, 350 * KIB),
        ("image decoder", raw(&modules.decoder)?, 512 * KIB),
        ("the same, gzip", gzip(&modules.decoder)?, 200 * KIB),
        ("npm package, gzip", raw(&tarball)?, 560 * KIB),
    ];
    for (what, bytes, limit) in sizes {
        println!("{what:<26} {bytes:>9} bytes of at most {limit}");
        ensure!(
            bytes <= limit,
            "{what}: {bytes} bytes, above the limit of {limit}"
        );
    }
    Ok(())
}

fn raw(file: &Path) -> Result<u64> {
    Ok(fs::metadata(file)?.len())
}

fn gzip(file: &Path) -> Result<u64> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&fs::read(file)?)?;
    Ok(encoder.finish()?.len() as u64)
}
