//! `cargo xtask`: the tasks that a newcomer runs first, and the way to those that need libraries.

mod demo;
mod fonts;

use std::{
    env,
    ffi::OsString,
    io::{Error, Result},
    process::ExitCode,
};

use xtask::{TASKS, shell};

fn main() -> ExitCode {
    run(env::args_os().skip(1).collect()).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run(mut words: Vec<OsString>) -> Result<ExitCode> {
    let is_help = |word: &OsString| word == "--help" || word == "-h";
    if words.len() > 1 && words[0] == "help" {
        // `help TASK` is `TASK --help`.
        words = vec![words[1].clone(), "--help".into()];
    }
    let name = match words.first() {
        Some(word) if word != "help" && !is_help(word) => word.to_string_lossy(),
        _ => {
            help();
            return Ok(ExitCode::SUCCESS);
        }
    };
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        return Err(Error::other(format!(
            "expected a task, found `{name}`: `cargo xtask help` lists them"
        )));
    };
    let own: fn() -> Result<()> = match task.name {
        "demo" => demo::run,
        "fonts" => fonts::run,
        _ => return tools(&words),
    };
    match words.get(1) {
        None => own()?,
        Some(word) if is_help(word) => {
            println!("{}\n\nUsage: cargo xtask {name}", task.about);
        }
        Some(word) => {
            let word = word.to_string_lossy();
            return Err(Error::other(format!(
                "expected nothing after `{name}`, found `{word}`"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn help() {
    println!("Set-up, demo, tests and checks.\n\nUsage: cargo xtask TASK [OPTIONS]\n\nTasks:");
    for task in TASKS {
        println!("  {:<17} {}", task.name, task.about);
    }
    println!("\n`cargo xtask help TASK` shows the options of a task.");
}

/// Builds the crate of the other tasks, with cargo's own progress, and runs it.
fn tools(words: &[OsString]) -> Result<ExitCode> {
    let binary = format!("debug/xtask-tools{}", env::consts::EXE_SUFFIX);
    if !shell::target().join(binary).is_file() {
        eprintln!(
            "this task needs libraries, which cargo builds once: several minutes on two cores"
        );
    }
    let mut tools = shell::cargo("run --locked --package xtask-tools --");
    let status = tools.args(words).status()?;
    // They have said themselves what went wrong.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
