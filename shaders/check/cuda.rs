//! CUDA C of a variant: its constants, its parameters, and its file with what that includes.

use super::variants::Variant;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The text of a variant, whose parameters have `fields`; `shared` maps names of included files to their
/// text.
pub fn expand(
    variant: &Variant,
    fields: &[String],
    source: &str,
    shared: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut text = String::new();
    for (name, value) in &variant.symbols {
        let value = value.ok_or_else(|| format!("{name}: expected a number"))?;
        writeln!(text, "constexpr unsigned {name} = {value};").expect("a string takes everything");
    }
    let fields = fields.join(", ");
    writeln!(text, "struct Params {{ unsigned {fields}; }};").expect("a string takes everything");
    include(source, shared, &mut BTreeSet::new(), &mut text)?;
    Ok(text)
}

/// Appends `source`, and in the place of the first `#include` of a file the file.
fn include(
    source: &str,
    shared: &BTreeMap<String, String>,
    included: &mut BTreeSet<String>,
    text: &mut String,
) -> Result<(), String> {
    for line in source.lines() {
        let name = line.strip_prefix("#include \"shared/");
        let Some(name) = name.and_then(|rest| rest.strip_suffix(".cuh\"")) else {
            if line.starts_with("#include") {
                return Err(format!("`{line}`: expected a file of shared/"));
            }
            *text += line;
            text.push('\n');
            continue;
        };
        if included.insert(name.to_owned()) {
            let found = shared.get(name);
            let found = found.ok_or_else(|| format!("no shared file `{name}`"))?;
            include(found, shared, included, text)?;
        }
    }
    Ok(())
}
