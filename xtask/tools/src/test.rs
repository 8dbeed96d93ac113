//! Everything that a change must pass.

use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use xtask::{shell, system};

use crate::{chromium, cuda, features, format, fuzz, mutants, package, parity, portable, web};

/// Text fonts for the tests that render glyphs, which need three designs: packages and their folders.
const FONTS: &[(&str, &str)] = &[
    ("fonts-dejavu-core", "dejavu"),
    ("fonts-liberation", "liberation"),
    ("fonts-freefont-ttf", "freefont"),
];

/// Options of `cargo xtask test`.
#[derive(Args)]
pub struct Options {
    /// Installs nothing: fails if something that tests need is missing.
    #[arg(long)]
    no_install: bool,
    /// After those, what takes long: other systems' types, Firefox and the recipes of large tools, parity at full size,
    /// each fuzz target for a minute, the mutants.
    #[arg(long)]
    long: bool,
}

/// A check with its name in the summary.
type Step = (&'static str, fn() -> Result<()>);

/// The checks, in the order in which they run.
const STEPS: &[Step] = &[
    ("format", || format::run(&format::Options { check: true })),
    ("lints", || {
        cargo("clippy --locked --workspace --all-targets -- -D warnings")
    }),
    ("lints without float", || {
        cargo(
            "clippy --locked --package intformer-native --no-default-features --all-targets \
             -- -D warnings",
        )
    }),
    ("lints of the comparison without float", || {
        cargo(
            "clippy --locked --package intformer-native --package intformer-shaders \
             --package intformer-tests --no-default-features --features comparison,cuda \
             --all-targets -- -D warnings",
        )
    }),
    ("features", features::run),
    ("tests", tests),
    ("doc tests", || cargo("test --locked --workspace --doc")),
    ("statistics of the peers on a card", || {
        Ok(shell::run(&mut shell::command(
            "python3",
            "-m unittest discover -s benches/peers",
        ))?)
    }),
    ("shaders in Chromium", chromium::run),
    ("the browser", web::check),
    ("documentation", || {
        let mut doc = shell::cargo("doc --locked --workspace --no-deps");
        Ok(shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))?)
    }),
    ("packages", package::run),
];

/// What `--long` adds.
const LONG: &[Step] = &[
    ("other systems", portable::run),
    ("the browser, what takes long", web::check_long),
    ("parity", parity::run),
    ("fuzzing", || fuzz::run(&fuzz::Options { seconds: 60 })),
    ("mutants", || {
        mutants::run(&mutants::Options {
            only: None,
            from: 1,
        })
    }),
];

/// Sets up, runs every check, and says how long each took.
pub fn run(options: &Options) -> Result<()> {
    set_up(options)?;
    let start = Instant::now();
    let mut times = Vec::new();
    let long = if options.long { LONG } else { &[] };
    for (name, step) in STEPS.iter().chain(long) {
        eprintln!("\n== {name}");
        let start = Instant::now();
        step().with_context(|| format!("the step \"{name}\" failed"))?;
        times.push(format!("{name} {:.0} s", start.elapsed().as_secs_f64()));
    }
    let total = start.elapsed().as_secs_f64();
    println!("\nall checks passed in {total:.0} s: {}", times.join(", "));
    Ok(())
}

/// Sees to the programs, libraries and fonts that tests use.
fn set_up(options: &Options) -> Result<()> {
    let others = portable::TARGETS.into_iter().filter(|_| options.long);
    for target in others.chain([web::TARGET]) {
        anyhow::ensure!(
            system::has_target(target) || !options.no_install,
            "the tests need the target {target}"
        );
    }
    anyhow::ensure!(
        system::has_program("node") && system::has_program("npm"),
        "the tests of the browser's part need Node 20 or newer with npm"
    );
    anyhow::ensure!(
        !cuda::AVAILABLE || cuda::has_nvrtc() || !options.no_install,
        "the tests need NVRTC: `cargo xtask cuda-check` installs it"
    );
    let mut missing = Vec::new();
    if !system::has_vulkan() {
        missing.extend(system::VULKAN);
    }
    if !chromium::BROWSERS
        .iter()
        .any(|name| system::has_program(name))
    {
        missing.push("chromium");
    }
    if options.long && !system::has_program("firefox-esr") {
        missing.push("firefox-esr");
    }
    missing.extend(system::missing_fonts(FONTS));
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    anyhow::ensure!(!options.no_install, "the tests need {names}");
    system::install(&missing).context("the tests cannot run without these packages")
}

fn cargo(arguments: &str) -> Result<()> {
    Ok(shell::run(&mut shell::cargo(arguments))?)
}

/// cargo-nextest where it is installed, cargo's own runner elsewhere.
fn tests() -> Result<()> {
    let runner = if shell::succeeds(&mut shell::cargo("nextest --version")) {
        "nextest run --locked --workspace --no-fail-fast"
    } else {
        "test --locked --workspace --no-fail-fast --lib --bins --tests"
    };
    let mut tests = shell::cargo(runner);
    if cuda::AVAILABLE {
        tests.env("INTFORMER_NVRTC", cuda::nvrtc()?);
    }
    Ok(shell::run(&mut tests)?)
}
