//! Whether Chromium's shader compiler, stricter than naga about uniformity, takes every shader.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use intformer_shaders::SHADERS;
use xtask::shell;

/// Names of the browser, as distributions have them.
pub const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Compiles every shader in headless Chromium and prints a line for each.
///
/// # Errors
/// If there is no browser, it does not finish, or any shader has an error.
pub fn run() -> Result<()> {
    let template = shell::root().join("tests/browser/shaders.html");
    let template = std::fs::read_to_string(&template)
        .with_context(|| format!("reading {}", template.display()))?;
    let shaders: Vec<_> = SHADERS
        .iter()
        .map(|shader| serde_json::json!({ "label": shader.label(), "source": shader.source() }))
        .collect();
    let shaders = serde_json::to_string(&shaders)?.replace("</", "<\\/");
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("shaders.html");
    std::fs::write(&page, template.replace("/*SHADERS*/ []", &shaders))?;

    let report = dump(&page, &folder.path().join("profile"))?;
    let mut failed = 0;
    let mut passed = 0;
    for line in report.lines() {
        println!("{line}");
        failed += usize::from(line.starts_with("FAIL"));
        passed += usize::from(line.starts_with("ok "));
    }
    ensure!(failed == 0, "Chromium refuses {failed} shaders");
    ensure!(
        passed == SHADERS.len(),
        "Chromium reported {passed} of {} shaders",
        SHADERS.len()
    );
    Ok(())
}

/// The text of the page's report after it has run.
fn dump(page: &Path, profile: &Path) -> Result<String> {
    for browser in BROWSERS {
        let output = Command::new(browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--enable-unsafe-webgpu",
                "--use-webgpu-adapter=swiftshader",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--dump-dom",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("file://{}", page.display()))
            .output();
        let output = match output {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            output => output.with_context(|| format!("running {browser}"))?,
        };
        let dom = String::from_utf8_lossy(&output.stdout);
        let start = dom.split_once("<pre id=\"report\">");
        let Some((report, _)) = start.and_then(|(_, rest)| rest.split_once("</pre>")) else {
            bail!(
                "{browser} gave no report: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        return Ok(report
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"));
    }
    bail!("expected one of the browsers {BROWSERS:?} on the path, found none")
}
