//! Set-up, demo, tests and checks of the project: `cargo xtask help`.

mod chromium;
mod cuda;
mod demo;
mod fonts;
mod fuzz;
mod mutants;
mod parity;
mod peers;
mod shell;
mod system;
mod test;
mod web;

use anyhow::Result;
use clap::Parser;

/// Set-up, demo, tests and checks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Builds the command, classifies the sample images with the shipped model on every executor
    /// of this machine, and fails if their digests differ.
    Demo,
    /// Sets up what tests need, then formatting, lints, all tests, documentation.
    Test(test::Options),
    /// Compares the float models with freshly installed timm and transformers.
    Parity,
    /// Compiles every shader in headless Chromium.
    ShadersChromium,
    /// Compiles every CUDA kernel with NVRTC for each generation of cards; needs no card.
    CudaCheck(cuda::Options),
    /// Changes the kernels one place at a time; fails if the tests do not notice.
    Mutants(mutants::Options),
    /// Installs the Debian fonts that the shipped model was trained on.
    Fonts,
    /// Builds the wasm modules, the npm package and the page, into target/web; checks their sizes.
    Web(web::Options),
    /// Builds the page and serves it on this machine.
    Serve(web::Serve),
    /// Compares with other runtimes, side by side on this machine.
    Peers(peers::Options),
    /// Runs each fuzz target for a while.
    Fuzz(fuzz::Options),
}

fn main() -> Result<()> {
    match Task::parse() {
        Task::Demo => demo::run(),
        Task::Test(options) => test::run(&options),
        Task::Parity => parity::run(),
        Task::ShadersChromium => chromium::run(),
        Task::CudaCheck(options) => cuda::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Fonts => fonts::run(),
        Task::Web(options) => web::run(&options),
        Task::Serve(options) => web::serve(&options),
        Task::Peers(options) => peers::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
    }
}
