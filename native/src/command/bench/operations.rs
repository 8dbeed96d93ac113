//! `bench --by-op`: the time of each operation, and how much of the device that uses.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use anyhow::Result;
use intformer_shaders::Cost;
use serde::Serialize;

use super::quartiles;
use crate::{executor::Runner, inputs::Items};

/// The time of all steps of one kernel in a run.
#[derive(Serialize)]
pub struct OperationTime {
    op: String,
    steps: usize,
    median_ms: f64,
    /// Billions of int8 multiply-adds a second, of the least that the steps have to do.
    giga_multiply_adds_per_s: f64,
    /// Billions of bytes a second, of the least that the steps have to move.
    giga_bytes_per_s: f64,
    /// Share of the card's int8 peak and of its memory's bandwidth, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_of_peak: Option<[f64; 2]>,
}

#[derive(Default)]
struct Sums {
    steps: usize,
    cost: Cost,
    times: Vec<Duration>,
}

/// The time of each operation in `runs` runs, the longest first.
pub fn measure(runner: &mut Runner, items: &Items, runs: usize) -> Result<Vec<OperationTime>> {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for run in 0..runs {
        for step in runner.times(items)?.unwrap_or_default() {
            let sum = sums.entry(step.kernel).or_default();
            sum.times.resize(run + 1, Duration::ZERO);
            sum.times[run] += step.time;
            if run == 0 {
                sum.steps += 1;
                sum.cost += step.cost;
            }
        }
    }
    let peaks = peaks(runner);
    let operation = |(op, mut sums): (String, Sums)| {
        let [_, median_ms, _] = quartiles(&mut sums.times);
        // Per millisecond, in thousands and thousands.
        let rate = |count: u64| count as f64 / median_ms / 1e6;
        let rates = [rate(sums.cost.multiply_adds), rate(sums.cost.bytes)];
        OperationTime {
            op,
            steps: sums.steps,
            median_ms,
            giga_multiply_adds_per_s: rates[0],
            giga_bytes_per_s: rates[1],
            share_of_peak: peaks.map(|peaks| [rates[0] / peaks[0], rates[1] / peaks[1]]),
        }
    };
    let mut operations: Vec<_> = sums.into_iter().map(operation).collect();
    operations.sort_by(|a, b| b.median_ms.total_cmp(&a.median_ms));
    Ok(operations)
}

/// Lines for people, one an operation.
pub fn text(operations: &[OperationTime]) -> Result<String> {
    let mut text = String::new();
    for operation in operations {
        write!(
            text,
            "  {:<42} {:>4} steps {:>9.3} ms {:>9.1} GMAC/s {:>8.1} GB/s",
            operation.op,
            operation.steps,
            operation.median_ms,
            operation.giga_multiply_adds_per_s,
            operation.giga_bytes_per_s,
        )?;
        if let Some([products, bytes]) = operation.share_of_peak {
            write!(
                text,
                "   {:>4.1} % of int8 peak, {:>4.1} % of bandwidth",
                100.0 * products,
                100.0 * bytes
            )?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// The peaks of the card in billions of multiply-adds and of bytes a second, where they are known.
#[cfg(feature = "cuda")]
fn peaks(runner: &Runner) -> Option<[f64; 2]> {
    runner.cuda().and_then(|device| super::card::peaks(&device))
}

#[cfg(not(feature = "cuda"))]
fn peaks(_: &Runner) -> Option<[f64; 2]> {
    None
}
