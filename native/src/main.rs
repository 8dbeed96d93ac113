//! The `intformer` command: compresses models, runs them, measures and compares executors.

mod answer;
mod cli;
mod command;
mod executor;
mod images;
mod model;
mod progress;
mod reading;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match cli.command.run(&cli.globals) {
        Ok(answer) => answer.print(cli.globals.json),
        Err(error) => answer::refuse(&error),
    }
}
