//! What is printed.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::measure::Measured;

/// On what was measured.
#[derive(Serialize)]
pub struct Setting {
    /// The model's name.
    pub model: String,
    /// The device's name.
    pub device: String,
    /// burn's version.
    pub burn: &'static str,
    /// Whether nothing was measured but that all works.
    pub quick: bool,
}

/// All results.
pub struct Answer {
    /// On what was measured.
    pub setting: Setting,
    /// By batch size.
    pub results: Vec<Measured>,
}

impl Answer {
    /// Prints a table, or JSON in the form of `intformer bench`.
    ///
    /// # Errors
    /// If the results cannot be represented.
    pub fn print(&self, json: bool) -> Result<()> {
        let Self { setting, results } = self;
        if json {
            let json = json!({ "weights": "random", "setting": setting, "results": results });
            println!("{json:#}");
            return Ok(());
        }
        println!("random weights: these times say nothing of accuracy");
        if setting.quick {
            println!("a quick test of the program: no figure here is a measurement");
        }
        println!(
            "{}, burn {}, {}",
            setting.model, setting.burn, setting.device
        );
        println!(
            "\n{:<16} {:>6} {:>12} {:>10} {:>10} {:>12} {:>10} {:>10}  by the clock of",
            "executor", "batch", "median ms", "q1 ms", "q3 ms", "host ms", "images/s", "error"
        );
        for row in results {
            let [q1, median, q3] = row.quartiles();
            let error = row.error.map(|error| format!("{error:.5}"));
            println!(
                "{:<16} {:>6} {:>12.3} {:>10.3} {:>10.3} {:>12.3} {:>10.1} {:>10}  {}",
                row.executor,
                row.batch,
                median,
                q1,
                q3,
                row.median_ms,
                1e3 * row.batch as f64 / median,
                error.unwrap_or_default(),
                row.clock()
            );
        }
        Ok(())
    }
}
