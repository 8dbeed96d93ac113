//! Times of runs, one by one.

use std::time::Instant;

use anyhow::{Context, Result};
use burn::tensor::{ProfileOptions, TimingMethod};
use serde::Serialize;

use crate::model::Model;

/// How many runs.
pub struct Plan {
    /// That are measured.
    pub runs: usize,
    /// Before those.
    pub warm_up: usize,
}

/// The times of one batch size, in the form of `intformer bench --json`.
#[derive(Serialize)]
pub struct Measured {
    /// What ran.
    pub executor: String,
    /// Images of a run.
    pub batch: usize,
    /// Median by the host's clock, from the call until the device is done.
    pub median_ms: f64,
    q1_ms: f64,
    q3_ms: f64,
    /// By the card's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<CardTimes>,
    /// How far the logits are from those of 32 bits on the CPU, relative to theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    times_ms: Vec<f64>,
}

/// Times by the card's clock.
#[derive(Serialize)]
struct CardTimes {
    /// First quartile, median and third quartile of all kernels; burn makes no graph of them.
    graph_ms: [f64; 3],
}

impl Plan {
    /// Runs `model` on images that are on its device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn measure(
        &self,
        model: &mut Model,
        executor: &str,
        batch: usize,
        error: Option<f64>,
    ) -> Result<Measured> {
        let device = model.device().clone();
        let images = model.images(batch);
        device.sync().context("sending the images")?;
        let (mut times, mut host) = (Vec::new(), Vec::new());
        let mut on_card = true;
        for at in 0..self.warm_up + self.runs {
            let start = Instant::now();
            // Without the flush the window would close before operations that wait to be fused.
            let options = ProfileOptions::default().flush();
            let (logits, window) = device
                .profile_with(options, || model.run(images.clone()))
                .context("opening a window of burn's profiler")?;
            device.sync().context("waiting for the logits")?;
            let elapsed = start.elapsed();
            drop(logits?);
            on_card &= window.timing_method() == TimingMethod::Device;
            let ticks = pollster::block_on(window.resolve());
            let ticks = ticks.context("expected a time of burn's profiler, found none")?;
            if at >= self.warm_up {
                times.push(1e3 * ticks.duration().as_secs_f64());
                host.push(1e3 * elapsed.as_secs_f64());
            }
        }
        let [q1_ms, median_ms, q3_ms] = quartiles(&host);
        Ok(Measured {
            executor: executor.to_owned(),
            batch,
            median_ms,
            q1_ms,
            q3_ms,
            card: on_card.then(|| CardTimes {
                graph_ms: quartiles(&times),
            }),
            error,
            times_ms: times,
        })
    }
}

impl Measured {
    /// First quartile, median and third quartile by the card's clock, or else by the host's.
    pub fn quartiles(&self) -> [f64; 3] {
        match &self.card {
            Some(card) => card.graph_ms,
            None => [self.q1_ms, self.median_ms, self.q3_ms],
        }
    }

    /// Whose clock that is.
    pub fn clock(&self) -> &'static str {
        match self.card {
            Some(_) => "the card",
            None => "the host",
        }
    }
}

/// First quartile, median and third quartile, between neighbours by their distance.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| {
        let at = share * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        low + (high - low) * at.fract()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the test in `intformer bench`.
    #[test]
    fn quartiles_interpolate() {
        assert_eq!(quartiles(&[4.0, 1.0, 3.0, 2.0]), [1.75, 2.5, 3.25]);
        assert_eq!(quartiles(&[1.0]), [1.0; 3]);
    }
}
