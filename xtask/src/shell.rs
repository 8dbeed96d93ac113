//! Running programs.

use std::{
    io::{Error, Result},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// `program` with `arguments` separated by spaces, to be run in the root.
pub fn command(program: impl AsRef<Path>, arguments: &str) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .args(arguments.split_whitespace())
        .current_dir(root());
    command
}

/// The cargo that runs this.
pub fn cargo(arguments: &str) -> Command {
    command(
        std::env::var_os("CARGO").unwrap_or("cargo".into()),
        arguments,
    )
}

/// Runs `command`, showing it and its output.
///
/// # Errors
/// If it cannot be started or does not end with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    eprintln!("$ {shown}");
    let status = command
        .status()
        .map_err(|error| Error::new(error.kind(), format!("{shown} cannot be started: {error}")))?;
    if !status.success() {
        return Err(Error::other(format!("{shown} ended with {status}")));
    }
    Ok(())
}

/// Whether `command` can be started and ends with 0; its output is not shown.
pub fn succeeds(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The program and its arguments.
fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
