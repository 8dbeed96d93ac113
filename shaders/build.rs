//! Expands every variant of every WGSL file, checks it, and writes the table of shaders; with the feature
//! `cuda` also the table of CUDA kernels.

#[allow(dead_code, reason = "tests use the rest")]
#[path = "check/mod.rs"]
mod check;
#[allow(dead_code, reason = "only the field names are needed")]
#[path = "src/params.rs"]
mod params;
#[cfg(feature = "cuda")]
#[path = "src/ptx.rs"]
mod ptx;

#[cfg(feature = "cuda")]
use check::cuda;
use check::{
    inspect::{self, Floats},
    preprocess, variants,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs, process};

/// A kernel's name, that of its parameters, and their fields.
type Kernel = (&'static str, &'static str, &'static [&'static str]);

/// The kernels that are integer-only.
const KERNELS: &[Kernel] = &[
    ("patch_gather", "PatchGather", params::PatchGather::FIELDS),
    ("linear", "Linear", params::Linear::FIELDS),
    ("norm_linear", "Linear", params::Linear::FIELDS),
    ("layer_norm", "LayerNorm", params::LayerNorm::FIELDS),
    (
        "window_attention",
        "WindowAttention",
        params::WindowAttention::FIELDS,
    ),
    ("shift_gelu", "ShiftGelu", params::ShiftGelu::FIELDS),
    ("mean_pool", "MeanPool", params::MeanPool::FIELDS),
];

/// Kernels to measure against, in `comparison`: floats are allowed there, and there alone.
#[cfg(feature = "comparison")]
const COMPARISON: &[Kernel] = &[("float_gelu", "FloatGelu", params::FloatGelu::FIELDS)];

fn main() {
    println!("cargo::rerun-if-changed=wgsl");
    println!("cargo::rerun-if-changed=check");
    println!("cargo::rerun-if-changed=src/params.rs");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    save(table(Path::new("wgsl")), Path::new(&out), "shaders");
    #[cfg(feature = "cuda")]
    {
        println!("cargo::rerun-if-changed=cuda");
        save(cuda_table(Path::new("cuda")), Path::new(&out), "cuda");
    }
}

/// Writes `{name}.rs` with the table and `{name}.deflate` with the sources, or ends with the errors.
fn save(made: Result<(String, String), Vec<String>>, out: &Path, name: &str) {
    match made {
        Ok((table, sources)) => {
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

/// Checks all shaders and returns the table's code and the sources one after the other, or the
/// errors of all shaders together.
fn table(wgsl: &Path) -> Result<(String, String), Vec<String>> {
    let shared = shared_files(wgsl);
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
            let Some((_, _, fields)) = kernels.iter().find(|(name, ..)| *name == variant.kernel)
            else {
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
                    let constants = constants(variant);
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
        for (kernel, ..) in kernels {
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

/// The files that kernels of `folder` share, by name.
fn shared_files(folder: &Path) -> BTreeMap<String, String> {
    let mut shared = BTreeMap::new();
    for entry in fs::read_dir(folder.join("shared")).expect("the folder `shared` is there") {
        let path = entry.expect("the folder `shared` can be listed").path();
        let name = path.file_stem().expect("a file name").to_string_lossy();
        shared.insert(name.to_string(), read(&path));
    }
    shared
}

/// The symbols of a variant that have a number.
fn constants(variant: &variants::Variant) -> Vec<(&str, u32)> {
    let symbols = variant.symbols.iter();
    symbols
        .filter_map(|(name, value)| Some((name.as_str(), (*value)?)))
        .collect()
}

/// Expands all CUDA kernels: the table's code and the sources one after the other, or the errors.
/// A kernel whose PTX in `cuda/ptx.deflate` was made of another source has none.
#[cfg(feature = "cuda")]
fn cuda_table(cuda: &Path) -> Result<(String, String), Vec<String>> {
    let shared = shared_files(cuda);
    let compiled = fs::read(cuda.join("ptx.deflate")).unwrap_or_default();
    let compiled = miniz_oxide::inflate::decompress_to_vec(&compiled).unwrap_or_default();
    let compiled = String::from_utf8(compiled).unwrap_or_default();
    let sets = [
        (cuda.to_path_buf(), KERNELS),
        #[cfg(feature = "comparison")]
        (cuda.join("comparison"), COMPARISON),
    ];

    let mut table = String::from(
        "/// Every variant of every CUDA kernel.\npub const CUDA_KERNELS: &[CudaKernel] = &[\n",
    );
    let mut sources = String::new();
    let mut errors = Vec::new();
    for (folder, kernels) in sets {
        let variants = variants::parse(&read(&folder.join("variants")));
        let variants = variants.map_err(|error| vec![error])?;
        for variant in &variants {
            let label = format!("{}/{}", variant.kernel, variant.name);
            let Some((_, params, fields)) =
                kernels.iter().find(|(name, ..)| *name == variant.kernel)
            else {
                errors.push(format!("{label}: no such kernel"));
                continue;
            };
            let source = read(&folder.join(format!("{}.cu", variant.kernel)));
            let source = match cuda::expand(variant, (params, fields), &source, &shared) {
                Ok(source) => preprocess::strip(&source),
                Err(error) => {
                    errors.push(format!("{label}: {error}"));
                    continue;
                }
            };
            let hash = ptx::hash(&source);
            let has_ptx = compiled.contains(&ptx::ptx_header(&label, hash));
            let start = sources.len();
            sources += &source;
            writeln!(
                table,
                "    CudaKernel {{ kernel: {:?}, variant: {:?}, constants: &{:?}, hash: {hash:#x}, \
                 has_ptx: {has_ptx}, source: {start}..{} }},",
                variant.kernel,
                variant.name,
                constants(variant),
                sources.len(),
            )
            .expect("a string takes everything");
        }
        for (kernel, ..) in kernels {
            if !variants.iter().any(|variant| variant.kernel == *kernel) {
                errors.push(format!("{kernel}: no CUDA variant"));
            }
        }
    }
    table += "];\n";
    match errors.is_empty() {
        true => Ok((table, sources)),
        false => Err(errors),
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
