//! Set-up, demo, tests and checks.

mod chromium;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("shaders-chromium") => chromium::run(),
        task => anyhow::bail!("expected the task shaders-chromium, found {task:?}"),
    }
}
