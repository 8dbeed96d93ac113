//! The fonts of the shipped model.

use std::io::Result;

use xtask::system;

/// Debian's packages, one a line.
const PACKAGES: &str = include_str!("../../core/src/data/glyphs/font_packages.txt");

/// Installs them.
pub fn run() -> Result<()> {
    let lines = PACKAGES.lines().filter(|line| !line.starts_with('#'));
    system::install(&lines.collect::<Vec<_>>())
}
