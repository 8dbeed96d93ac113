//! Files of lines.

use serde_json::{Map, Value};

use super::{Columns, TextTable, no_column};
use crate::{Error, Result};

/// A text a line.
pub(super) fn lines(text: &str, columns: Columns) -> Result<TextTable> {
    if columns.class.is_some() {
        return Err(Error::Data(
            "expected a .csv, .tsv, .jsonl or .parquet, which has a column of classes, found lines of text"
                .to_owned(),
        ));
    }
    let mut table = TextTable::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() {
            table.push(at + 1, line.to_owned(), None);
        }
    }
    Ok(table)
}

/// Values with `separator` between them, quoted where they have to be, below a line of names.
pub(super) fn separated(text: &str, separator: u8, columns: Columns) -> Result<TextTable> {
    let malformed = |error: csv::Error| Error::Data(format!("expected a table, found {error}"));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(malformed)?.clone();
    let place = |wanted: &str| {
        let found = names.iter().position(|name| name.trim() == wanted);
        found.ok_or_else(|| no_column(wanted, names.iter()))
    };
    let of_text = place(columns.text)?;
    let of_class = columns.class.map(place).transpose()?;
    let mut table = TextTable::default();
    for (at, row) in reader.records().enumerate() {
        let row = row.map_err(malformed)?;
        // Rows have as many values as there are names.
        let value = |at: usize| row.get(at).unwrap_or_default().to_owned();
        table.push(at + 1, value(of_text), of_class.map(value));
    }
    Ok(table)
}

/// An object a line.
pub(super) fn objects(text: &str, columns: Columns) -> Result<TextTable> {
    let mut table = TextTable::default();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let at = at + 1;
        let (text, class) = object(line, columns).map_err(|error| match error {
            Error::Data(sentence) => Error::Data(format!("line {at}: {sentence}")),
            other => other,
        })?;
        table.push(at, text, class);
    }
    Ok(table)
}

fn object(line: &str, columns: Columns) -> Result<(String, Option<String>)> {
    let fields: Map<String, Value> = serde_json::from_str(line)
        .map_err(|error| Error::Data(format!("expected an object, found {error}")))?;
    let field = |wanted: &str| match fields.get(wanted) {
        Some(value) => Ok(value),
        None => Err(no_column(wanted, fields.keys().map(String::as_str))),
    };
    let text = match field(columns.text)? {
        Value::String(text) => text.clone(),
        other => {
            return Err(Error::Data(format!(
                "expected a text under {:?}, found {other}",
                columns.text
            )));
        }
    };
    let class = |wanted: &str| match field(wanted)? {
        Value::String(name) => Ok(name.clone()),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        other => Err(Error::Data(format!(
            "expected the name or the number of a class under {wanted:?}, found {other}"
        ))),
    };
    Ok((text, columns.class.map(class).transpose()?))
}
