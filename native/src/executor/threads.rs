//! Threads that were asked for: all of them work, or the wish is refused.

use anyhow::{Result, ensure};

use super::Runner;

/// How many threads the executors on the CPU get: those `asked` for, else `default`.
///
/// # Errors
/// If more are asked for than run at once.
pub fn count(asked: Option<usize>, default: usize) -> Result<usize> {
    let most = rayon::current_num_threads();
    let threads = asked.unwrap_or(default);
    ensure!(
        asked.is_none() || threads <= most,
        "expected at most as many threads as run at once here ({most}), found {threads}"
    );
    Ok(threads)
}

/// Refuses threads `asked` for of which some would never work on `runners`, each with `batches`.
///
/// # Errors
/// If no runner has so many, or one would share a batch of fewer images among them.
pub fn check(runners: &[Runner], asked: Option<usize>, batches: &[usize]) -> Result<()> {
    let Some(threads) = asked else {
        return Ok(());
    };
    let names: Vec<_> = runners.iter().map(|runner| runner.name).collect();
    ensure!(
        runners.iter().any(|runner| runner.threads == threads),
        "expected the executor reference or cpu for the number of threads {threads}, found {}",
        names.join(", ")
    );
    let Some(sharing) = runners.iter().find(|runner| runner.shares_images()) else {
        return Ok(());
    };
    if let Some(least) = batches.iter().min() {
        ensure!(
            threads <= *least,
            "expected at most as many threads as images in a batch ({least}) on the executor {}, \
             found {threads}",
            sharing.name
        );
    }
    Ok(())
}
