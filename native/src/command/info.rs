//! `intformer info`: what a model consists of.

use std::{collections::HashMap, fmt::Write};

use anyhow::Result;
use clap::Args;
use intformer::{
    architecture::{Census, census},
    plan::{Counts, IntModel, IntWeights, Operation},
};
use serde_json::json;

use crate::{
    answer::Answer,
    cli::Globals,
    model::{Compressed, Model},
    reading::Reading,
};

/// Shows a model's layers, parameters, multiply-accumulates, memory and dispatches.
///
/// Example: intformer info models/glyphs.safetensors
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
}

/// A line of the table.
struct Row {
    name: String,
    operation: &'static str,
    shape: String,
    macs: u64,
    bytes: usize,
}

impl Options {
    /// Reads the model and counts.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let (model, notes) = Model::noting(&self.model, &self.reading)?;
        globals.notes(&notes);
        let census = census(model.config())?;
        let file = std::fs::metadata(&self.model);
        let file_bytes = file
            .ok()
            .filter(|file| file.is_file())
            .map(|file| file.len());
        match &model {
            Model::Compressed(compressed) => self.compressed(compressed, &census, file_bytes),
            #[cfg(feature = "float")]
            Model::Float(float) => self.float(float, &census, file_bytes, &notes),
        }
    }

    fn compressed(
        &self,
        compressed: &Compressed,
        census: &Census,
        file_bytes: Option<u64>,
    ) -> Result<Answer> {
        let (model, program) = (&compressed.model, &compressed.program);
        let rows = rows(model, census);
        let mut text = format!("integer-only model, {}\n", model.config);
        writeln!(
            text,
            "calibrated on {} items: {}; {}\n",
            model.provenance.images, model.provenance.calibration, model.provenance.options
        )?;
        table(&mut text, &rows)?;
        let longest = model
            .config
            .text()
            .map_or(0, |limits| limits.positions as usize);
        let item = match longest {
            0 => "an image".to_owned(),
            tokens => format!("a text of {tokens} tokens"),
        };
        let room = program.room(Counts {
            items: 1,
            tokens: longest,
        });
        let (arena, weights) = (4 * room.words(), 4 * program.weights().len());
        writeln!(
            text,
            "\nparameters            {}",
            grouped(census.elements() as u64)
        )?;
        writeln!(
            text,
            "multiply-accumulates  {} {item}",
            grouped(census.total_macs())
        )?;
        writeln!(
            text,
            "dispatches            {} a batch",
            program.main().steps().len()
        )?;
        writeln!(
            text,
            "arena                 {} bytes {item}",
            grouped(arena as u64)
        )?;
        writeln!(
            text,
            "weights               {} bytes",
            grouped(weights as u64)
        )?;
        if let Some(bytes) = file_bytes {
            writeln!(text, "file                  {} bytes", grouped(bytes))?;
        }
        let digest = match &compressed.digest {
            Some(digest) => digest.clone(),
            None => model.digest()?,
        };
        writeln!(text, "digest                {digest}")?;
        let layers = rows.iter().map(|row| {
            json!({
                "name": row.name, "op": row.operation, "shape": row.shape, "macs": row.macs,
                "bytes": row.bytes,
            })
        });
        Answer::new(
            text,
            &json!({
                "kind": "integer",
                "params": census.elements(),
                "macs": census.total_macs(),
                "dispatches": program.main().steps().len(),
                "arena_bytes": arena,
                "weight_bytes": weights,
                "file_bytes": file_bytes,
                "digest": digest,
                "config": model.config,
                "labels": model.labels,
                "provenance": model.provenance,
                "layers": layers.collect::<Vec<_>>(),
            }),
        )
    }

    #[cfg(feature = "float")]
    fn float(
        &self,
        model: &intformer::FloatModel,
        census: &Census,
        file_bytes: Option<u64>,
        notes: &[String],
    ) -> Result<Answer> {
        let mut text = format!("float model, {}\n\n", model.config);
        let macs: HashMap<_, _> = census.macs.iter().cloned().collect();
        let rows: Vec<_> = census
            .params
            .iter()
            .map(|(name, shape)| Row {
                name: name.clone(),
                operation: "f32",
                shape: shape
                    .iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join(" x "),
                // The work of a site stands in the line of its first tensor.
                macs: name
                    .strip_suffix(".weight")
                    .or(name.strip_suffix(".relative_position_bias_table"))
                    .and_then(|site| macs.get(site).copied())
                    .unwrap_or(0),
                bytes: 4 * shape.iter().product::<usize>(),
            })
            .collect();
        table(&mut text, &rows)?;
        writeln!(
            text,
            "\nparameters            {}",
            grouped(census.elements() as u64)
        )?;
        writeln!(
            text,
            "multiply-accumulates  {} an item",
            grouped(census.total_macs())
        )?;
        if let Some(bytes) = file_bytes {
            writeln!(text, "file                  {} bytes", grouped(bytes))?;
        }
        Answer::new(
            text,
            &json!({
                "kind": "float",
                "params": census.elements(),
                "macs": census.total_macs(),
                "dispatches": null,
                "arena_bytes": null,
                "weight_bytes": 4 * census.elements(),
                "file_bytes": file_bytes,
                "config": model.config,
                "labels": model.labels,
                "notes": notes,
            }),
        )
    }
}

/// A row for each step of the plan.
fn rows(model: &IntModel, census: &Census) -> Vec<Row> {
    let macs: HashMap<_, _> = census.macs.iter().cloned().collect();
    let row = |step: &intformer::plan::Step| {
        let output = &model.plan.tensors[step.operation.output()];
        Row {
            name: step.name.clone(),
            operation: step.operation.name(),
            shape: format!("{} x {} {:?}", output.rows, output.cols, output.format).to_lowercase(),
            macs: macs.get(&step.name).copied().unwrap_or(0),
            bytes: weight_bytes(&model.weights, &step.operation),
        }
    };
    model.plan.steps.iter().map(row).collect()
}

/// The weights of an operation alone, without tables that steps share.
fn weight_bytes(weights: &IntWeights, operation: &Operation) -> usize {
    let prefixes = operation.weights();
    let reads = |name: &str| {
        let parent = name.rsplit_once('.').map(|(parent, _)| parent);
        parent.is_some_and(|parent| prefixes.contains(&parent))
    };
    let read = weights.0.iter().filter(|(name, _)| reads(name));
    read.map(|(_, tensor)| tensor.bytes.len()).sum()
}

fn table(text: &mut String, rows: &[Row]) -> Result<()> {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let head = format!("{:<width$}  {:<16}  {:<20}", "site", "operation", "shape");
    writeln!(text, "{head}  {:>15}  {:>12}", "MACs", "weight bytes")?;
    for row in rows {
        writeln!(
            text,
            "{:<width$}  {:<16}  {:<20}  {:>15}  {:>12}",
            row.name,
            row.operation,
            row.shape,
            grouped(row.macs),
            grouped(row.bytes as u64)
        )?;
    }
    Ok(())
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped_from_the_right() {
        let groups = [0, 12, 123, 1_234, 28_288_354].map(grouped);
        assert_eq!(groups, ["0", "12", "123", "1,234", "28,288,354"]);
    }
}
