//! Changes the kernels one place at a time and sees whether the tests notice.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;
use xtask::shell;

use crate::cuda;

/// The list of changes.
const LIST: &str = "tests/mutants.txt";
/// A change may make a kernel run forever.
const LIMIT: Duration = Duration::from_secs(600);

/// Options of `cargo xtask mutants`.
#[derive(Args)]
pub struct Options {
    /// Only the mutants whose file's path contains this.
    #[arg(long)]
    pub only: Option<String>,
    /// Go on from this one, counted from 1, after a run that was cut off.
    #[arg(long, default_value_t = 1)]
    pub from: usize,
}

struct Mutant {
    file: String,
    from: String,
    to: String,
}

/// Runs the kernel tests on every mutant; fails if one of them passes.
pub fn run(options: &Options) -> Result<()> {
    let mutants = parse(&fs::read_to_string(LIST).context(LIST)?)?;
    for mutant in &mutants {
        let found = fs::read_to_string(&mutant.file)?
            .matches(&mutant.from)
            .count();
        let Mutant { file, from, .. } = mutant;
        ensure!(
            found == 1,
            "{LIST}: expected once in {file}, found {found} times: {from}"
        );
    }
    let nvrtc = cuda::nvrtc()?;
    let base = shell::target().join("mutants");
    let tree = base.join("tree");
    copy_tree(&tree)?;
    println!("the unchanged kernels");
    let tests = build(&tree, &base)?.context("the unchanged tree does not build")?;
    ensure!(test(&tests, &nvrtc)?, "the unchanged tests fail");

    let wanted = |mutant: &&Mutant| {
        let only = options.only.as_deref();
        only.is_none_or(|only| mutant.file.contains(only))
    };
    let mut survived = Vec::new();
    let chosen: Vec<_> = mutants.iter().filter(wanted).collect();
    let skipped = options.from.saturating_sub(1).min(chosen.len());
    for (at, mutant) in chosen.iter().enumerate().skip(skipped) {
        let start = Instant::now();
        let path = tree.join(&mutant.file);
        let original = fs::read_to_string(&path)?;
        fs::write(&path, original.replacen(&mutant.from, &mutant.to, 1))?;
        let tests = build(&tree, &base)?;
        fs::write(&path, original)?;
        let Mutant { file, to, .. } = mutant;
        let tests = tests.with_context(|| {
            format!("a mutant of {file} does not build, so it tests nothing: {to}")
        })?;
        let passes = test(&tests, &nvrtc)?;
        println!(
            "{:3} of {}  {}  {:4.0} s  {file}: {to}",
            at + 1,
            chosen.len(),
            if passes { "SURVIVED" } else { "caught  " },
            start.elapsed().as_secs_f64()
        );
        if passes {
            survived.push(format!("{file}: {to}"));
        }
    }
    println!(
        "{} of {} mutants caught",
        chosen.len() - skipped - survived.len(),
        chosen.len() - skipped
    );
    ensure!(survived.is_empty(), "survived:\n{}", survived.join("\n"));
    Ok(())
}

fn parse(list: &str) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    let (mut file, mut from) = (String::new(), None);
    for line in list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line.split_once(' ') {
            Some(("file", name)) => file = name.to_owned(),
            Some(("-", text)) => from = Some(text.to_owned()),
            Some(("+", text)) => {
                let from = from.take().context("a + line without a - line")?;
                let (file, to) = (file.clone(), text.to_owned());
                mutants.push(Mutant { file, from, to });
            }
            _ => bail!("{LIST}: expected `file`, `-` or `+`, found {line}"),
        }
    }
    Ok(mutants)
}

/// Copies what git knows to `tree`.
fn copy_tree(tree: &Path) -> Result<()> {
    let list = Command::new("git").args(["ls-files", "-z"]).output()?;
    ensure!(list.status.success(), "git ls-files failed");
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    for name in String::from_utf8(list.stdout)?.split_terminator('\0') {
        let to = tree.join(name);
        fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
        if Path::new(name).exists() {
            fs::copy(name, to)?;
        }
    }
    Ok(())
}

/// The test binaries with the folders that cargo would run them in, or `None` if the tree does
/// not build.
fn build(tree: &Path, base: &Path) -> Result<Option<Vec<(PathBuf, PathBuf)>>> {
    let output = Command::new(env!("CARGO"))
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", base.join("target"))
        .args("test --package intformer-shaders --package intformer-tests".split(' '))
        .args("--no-default-features --features intformer-tests/cuda".split(' '))
        .args("--lib --test kernels --no-run".split(' '))
        .args(["--message-format", "json"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Ok(None);
    }
    let mut tests = Vec::new();
    for line in output.stdout.split(|&byte| byte == b'\n') {
        // Lines that are no JSON are what build scripts print.
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        let path = |value: &Value| value.as_str().map(PathBuf::from);
        if let (Some(binary), Some(manifest)) = (
            path(&message["executable"]),
            path(&message["manifest_path"]),
        ) {
            let folder = manifest.parent().context("a manifest lies in a folder")?;
            tests.push((binary, folder.to_path_buf()));
        }
    }
    ensure!(!tests.is_empty(), "cargo named no test binary");
    Ok(Some(tests))
}

/// Whether the tests pass within the limit; the first that fails tells.
fn test(tests: &[(PathBuf, PathBuf)], nvrtc: &Path) -> Result<bool> {
    let start = Instant::now();
    for (binary, folder) in tests {
        let mut child = Command::new(binary)
            .current_dir(folder)
            .env("CARGO_MANIFEST_DIR", folder)
            // CUDA kernels as they are in the tree, not as they were built in.
            .env("INTFORMER_NVRTC", nvrtc)
            // The same cases for every mutant.
            .env("PROPTEST_RNG_SEED", "1")
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let failed = Arc::new(AtomicBool::new(false));
        let output = child.stdout.take().context("a pipe")?;
        let seen = Arc::clone(&failed);
        let reader = std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            seen.store(
                lines.any(|line| line.ends_with("... FAILED")),
                Ordering::Relaxed,
            );
        });
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if start.elapsed() > LIMIT || failed.load(Ordering::Relaxed) {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        // It ends with the child.
        let _ = reader.join();
        if !status.success() {
            return Ok(false);
        }
    }
    Ok(true)
}
