//! Each feature of each crate by itself.

use anyhow::Result;
use xtask::{shell, system};

use crate::{
    crates::{self, Crate},
    web,
};

/// Checks every crate that has features without any, with each of them alone, and with all; those for browsers are
/// checked for WebAssembly.
pub fn run() -> Result<()> {
    system::add_target(web::TARGET)?;
    for member in crates::members()? {
        // Without features there is one form, which other steps build.
        if member.features.is_empty() && !member.is_for_browsers() {
            continue;
        }
        check(&member, &["--no-default-features"])?;
        for feature in &member.features {
            check(&member, &["--no-default-features", "--features", feature])?;
        }
        check(&member, &["--all-features"])?;
    }
    Ok(())
}

fn check(member: &Crate, features: &[&str]) -> Result<()> {
    let mut check = shell::cargo("check --locked --package");
    check.arg(&member.name).args(features);
    if member.is_for_browsers() {
        check.args(["--target", web::TARGET]);
    }
    if !member.is_published() {
        // Its tests are what it is for.
        check.arg("--all-targets");
    }
    Ok(shell::run(&mut check)?)
}
