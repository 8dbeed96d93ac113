//! Logs as files: Parquet and JSON lines, of this library or of any trainer.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
    sync::Arc,
};

use parquet::{
    basic::Compression,
    data_type::{BoolType, DataType, FloatType, Int32Type, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    record::Field,
    schema::parser::parse_message_type,
};
use serde::Deserialize;

use super::{
    RunLog,
    log::{Beside, gap},
};
use crate::{
    Error, Result,
    data::texts::parquet::{guarded, malformed},
};

/// Keys of a Parquet file's metadata, and of the first of JSON lines.
const RUN: &str = "intformer.run";
const DATA: &str = "intformer.data";
const SETTINGS: &str = "intformer.settings";

/// The most bytes of a line.
const MAX_LINE: u64 = 1 << 20;

/// The columns of a Parquet file.
const SCHEMA: &str = "message answers {
    required int64 index;
    required int32 epoch;
    required boolean right;
    required float confidence;
    required float margin;
    required float error;
}";

/// The same without what stands beside the answers.
const PLAIN_SCHEMA: &str = "message answers {
    required int64 index;
    required int32 epoch;
    required boolean right;
}";

/// An answer that a file has.
#[derive(Clone, Copy, Deserialize)]
struct Row {
    index: u64,
    epoch: u64,
    right: bool,
    confidence: Option<f32>,
    margin: Option<f32>,
    error: Option<f32>,
}

/// What a file says of the run as a whole.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct About {
    run: Option<String>,
    data: Option<String>,
    settings: Option<serde_json::Value>,
}

impl RunLog {
    /// The endings of files.
    pub const ENDINGS: [&str; 2] = ["parquet", "jsonl"];

    /// Reads a file by its ending, `.parquet` or `.jsonl`: a row or line for each epoch and example, in any order, with
    /// `index` and `epoch` (from 0), `right`, and if it is known `confidence`, `margin` and `error`. A run without a name
    /// has that of the file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] with the path if the file is not as expected, has an answer twice or lacks one.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let ending = path.extension().and_then(|ending| ending.to_str());
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let read = match ending {
            Some("parquet") => guarded(|| parquet_rows(file)),
            Some("jsonl") => json_rows(file),
            _ => fail("expected a log that ends in .parquet or .jsonl"),
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let log = read.and_then(|(about, rows)| assemble(about, rows, &stem));
        log.map_err(|error| match error {
            Error::Data(sentence) => Error::Data(format!("{}: {sentence}", path.display())),
            other => other,
        })
    }

    /// Writes a Parquet file: whole, or not at all. Equal logs give equal bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let bytes = self.to_parquet().map_err(malformed)?;
        crate::file::replace(path.as_ref(), &bytes)
    }

    fn to_parquet(&self) -> Result<Vec<u8>, ParquetError> {
        let schema = match self.beside() {
            Some(_) => SCHEMA,
            None => PLAIN_SCHEMA,
        };
        let known = [
            (RUN, Some(&self.run)),
            (DATA, self.data.as_ref()),
            (SETTINGS, self.settings.as_ref()),
        ];
        let known = known.into_iter().filter_map(|(key, value)| {
            let value = value?;
            Some(KeyValue::new(key.to_owned(), value.clone()))
        });
        let properties = WriterProperties::builder()
            .set_key_value_metadata(Some(known.collect()))
            .set_compression(Compression::SNAPPY)
            .build();
        let schema = Arc::new(parse_message_type(schema)?);
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        let (epochs, examples) = (self.epochs(), self.examples());
        let places = || (0..epochs).flat_map(move |epoch| (0..examples).map(move |at| (epoch, at)));
        let indices: Vec<_> = places().map(|(_, index)| index as i64).collect();
        column::<Int64Type>(&mut group, &indices)?;
        let numbers: Vec<_> = places().map(|(epoch, _)| epoch as i32).collect();
        column::<Int32Type>(&mut group, &numbers)?;
        let right: Vec<_> = (0..epochs)
            .flat_map(|epoch| self.right(epoch))
            .copied()
            .collect();
        column::<BoolType>(&mut group, &right)?;
        if let Some(beside) = self.beside() {
            for numbers in [&beside.confidence, &beside.margin, &beside.error] {
                column::<FloatType>(&mut group, numbers)?;
            }
        }
        group.close()?;
        writer.into_inner()
    }
}

/// Writes the next column.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General(
            "fewer columns than values".to_owned(),
        ));
    };
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

/// Names are printed, and come from strangers: without what terminals obey.
fn printable(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

fn fail<T>(sentence: &str) -> Result<T> {
    Err(Error::Data(sentence.to_owned()))
}

fn parquet_rows(file: File) -> Result<(About, Vec<Row>)> {
    let reader = SerializedFileReader::new(file).map_err(malformed)?;
    let metadata = reader.metadata().file_metadata();
    let value = |key: &str| {
        let pairs = metadata.key_value_metadata()?.iter();
        pairs.clone().find(|pair| pair.key == key)?.value.clone()
    };
    let about = About {
        run: value(RUN),
        data: value(DATA),
        settings: value(SETTINGS).map(|text| {
            let parsed = serde_json::from_str(&text);
            parsed.unwrap_or(serde_json::Value::String(text))
        }),
    };
    if metadata.num_rows() > RunLog::MOST as i64 {
        return Err(too_many());
    }
    let mut rows = Vec::new();
    for (at, row) in reader.get_row_iter(None).map_err(malformed)?.enumerate() {
        let row = row.map_err(malformed)?;
        let field = |wanted: &str| {
            let mut fields = row.get_column_iter();
            fields
                .find(|(name, _)| *name == wanted)
                .map(|(_, field)| field)
        };
        let wrong = |wanted: &str, kind: &str| {
            let found = field(wanted).map_or("no such column".to_owned(), ToString::to_string);
            Error::Data(format!(
                "row {}: expected {kind} under {wanted:?}, found {found}",
                at + 1
            ))
        };
        let whole = |wanted: &str| {
            let number = match field(wanted) {
                Some(&Field::Byte(n)) => i64::from(n),
                Some(&Field::Short(n)) => i64::from(n),
                Some(&Field::Int(n)) => i64::from(n),
                Some(&Field::Long(n)) => n,
                Some(&Field::UByte(n)) => i64::from(n),
                Some(&Field::UShort(n)) => i64::from(n),
                Some(&Field::UInt(n)) => i64::from(n),
                Some(&Field::ULong(n)) => i64::try_from(n).unwrap_or(-1),
                _ => -1,
            };
            u64::try_from(number).map_err(|_| wrong(wanted, "a whole number from 0 on"))
        };
        let real = |wanted: &str| match field(wanted) {
            None | Some(Field::Null) => Ok(None),
            Some(&Field::Float(number)) => Ok(Some(number)),
            Some(&Field::Double(number)) => Ok(Some(number as f32)),
            Some(_) => Err(wrong(wanted, "a number")),
        };
        push(
            &mut rows,
            Row {
                index: whole("index")?,
                epoch: whole("epoch")?,
                right: match field("right") {
                    Some(&Field::Bool(right)) => right,
                    _ => return Err(wrong("right", "true or false")),
                },
                confidence: real("confidence")?,
                margin: real("margin")?,
                error: real("error")?,
            },
        )?;
    }
    Ok((about, rows))
}

fn json_rows(file: File) -> Result<(About, Vec<Row>)> {
    let mut reader = BufReader::new(file);
    let (mut about, mut rows) = (About::default(), Vec::new());
    let (mut line, mut first) = (String::new(), true);
    for at in 1.. {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE).read_line(&mut line);
        let wrong = |expected: &str, found: &dyn std::fmt::Display| {
            Error::Data(format!("line {at}: expected {expected}, found {found}"))
        };
        match read {
            Ok(0) => break,
            Ok(length) if length as u64 == MAX_LINE => {
                return Err(wrong("an answer", &format!("more than {MAX_LINE} bytes")));
            }
            Ok(_) => {}
            Err(error) => return Err(wrong("a line of text", &error)),
        }
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(&line) {
            Ok(row) => push(&mut rows, row)?,
            // The first may say what the run is.
            Err(error) if first => {
                about = serde_json::from_str(&line).map_err(|other| {
                    match line.contains("\"index\"") {
                        true => wrong("an answer", &error),
                        false => wrong("an answer, or what the run is", &other),
                    }
                })?;
            }
            Err(error) => return Err(wrong("an answer", &error)),
        }
        first = false;
    }
    Ok((about, rows))
}

fn too_many() -> Error {
    Error::Data(format!(
        "expected at most {} answers, found more",
        RunLog::MOST
    ))
}

fn push(rows: &mut Vec<Row>, row: Row) -> Result<()> {
    if rows.len() == RunLog::MOST {
        return Err(too_many());
    }
    let numbers = [row.confidence, row.margin, row.error];
    if let Some(number) = numbers.into_iter().flatten().find(|n| !n.is_finite()) {
        return Err(Error::Data(format!(
            "expected finite numbers, found {number} beside the example {} in the epoch {}",
            row.index, row.epoch
        )));
    }
    rows.push(row);
    Ok(())
}

/// Puts answers in their places.
fn assemble(about: About, mut rows: Vec<Row>, stem: &str) -> Result<RunLog> {
    let run = printable(about.run.as_deref().unwrap_or(stem));
    let place = |row: &Row| (row.epoch, row.index);
    rows.sort_unstable_by_key(place);
    let Some(&Row { epoch: last, .. }) = rows.last() else {
        return fail("expected answers, found none");
    };
    if let Some(pair) = rows
        .windows(2)
        .find(|pair| place(&pair[0]) == place(&pair[1]))
    {
        let (epoch, index) = place(&pair[0]);
        return Err(Error::Data(format!(
            "run {run}: expected one answer to the example {index} in the epoch {epoch}, found two"
        )));
    }
    // As many places as there are rows, or some are missing: so no room is made for what is claimed.
    let examples = rows
        .iter()
        .map(|row| row.index)
        .max()
        .unwrap_or(0)
        .saturating_add(1);
    let epochs = last.saturating_add(1);
    let count = rows.len() as u64;
    if u128::from(examples) * u128::from(epochs) != u128::from(count) {
        let due = (0..=count).map(|at| (at / examples, at % examples));
        let found = rows.iter().map(|row| Some(place(row))).chain([None]);
        let missing = due.zip(found).find(|(due, found)| Some(*due) != *found);
        let (epoch, index) = missing.map_or((epochs, examples), |(due, _)| due);
        return Err(Error::Data(gap(&run, [epochs, examples], [epoch, index])));
    }
    let part = |of: fn(&Row) -> Option<f32>| rows.iter().map(of).collect::<Option<Vec<_>>>();
    let numbers = [
        part(|row| row.confidence),
        part(|row| row.margin),
        part(|row| row.error),
    ];
    let beside = match numbers {
        [Some(confidence), Some(margin), Some(error)] => Some(Beside {
            confidence,
            margin,
            error,
        }),
        _ => None,
    };
    let right = rows.iter().map(|row| row.right).collect();
    // No more epochs than rows, which fit.
    let mut log = RunLog::new(run, epochs as usize, right, beside)?;
    log.data = about.data.as_deref().map(printable);
    log.settings = about.settings.map(|settings| settings.to_string());
    Ok(log)
}
