//! The `intformer` command: compresses models, runs them, measures and compares executors.

mod answer;
mod cli;
mod command;
#[cfg(feature = "float")]
mod digest;
mod executor;
mod images;
mod inputs;
#[cfg(feature = "float")]
mod largest;
mod model;
mod progress;
mod reading;
#[cfg(feature = "float")]
mod store;
#[cfg(feature = "float")]
mod study;
mod texts;
#[cfg(target_os = "linux")]
mod wayland;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    #[cfg(target_os = "linux")]
    wayland::quieten();
    // What goes wrong is one sentence; RUST_LOG adds what libraries have to say.
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::OFF.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match cli.command.run(&cli.globals) {
        Ok(answer) => answer.print(cli.globals.json),
        Err(error) => answer::refuse(&error),
    }
}
