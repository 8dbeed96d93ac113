//! What `bench` tells of an NVIDIA card: its own clock, transfers apart, frequencies, peaks.

use std::fmt::Write;

use anyhow::Result;
use intformer::runtime::cuda::Device;
use nvml_wrapper::{
    Nvml,
    enum_wrappers::device::{Clock, TemperatureSensor},
};
use serde::Serialize;

use super::quartiles;
use crate::{executor::Runner, inputs::Items};

/// Times by the card's clock.
#[derive(Serialize)]
pub struct CardTimes {
    /// First quartile, median and third quartile of the graph of all kernels.
    pub graph_ms: [f64; 3],
    /// The same for images to the card, from page-locked memory.
    upload_ms: [f64; 3],
    /// The same for logits back.
    download_ms: [f64; 3],
    /// After the runs, where the driver's management library tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
}

/// The card's state at a moment, as far as its driver tells.
#[derive(Serialize)]
struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multiprocessor_mhz: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mhz: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    celsius: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watts: Option<f64>,
}

/// Measures `runs` runs by the card's clock; `None` if the executor is not on a card.
pub fn measure(runner: &mut Runner, items: &Items, runs: usize) -> Result<Option<CardTimes>> {
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..runs {
        let Some(run) = runner.transfer_times(items)? else {
            return Ok(None);
        };
        for (times, time) in times.iter_mut().zip([run.run, run.upload, run.download]) {
            times.push(time);
        }
    }
    let [graph_ms, upload_ms, download_ms] = times.map(|mut times| quartiles(&mut times));
    Ok(Some(CardTimes {
        graph_ms,
        upload_ms,
        download_ms,
        state: runner.cuda().and_then(|device| state(&device).ok()),
    }))
}

/// Lines for people.
pub fn text(times: &CardTimes) -> Result<String> {
    let mut text = String::new();
    for (name, [q1, median, q3]) in [
        ("kernels (one graph)", times.graph_ms),
        ("images to the card", times.upload_ms),
        ("logits back", times.download_ms),
    ] {
        writeln!(
            text,
            "  {name:<22} {median:>9.3} ms [{q1:.3}, {q3:.3}] by the card's clock"
        )?;
    }
    if let Some(state) = &times.state {
        let parts = [
            state
                .multiprocessor_mhz
                .map(|mhz| format!("clocks {mhz} MHz")),
            state.memory_mhz.map(|mhz| format!("memory {mhz} MHz")),
            state.celsius.map(|celsius| format!("{celsius} °C")),
            state.watts.map(|watts| format!("{watts:.0} W")),
            state
                .driver
                .as_ref()
                .map(|version| format!("driver {version}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            writeln!(text, "  {}", parts.join(", "))?;
        }
    }
    Ok(text)
}

/// The state of the card that the device is.
fn state(device: &Device) -> Result<State> {
    let nvml = Nvml::init()?;
    let card = nvml.device_by_uuid(device.uuid()?)?;
    let milliwatts = card.power_usage().ok();
    Ok(State {
        driver: nvml.sys_driver_version().ok(),
        multiprocessor_mhz: card.clock_info(Clock::SM).ok(),
        memory_mhz: card.clock_info(Clock::Memory).ok(),
        celsius: card.temperature(TemperatureSensor::Gpu).ok(),
        watts: milliwatts.map(|power| f64::from(power) / 1e3),
    })
}

/// int8 multiply-adds that the tensor cores of one multiprocessor do in a cycle, without sparsity:
/// the peaks of NVIDIA's data sheets divided by multiprocessors and clock (A100 624 TOPS, RTX 3090
/// 284, RTX 4090 660.6, H100 SXM 1979, RTX 5090 838).
fn products_a_cycle(capability: (i32, i32)) -> Option<u32> {
    match capability {
        (8, 0) => Some(2048),
        (8, 6) | (8, 9) | (12, 0) => Some(1024),
        (9, 0) => Some(4096),
        _ => None,
    }
}

/// Billions of multiply-adds and of bytes a second at the highest clocks, where they are known.
pub fn peaks(device: &Device) -> Option<[f64; 2]> {
    let [clock, memory_clock, bus] = device.clocks().map(f64::from);
    let products = products_a_cycle(device.capability())?;
    // Clocks are in kHz; memory sends twice a cycle.
    let peaks = [
        f64::from(products) * f64::from(device.processors()) * clock / 1e6,
        2.0 * memory_clock * bus / 8.0 / 1e6,
    ];
    peaks.iter().all(|&peak| peak > 0.0).then_some(peaks)
}
