//! The browser's part: wasm module, npm package, page.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::shell;

/// What browsers run.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// WebAssembly beyond its first version that the module may use: what every browser with WASM
/// SIMD has (Chrome 91, Firefox 89, Safari 16.4).
const WASM_FEATURES: &[&str] = &[
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Where the package and the page are put.
pub fn folder() -> PathBuf {
    shell::root().join("target/web")
}

/// Builds all of it.
pub fn run() -> Result<()> {
    tools()?;
    let runtime = module("intformer-web")?;
    let decoder = module("intformer-web-decoder")?;
    let size = glue().join("size.ts");
    fs::write(
        size,
        format!("/** Bytes of the wasm module. */\nexport const WASM_BYTES = {runtime};\n"),
    )?;
    println!("wasm modules: {runtime} bytes, decoder {decoder} bytes");
    Ok(())
}

/// Installs the tools that `web/package-lock.json` names, unless that was done before.
fn tools() -> Result<()> {
    let web = shell::root().join("web");
    let lock = web.join("package-lock.json");
    let installed = web.join("node_modules/.package-lock.json");
    let time = |file: &Path| fs::metadata(file).and_then(|data| data.modified());
    let current = time(&installed)
        .and_then(|installed| Ok(installed >= time(&lock)?))
        .unwrap_or(false);
    if current {
        return Ok(());
    }
    shell::run(shell::command("npm", "ci --no-audit --no-fund --ignore-scripts").current_dir(web))
}

/// Where the modules and their glue go.
fn glue() -> PathBuf {
    shell::root().join("web/package/src/wasm")
}

/// Compiles the module of `package`, makes its glue, and makes it small; its size in bytes.
fn module(package: &str) -> Result<u64> {
    let build = format!("build --locked --profile web --package {package} --target {TARGET}");
    shell::run(shell::cargo(&build).env("RUSTFLAGS", "-C target-feature=+simd128"))?;
    let name = package.replace('-', "_");
    let built = shell::target().join(format!("{TARGET}/web/{name}.wasm"));
    let glue = glue();
    Bindgen::new()
        .input_path(&built)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&glue)
        .with_context(|| format!("making the glue of {package}"))?;
    let module = glue.join(format!("{name}_bg.wasm"));
    let wasm_opt = shell::root().join("web/node_modules/binaryen/bin/wasm-opt");
    shell::run(
        shell::command("node", "")
            .arg(wasm_opt)
            .args(WASM_FEATURES)
            .args(["-Oz", "--strip-debug", "--strip-producers", "-o"])
            .args([&module, &module]),
    )?;
    Ok(fs::metadata(&module)?.len())
}
