//! Systems that are not this one: whether the types of the library and of the command are right there.

use anyhow::Result;
use xtask::{shell, system};

use crate::crates;

/// macOS, Windows, Linux on Arm, Android. For a check of types the toolchain suffices: no linker, no SDK.
pub const TARGETS: [&str; 4] = [
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "aarch64-unknown-linux-gnu",
    "aarch64-linux-android",
];

/// What is checked.
const CRATES: [&str; 2] = ["intformer", "intformer-native"];

/// Features that need a C compiler of the target: downloads have their TLS from ring, which is partly C. The
/// command downloads wherever it has float models.
const WITH_C: [&str; 2] = ["intformer/hub", "intformer-native/float"];

/// Checks both with all features but those.
pub fn run() -> Result<()> {
    let features = features()?;
    println!("not checked, for they need a C compiler of the target: {WITH_C:?}");
    for target in TARGETS {
        system::add_target(target)?;
        let mut check = shell::cargo("check --locked --no-default-features");
        check.args(["--target", target, "--features", &features]);
        shell::run(check.args(CRATES.map(|name| format!("--package={name}"))))?;
    }
    Ok(())
}

/// The features of both, separated by commas.
fn features() -> Result<String> {
    let members = crates::members()?;
    let chosen = members
        .iter()
        .filter(|member| CRATES.contains(&member.name.as_str()));
    let all = chosen.flat_map(|member| {
        let own = member.features.iter();
        own.map(|feature| format!("{}/{feature}", member.name))
    });
    // What is the default has others of them in it.
    let all = all.filter(|name| !name.ends_with("/default") && !WITH_C.contains(&name.as_str()));
    Ok(all.collect::<Vec<_>>().join(","))
}
