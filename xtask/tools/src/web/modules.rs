//! The wasm modules: compiled, given their glue, made small.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;
use xtask::shell;

use super::sources;

/// What browsers run.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// WebAssembly beyond its first version that the modules may use: what every browser with WASM
/// SIMD has (Chrome 91, Firefox 89, Safari 16.4).
const FEATURES: &str = "--enable-simd --enable-bulk-memory --enable-sign-ext \
    --enable-nontrapping-float-to-int --enable-mutable-globals --enable-reference-types \
    --enable-multivalue";

/// The modules that were built.
pub struct Modules {
    /// Model and both executors.
    pub runtime: PathBuf,
    /// Image files.
    pub decoder: PathBuf,
}

/// Builds both modules into the package's sources.
pub fn build() -> Result<Modules> {
    let runtime = module("intformer-web")?;
    let decoder = module("intformer-web-decoder")?;
    let bytes = fs::metadata(&runtime)?.len();
    fs::write(
        glue().join("size.ts"),
        format!("/** Bytes of the wasm module. */\nexport const WASM_BYTES = {bytes};\n"),
    )?;
    Ok(Modules { runtime, decoder })
}

/// Compares the CPU executor with the reference inside WebAssembly, under Node.
pub fn check_cpu() -> Result<()> {
    let module = compile("intformer-tests-wasm")?;
    let script = "tests/wasm/check.mjs";
    Ok(shell::run(shell::command("node", script).arg(module))?)
}

/// Where the modules and their glue go.
fn glue() -> PathBuf {
    sources().join("package/src/wasm")
}

/// Compiles a package; its module.
fn compile(package: &str) -> Result<PathBuf> {
    let build = format!("build --locked --profile small --package {package} --target {TARGET}");
    shell::run(shell::cargo(&build).env("RUSTFLAGS", "-C target-feature=+simd128"))?;
    let name = package.replace('-', "_");
    Ok(shell::target().join(format!("{TARGET}/small/{name}.wasm")))
}

/// Compiles a package, makes its glue, and makes its module small; the module.
fn module(package: &str) -> Result<PathBuf> {
    let built = compile(package)?;
    Bindgen::new()
        .input_path(&built)
        .web(true)?
        // The package passes the bytes; no bundler shall look for the module beside the glue.
        .omit_default_module_path(true)
        // A module that trapped can be started anew.
        .reset_state_function(true)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(glue())
        .with_context(|| format!("making the glue of {package}"))?;
    let name = built.file_stem().unwrap_or_default().to_string_lossy();
    let module = glue().join(format!("{name}_bg.wasm"));
    shrink(&module)?;
    Ok(module)
}

fn shrink(module: &Path) -> Result<()> {
    let mut optimize = shell::command("node", "");
    optimize.arg(sources().join("node_modules/binaryen/bin/wasm-opt"));
    optimize
        .args(FEATURES.split_whitespace())
        .args(["-O3", "--strip-debug", "--strip-producers"]);
    Ok(shell::run(optimize.arg("-o").arg(module).arg(module))?)
}
