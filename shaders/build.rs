//! Expands every variant of every kernel in WGSL, checks it, and writes the table of shaders; with the
//! feature `cuda` also the table of CUDA kernels.

#[allow(dead_code, reason = "tests use the rest")]
#[path = "check/mod.rs"]
mod check;
#[cfg(feature = "cuda")]
#[path = "src/ptx.rs"]
mod ptx;
include!("src/op/list.rs");

use check::{
    inspect::{self, Floats},
    preprocess,
    variants::{self, Variant},
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs, process};

/// The folder of the operations, and of what they share.
const OPERATIONS: &str = "src/op";
const SHARED: &str = "src/shared";

/// A string takes everything.
const TAKEN: &str = "a string takes everything";

/// Names of the operations, and whether each is there to measure against alone.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $type:ident $(if $feature:literal)?),* $(,)?) => {
        &[$($(#[cfg(feature = $feature)])? (stringify!($name), false $(|| $feature == "comparison")?)),*]
    };
}

/// What is made of all kernels in one language.
struct Made {
    /// Rust: a table of the variants.
    table: String,
    /// Their texts, one after the other.
    sources: String,
}

fn main() {
    for path in [OPERATIONS, SHARED, "check", "src/ptx.rs", "src/ptx.deflate"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let names: &[(&str, bool)] = operations!(names);
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = Path::new(&out);
    let mut fields = BTreeMap::new();
    save(shaders(names, &mut fields), out, "shaders");
    #[cfg(feature = "cuda")]
    save(cuda_kernels(names, &fields), out, "cuda");
}

/// Writes `{name}.rs` with the table and `{name}.deflate` with the sources, or ends with the errors.
fn save(made: Result<Made, Vec<String>>, out: &Path, name: &str) {
    match made {
        Ok(Made { table, sources }) => {
            write(&out.join(name).with_extension("rs"), table.as_bytes());
            let sources = miniz_oxide::deflate::compress_to_vec(sources.as_bytes(), 10);
            write(&out.join(name).with_extension("deflate"), &sources);
        }
        Err(errors) => {
            for line in errors.iter().flat_map(|error| error.lines()) {
                println!("cargo::error={line}");
            }
            process::exit(1);
        }
    }
}

/// Checks all shaders; `fields` becomes the fields of each kernel's uniform block. Fails with the errors
/// of all shaders together.
fn shaders(
    names: &[(&'static str, bool)],
    fields: &mut BTreeMap<&'static str, Vec<String>>,
) -> Result<Made, Vec<String>> {
    let mut table =
        String::from("/// Every variant of every kernel.\npub const SHADERS: &[Shader] = &[\n");
    let mut sources = String::new();
    let mut errors = Vec::new();
    for &(name, is_comparison) in names {
        let floats = match is_comparison {
            true => Floats::Allowed,
            false => Floats::Refused,
        };
        each(name, "wgsl", &mut errors, |variant, source, shared| {
            let source = preprocess::preprocess(variant, source, shared)?;
            let facts = inspect::inspect(&source, floats).map_err(|errors| errors.join("\n"))?;
            let known = fields.entry(name).or_insert_with(|| facts.fields.clone());
            if *known != facts.fields {
                return Err(format!(
                    "expected the uniform block {known:?} of the other variants, found {:?}",
                    facts.fields
                ));
            }
            let start = sources.len();
            sources += &preprocess::strip(&source);
            let symbols: Vec<_> = variant.symbols.iter().map(|(name, _)| name).collect();
            writeln!(
                table,
                "    Shader {{ kernel: {name:?}, variant: {:?}, symbols: &{symbols:?}, \
                 constants: &{:?}, workgroup_size: {:?}, workgroup_bytes: {}, fields: &{:?}, \
                 source: {start}..{} }},",
                variant.name,
                constants(variant),
                facts.workgroup_size,
                facts.workgroup_bytes,
                facts.fields,
                sources.len(),
            )
            .expect(TAKEN);
            Ok(())
        });
    }
    finish(table, sources, errors)
}

/// Expands all CUDA kernels, whose parameters have the `fields` of the shaders of the same name. A kernel
/// whose PTX in `src/ptx.deflate` was made of another source has none.
#[cfg(feature = "cuda")]
fn cuda_kernels(
    names: &[(&'static str, bool)],
    fields: &BTreeMap<&'static str, Vec<String>>,
) -> Result<Made, Vec<String>> {
    let compiled = fs::read("src/ptx.deflate").unwrap_or_default();
    let compiled = miniz_oxide::inflate::decompress_to_vec(&compiled).unwrap_or_default();
    let compiled = String::from_utf8(compiled).unwrap_or_default();
    let mut table = String::from(
        "/// Every variant of every CUDA kernel.\npub const CUDA_KERNELS: &[CudaKernel] = &[\n",
    );
    let mut sources = String::new();
    let mut errors = Vec::new();
    for &(name, _) in names {
        each(name, "cu", &mut errors, |variant, source, shared| {
            let fields = fields.get(name).map_or(&[][..], Vec::as_slice);
            let source = check::cuda::expand(variant, fields, source, shared)?;
            let source = preprocess::strip(&source);
            let hash = ptx::hash(&source);
            let label = format!("{name}/{}", variant.name);
            let has_ptx = compiled.contains(&ptx::ptx_header(&label, hash));
            let start = sources.len();
            sources += &source;
            writeln!(
                table,
                "    CudaKernel {{ kernel: {name:?}, variant: {:?}, constants: &{:?}, hash: {hash:#x}, \
                 has_ptx: {has_ptx}, source: {start}..{} }},",
                variant.name,
                constants(variant),
                sources.len(),
            )
            .expect(TAKEN);
            Ok(())
        });
    }
    finish(table, sources, errors)
}

/// Hands each variant of `src/op/{name}/{name}.{extension}` to `make` with its source and the files that
/// it may import; notes what fails.
fn each(
    name: &str,
    extension: &str,
    errors: &mut Vec<String>,
    mut make: impl FnMut(&Variant, &str, &BTreeMap<String, String>) -> Result<(), String>,
) {
    let folder = Path::new(OPERATIONS).join(name);
    let mut shared = texts(Path::new(SHARED), extension);
    shared.extend(texts(&folder, extension));
    let source = match fs::read_to_string(folder.join(name).with_extension(extension)) {
        Ok(source) => source,
        Err(error) => return errors.push(format!("{name}.{extension}: {error}")),
    };
    match variants::parse(name, &source) {
        Err(error) => errors.push(format!("{name}.{extension}: {error}")),
        Ok((variants, source)) => {
            for variant in &variants {
                if let Err(error) = make(variant, &source, &shared) {
                    errors.push(format!("{name}/{}: {error}", variant.name));
                }
            }
        }
    }
}

fn finish(table: String, sources: String, errors: Vec<String>) -> Result<Made, Vec<String>> {
    let table = table + "];\n";
    match errors.is_empty() {
        true => Ok(Made { table, sources }),
        false => Err(errors),
    }
}

/// The files of `folder` that kernels of a language share, by name.
fn texts(folder: &Path, extension: &str) -> BTreeMap<String, String> {
    // A header is what C includes.
    let extension = if extension == "cu" { "cuh" } else { extension };
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.extension().is_some_and(|found| found == extension) {
            let name = path.file_stem().expect("a file name").to_string_lossy();
            texts.insert(name.to_string(), read(&path));
        }
    }
    texts
}

/// The symbols of a variant that have a number.
fn constants(variant: &Variant) -> Vec<(&str, u32)> {
    let symbols = variant.symbols.iter();
    symbols
        .filter_map(|(name, value)| Some((name.as_str(), (*value)?)))
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
