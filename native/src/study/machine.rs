//! Where a study was run.

use std::{env, fs, thread};

use serde::{Deserialize, Serialize};

/// The machine of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and processor family.
    pub platform: String,
    /// Name of the processor, if the system tells it.
    pub processor: String,
    /// Threads that run at once.
    pub threads: usize,
    /// Whether this command was built with optimization for speed; else its times mean little.
    pub release: bool,
    /// Minutes of training since each run last began or went on, summed over the runs.
    pub minutes: f64,
}

impl Machine {
    /// This machine, with the minutes of a study on it.
    pub fn here(minutes: f64) -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        Self {
            platform: format!("{} {}", env::consts::OS, env::consts::ARCH),
            processor: processor.unwrap_or_default(),
            threads: thread::available_parallelism().map_or(1, usize::from),
            release: !cfg!(debug_assertions),
            minutes,
        }
    }
}
