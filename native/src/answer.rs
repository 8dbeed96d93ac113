//! What a command answers, and the exit codes.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;
use serde_json::Value;

/// A check did not hold: executors disagree.
const CHECK_FAILED: u8 = 1;
/// Something in the input is not as expected. clap uses the same for arguments.
const BAD_INPUT: u8 = 2;
/// The executor asked for cannot run on this machine.
const NO_DEVICE: u8 = 3;

/// The whole output of a command, for people and for machines.
///
/// It is printed once the command has succeeded, so that a refusal leaves the output empty.
pub struct Answer {
    text: String,
    json: Value,
    code: u8,
}

impl Answer {
    /// An answer that fails no check.
    ///
    /// # Errors
    /// If `json` cannot be represented.
    pub fn new(text: String, json: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self {
            text,
            json: serde_json::to_value(json)?,
            code: 0,
        })
    }

    /// The same answer to a check that `holds` or not, or that this machine could not make.
    pub fn check(self, holds: Option<bool>) -> Self {
        let code = match holds {
            Some(true) => 0,
            Some(false) => CHECK_FAILED,
            None => NO_DEVICE,
        };
        Self { code, ..self }
    }

    /// Prints one of the two forms.
    pub fn print(&self, json: bool) -> ExitCode {
        let mut out = io::stdout().lock();
        let written = match json {
            true => writeln!(out, "{:#}", self.json),
            false => write!(out, "{}", self.text),
        };
        match written.and_then(|()| out.flush()) {
            // A reader that has seen enough is no failure.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => refuse(&error.into()),
            _ => ExitCode::from(self.code),
        }
    }
}

/// Prints `error` as one sentence.
pub fn refuse(error: &anyhow::Error) -> ExitCode {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some errors quote their cause themselves.
        if !sentence.ends_with(&cause) {
            let colon = if sentence.is_empty() { "" } else { ": " };
            sentence = sentence + colon + &cause;
        }
    }
    let words: Vec<_> = sentence.split_whitespace().collect();
    eprintln!("error: {}", words.join(" "));
    let device = |cause: &(dyn std::error::Error + 'static)| {
        let error = cause.downcast_ref::<intformer::Error>();
        error.is_some_and(intformer::Error::is_device)
    };
    match error.chain().any(device) {
        true => ExitCode::from(NO_DEVICE),
        false => ExitCode::from(BAD_INPUT),
    }
}
