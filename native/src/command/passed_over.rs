//! Files that cannot be read, among many that can.

use std::path::PathBuf;

use anyhow::{Result, bail};
use intformer::data::{Findings, Skipped};
use serde_json::{Value, json};

/// What was read, in order; what could not be goes to `skipped`, or ends the run if it is `strict`.
pub fn apart<T>(
    read: impl IntoIterator<Item = (PathBuf, intformer::Result<T>)>,
    strict: bool,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<T>> {
    let mut good = Vec::new();
    for (path, read) in read {
        match read {
            Ok(read) => good.push(read),
            Err(error) if error.is_file() && !strict => skipped.push(Skipped::new(path, &error)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(good)
}

/// Ends a `strict` run if a folder has what cannot be read.
pub fn check(findings: &Findings, strict: bool) -> Result<()> {
    match findings.skipped.first() {
        Some(first) if strict => bail!(
            "expected files that can be read, found {}: {}",
            first.path.display(),
            first.reason
        ),
        _ => Ok(()),
    }
}

/// `answer`, an object, with what was passed over.
pub fn told(mut answer: Value, findings: &Findings) -> Value {
    let Findings {
        left_out,
        skipped,
        empty,
        without_class,
    } = findings;
    let more = json!({
        "skipped": skipped, "left_out": left_out, "empty": empty, "without_class": without_class,
    });
    if let (Value::Object(answer), Value::Object(more)) = (&mut answer, more) {
        answer.extend(more);
    }
    answer
}

/// What was passed over, as lines of text.
pub fn text(findings: &Findings) -> String {
    let lines = findings.lines();
    lines.into_iter().map(|line| line + "\n").collect()
}
