//! Parquet files.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use parquet::{
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
    schema::types::Type,
};

use super::{Columns, MAX_BYTES, TextTable, no_column, too_long};
use crate::{Error, Result};

/// What a row takes beside its texts.
const ROW: u64 = 64;

/// Reads the columns alone; no more than [`MAX_BYTES`] of texts.
pub(super) fn read(path: &Path, columns: Columns) -> Result<TextTable> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    guarded(|| table(file, columns))
}

/// What `read` gives: the library may panic on what is none of its own.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(Error::Data(
            "expected a Parquet file, found something that stops its reader".to_owned(),
        ))
    })
}

/// The library's error, in a sentence.
pub(crate) fn malformed(error: ParquetError) -> Error {
    Error::Data(format!("expected a Parquet file, found {error}"))
}

fn table(file: File, columns: Columns) -> Result<TextTable> {
    let reader = SerializedFileReader::new(file).map_err(malformed)?;
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let find = |wanted: &str| {
        let field = fields.iter().find(|field| field.name() == wanted);
        let names = || fields.iter().map(|field| field.name());
        let field = field.ok_or_else(|| no_column(wanted, names()))?;
        match field.is_primitive() {
            true => Ok(field.clone()),
            false => Err(Error::Data(format!(
                "expected single values in the column {wanted:?}, found groups of them"
            ))),
        }
    };
    let mut wanted = vec![find(columns.text)?];
    if let Some(class) = columns.class
        && class != columns.text
    {
        wanted.push(find(class)?);
    }
    let groups = reader.metadata().row_groups().iter();
    let chunks = groups.flat_map(|group| group.columns());
    let of_wanted = chunks.filter(|chunk| {
        let name = chunk.column_path().parts().first();
        name.is_some_and(|name| wanted.iter().any(|field| field.name() == name))
    });
    let bytes = of_wanted
        .map(|chunk| u64::try_from(chunk.uncompressed_size()).unwrap_or(u64::MAX))
        .fold(0u64, u64::saturating_add);
    if bytes > MAX_BYTES {
        return Err(too_long());
    }
    let projection = Type::group_type_builder("schema")
        .with_fields(wanted)
        .build()
        .map_err(malformed)?;

    let mut table = TextTable::default();
    let mut held = 0;
    let rows = reader.get_row_iter(Some(projection)).map_err(malformed)?;
    for (at, row) in rows.enumerate() {
        let row = row.map_err(malformed)?;
        let value = |wanted: &str| -> Result<&Field> {
            let mut fields = row.get_column_iter();
            let field = fields.find(|(name, _)| *name == wanted);
            field
                .map(|(_, field)| field)
                .ok_or_else(|| no_column(wanted, std::iter::empty()))
        };
        let text = match value(columns.text)? {
            Field::Str(text) => text.clone(),
            other => {
                return Err(Error::Data(format!(
                    "row {}: expected a text under {:?}, found {other}",
                    at + 1,
                    columns.text
                )));
            }
        };
        let class = |wanted: &str| match value(wanted)? {
            Field::Str(name) => Ok(name.clone()),
            Field::Bool(value) => Ok(value.to_string()),
            number @ (Field::Byte(_)
            | Field::Short(_)
            | Field::Int(_)
            | Field::Long(_)
            | Field::UByte(_)
            | Field::UShort(_)
            | Field::UInt(_)
            | Field::ULong(_)) => Ok(number.to_string()),
            other => Err(Error::Data(format!(
                "row {}: expected the name or the number of a class under {wanted:?}, found {other}",
                at + 1
            ))),
        };
        let class = columns.class.map(class).transpose()?;
        // A repeated value is stored once, so the file's own figure is no bound; an empty one takes room, too.
        held += ROW + text.len() as u64 + class.as_ref().map_or(0, |class| class.len() as u64);
        if held > MAX_BYTES {
            return Err(too_long());
        }
        table.push(at + 1, text, class);
    }
    Ok(table)
}
