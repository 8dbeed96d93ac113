//! Expands every variant of every WGSL file, checks it, and writes the table of shaders.

#[allow(dead_code, reason = "tests use the rest")]
#[path = "check/mod.rs"]
mod check;
#[allow(dead_code, reason = "only the field names are needed")]
#[path = "src/params.rs"]
mod params;

use check::{
    inspect::{self, Floats},
    preprocess, variants,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs, process};

/// Each kernel with the fields of its uniform block.
const KERNELS: &[(&str, &[&str])] = &[
    ("patch_gather", params::PatchGather::FIELDS),
    ("linear", params::Linear::FIELDS),
    ("norm_linear", params::Linear::FIELDS),
    ("layer_norm", params::LayerNorm::FIELDS),
    ("window_attention", params::WindowAttention::FIELDS),
    ("shift_gelu", params::ShiftGelu::FIELDS),
    ("mean_pool", params::MeanPool::FIELDS),
];

/// Kernels to measure against, in `wgsl/comparison`: floats are allowed there, and there alone.
#[cfg(feature = "comparison")]
const COMPARISON: &[(&str, &[&str])] = &[("float_gelu", params::FloatGelu::FIELDS)];

fn main() {
    println!("cargo::rerun-if-changed=wgsl");
    println!("cargo::rerun-if-changed=check");
    println!("cargo::rerun-if-changed=src/params.rs");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    match table(Path::new("wgsl")) {
        Ok((table, sources)) => {
            write(&Path::new(&out).join("shaders.rs"), table.as_bytes());
            let sources = miniz_oxide::deflate::compress_to_vec(sources.as_bytes(), 10);
            write(&Path::new(&out).join("sources.deflate"), &sources);
        }
        Err(errors) => {
            for line in errors.iter().flat_map(|error| error.lines()) {
                println!("cargo::error={line}");
            }
            process::exit(1);
        }
    }
}

/// Checks all shaders and returns the table's code and the sources one after the other, or the
/// errors of all shaders together.
fn table(wgsl: &Path) -> Result<(String, String), Vec<String>> {
    let mut shared = BTreeMap::new();
    for entry in fs::read_dir(wgsl.join("shared")).expect("wgsl/shared is there") {
        let path = entry.expect("wgsl/shared can be listed").path();
        let name = path.file_stem().expect("a file name").to_string_lossy();
        shared.insert(name.to_string(), read(&path));
    }
    let sets = [
        (wgsl.to_path_buf(), KERNELS, Floats::Refused),
        #[cfg(feature = "comparison")]
        (wgsl.join("comparison"), COMPARISON, Floats::Allowed),
    ];

    let mut table =
        String::from("/// Every variant of every kernel.\npub const SHADERS: &[Shader] = &[\n");
    let mut sources = String::new();
    let mut errors = Vec::new();
    for (folder, kernels, floats) in sets {
        let variants = variants::parse(&read(&folder.join("variants")));
        let variants = variants.map_err(|error| vec![error])?;
        for variant in &variants {
            let label = format!("{}/{}", variant.kernel, variant.name);
            let Some((_, fields)) = kernels.iter().find(|(name, _)| *name == variant.kernel) else {
                errors.push(format!("{label}: no such kernel"));
                continue;
            };
            let source = read(&folder.join(format!("{}.wgsl", variant.kernel)));
            let source = match preprocess::preprocess(variant, &source, &shared) {
                Ok(source) => source,
                Err(error) => {
                    errors.push(format!("{label}: {error}"));
                    continue;
                }
            };
            match inspect::inspect(&source, fields, floats) {
                Ok(facts) => {
                    let start = sources.len();
                    sources += &preprocess::strip(&source);
                    let constants: Vec<(&str, u32)> = (variant.symbols.iter())
                        .filter_map(|(name, value)| Some((name.as_str(), (*value)?)))
                        .collect();
                    let symbols: Vec<&str> = (variant.symbols.iter())
                        .map(|(name, _)| name.as_str())
                        .collect();
                    writeln!(
                        table,
                        "    Shader {{ kernel: {:?}, variant: {:?}, symbols: &{symbols:?}, \
                     constants: &{constants:?}, workgroup_size: {:?}, workgroup_bytes: {}, \
                     source: {start}..{} }},",
                        variant.kernel,
                        variant.name,
                        facts.workgroup_size,
                        facts.workgroup_bytes,
                        sources.len(),
                    )
                    .expect("a string takes everything");
                }
                Err(found) => errors.extend(found.iter().map(|error| format!("{label}: {error}"))),
            }
        }
        for (kernel, _) in kernels {
            if !variants.iter().any(|variant| variant.kernel == *kernel) {
                errors.push(format!("{kernel}: no variant"));
            }
        }
    }
    table += "];\n";
    if errors.is_empty() {
        Ok((table, sources))
    } else {
        Err(errors)
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
