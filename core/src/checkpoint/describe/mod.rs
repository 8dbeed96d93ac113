//! What files beside the tensors say of a model, as timm and Hugging Face write them.

mod hugging_face;
mod processor;
mod text;
mod timm;

use std::{collections::BTreeMap, io::Read, path::Path};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::source::Files;
use crate::{
    Error, Filter, Result,
    architecture::names::{self, Description, Names, expected, malformed, typed},
};

/// The largest description read: labels of a million classes fit.
const MAX_FILE: u64 = 64 << 20;

/// More channels than any model may have, to bound what a description makes.
const MAX_CHANNELS: usize = 1024;

/// Reads the description of a model and of its preprocessing, where there are some.
pub(super) fn read(files: &Files, notes: &mut Vec<String>) -> Result<Description> {
    let preprocessor = files.preprocessor.as_deref();
    let Some(path) = files.config.as_deref() else {
        if let Some(preprocessor) = preprocessor {
            notes.push(format!(
                "{} is not read without a config.json",
                preprocessor.display()
            ));
        }
        return Ok(Description::default());
    };
    let mut config: Value = json(path)?;
    let named = ["architecture", "model_type"]
        .iter()
        .any(|&key| config.get(key).is_some());
    let implied = |names: &'static Names| (names.implied_model_type)(&config);
    if !named && let Some(model_type) = names::ALL.into_iter().find_map(implied) {
        notes.push(format!(
            "{} has no model_type, as those of 2019: read as of {model_type}",
            path.display()
        ));
        config["model_type"] = model_type.into();
    }
    let mut description = if config.get("architecture").is_some() {
        timm::describe(path, config, notes)?
    } else if config.get("model_type").is_some() {
        hugging_face::describe(path, config)?
    } else {
        return Err(Error::Checkpoint(format!(
            "expected a model_type or an architecture in {}, found neither",
            path.display()
        )));
    };
    if let Some(path) = preprocessor {
        let value: Value = json(path)?;
        // processor_config.json keeps it one level down.
        let value = match value.get("image_processor") {
            Some(inner) => inner.clone(),
            None => value,
        };
        processor::describe(&mut description, plain(path, value)?)?;
    }
    let of_texts = |keys: &names::Keys| keys.names.takes_texts;
    if description.keys.as_ref().is_some_and(of_texts) {
        text::describe(&mut description, &files.text, notes)?;
    }
    Ok(description)
}

/// The filter that Pillow, torchvision and timm call so.
fn filter(name: &str) -> Result<Filter> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "nearest" => Filter::Nearest,
        "lanczos" => Filter::Lanczos,
        "bilinear" => Filter::Bilinear,
        "bicubic" => Filter::Bicubic,
        "box" => Filter::Box,
        "hamming" => Filter::Hamming,
        // timm draws one for each image in training and takes this one afterwards.
        "random" => Filter::Bilinear,
        _ => return Err(expected("a filter that Pillow has", &name)),
    })
}

/// A map of numbers to names, given as a list of names, as names by numbers, or as numbers by names.
fn labels(value: Option<Value>) -> Result<BTreeMap<usize, String>> {
    let odd = |found: &dyn std::fmt::Debug| expected("names of classes by their numbers", found);
    match value {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Array(names)) => names
            .into_iter()
            .enumerate()
            .map(|(number, name)| match name {
                Value::String(name) => Ok((number, name)),
                Value::Number(name) => Ok((number, name.to_string())),
                other => Err(odd(&other)),
            })
            .collect(),
        Some(Value::Object(map)) => map
            .into_iter()
            .map(|(key, value)| match (key.parse(), value) {
                (Ok(number), Value::String(name)) => Ok((number, name)),
                (Ok(number), Value::Number(name)) => Ok((number, name.to_string())),
                (Err(_), Value::Number(number)) => match number.as_u64() {
                    Some(number) => Ok((number as usize, key)),
                    None => Err(odd(&number)),
                },
                (_, other) => Err(odd(&(&key, other))),
            })
            .collect(),
        Some(other) => Err(odd(&other)),
    }
}

fn json(path: &Path) -> Result<Value> {
    let file = std::fs::File::open(path).map_err(|error| Error::io(path, error))?;
    let mut text = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut text);
    read.map_err(|error| Error::io(path, error))?;
    if text.len() as u64 > MAX_FILE {
        return Err(expected(&format!("at most {MAX_FILE} bytes"), &path));
    }
    serde_json::from_slice(&text).map_err(|error| malformed(path, &called(), &error))
}

/// The architecture whose description `is` that of.
fn described(is: impl Fn(&Names) -> bool) -> Option<&'static Names> {
    names::ALL.into_iter().find(|names| is(names))
}

/// What any model is called.
fn called() -> String {
    names::ALL.map(|names| names.called).join(" or ")
}

/// What a file says that tells of no architecture yet.
fn plain<T: DeserializeOwned>(path: &Path, value: Value) -> Result<T> {
    typed(path, &called(), value)
}

fn same(what: &str, expected: &str, found: &str) -> Result<()> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::Checkpoint(format!(
            "expected {what} of {expected}, found {found}"
        ))),
    }
}
