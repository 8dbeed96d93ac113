//! `intformer quantize`: a float model to an integer-only one.

mod report;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use intformer::{
    FloatModel, float,
    plan::IntModel,
    quant::{Calibration, Gelu, QuantizeOptions, RangeMethod, Rounding, quantize, typical},
};
use serde_json::json;

use self::report::Report;
use crate::{
    answer::Answer,
    cli::{Globals, count},
    command::{
        data::GlyphArguments,
        passed_over,
        shown::{Shown, Sources},
    },
    inputs::Inputs,
    reading::Reading,
    texts::Column,
};

/// Makes an integer-only model of a float model.
///
/// Ranges are measured on calibration images, which need no classes: --calib takes a folder of images
/// at any depth (of one that holds train and val, train), an image, or a .txt list with the path of an
/// image a line, and may be given several times; glyphs:N renders N images of letters and digits from
/// the training fonts; random:N makes N images of noise, for work on speed alone, and the file says so.
/// Files that cannot be read are passed over and counted, in the JSON as well (skipped, left_out).
///
/// Example: intformer quantize glyphs-float.safetensors --calib glyphs:512 --out glyphs.safetensors
///
/// Of a model of texts, --calib takes a file with a text a line, or a .csv, .tsv, .jsonl or .parquet whose column
/// --column has them.
///
/// Example: intformer quantize sentence-transformers/all-MiniLM-L6-v2 --calib texts.txt --out minilm.safetensors
///
/// Example: intformer quantize microsoft/swin-tiny-patch4-window7-224 --calib photos --out swin-t.safetensors
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The float model: a file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// The file of the integer-only model.
    #[arg(long, short)]
    out: PathBuf,
    #[command(flatten)]
    method: Method,
    /// Takes so many images or texts of what --calib names, spread evenly over it.
    #[arg(long, default_value_t = 512, value_parser = count())]
    limit: usize,
    /// Tells what each layer loses: signal to noise in decibels of its integers against the float model's
    /// values, on 32 of the images or texts, and the share of the values beyond their range.
    #[arg(long)]
    report: bool,
    /// Seed of random images.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Ends at the first file that cannot be read, in place of passing it over.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    rendering: GlyphArguments,
}

/// How a model is made integer-only.
#[derive(Args)]
pub struct Method {
    /// Calibration images: a folder, an image, a .txt list of images, glyphs:N or random:N; or texts: a
    /// file with one a line or a table, or random:N.
    #[arg(
        long,
        required = true,
        value_name = "DIR | FILE | LIST.txt | glyphs:N | random:N"
    )]
    calib: Vec<String>,
    #[command(flatten)]
    pub column: Column,
    /// How the range of an activation follows from what was seen: by default mse, of a model of texts minmax, as the few
    /// large values of encoders matter. Keys of an attention keep all of theirs in any case.
    #[arg(long, value_enum)]
    range: Option<Range>,
    /// The share of the values that --range percentile keeps.
    #[arg(long, default_value_t = 0.9999)]
    percentile: f64,
    /// One scale for all channels of the residual, in place of a power of two for each.
    #[arg(long)]
    no_residual_exponents: bool,
    /// What GELU becomes, in models that have it.
    #[arg(long, value_enum, default_value_t = GeluForm::Table)]
    gelu: GeluForm,
    /// Leaves biases as they are, in place of making up for the mean error of rounded weights.
    #[arg(long)]
    no_bias_correction: bool,
    /// How weights become int8: by default optq, but nearest if --calib is noise.
    #[arg(long, value_enum)]
    rounding: Option<RoundingForm>,
}

/// The forms of GELU.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum GeluForm {
    /// A table of 256 bytes: exact for int8.
    Table,
    /// The polynomial of I-BERT (arXiv 2101.01321).
    IGelu,
    /// The shifts of I-ViT (arXiv 2207.01405), a pass of its own.
    ShiftGelu,
}

/// How weights are rounded.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoundingForm {
    /// Each to what makes up best for the errors of those before it (OPTQ, arXiv 2210.17323).
    Optq,
    /// Each to the nearest.
    Nearest,
}

/// How ranges are found.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Range {
    /// The largest magnitude.
    Minmax,
    /// The magnitude that a share of the values does not exceed.
    Percentile,
    /// The clip with the least mean squared error.
    Mse,
}

impl Options {
    /// Calibrates, lowers and saves.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = self.reading.float(&self.model, globals)?;
        let shown =
            self.method
                .shown(&model, &self.rendering, self.limit, self.seed, self.strict)?;
        for part in &shown.parts {
            globals.note(&format!("images of the part {part}"));
        }
        self.method.options(&shown)?;
        let calibration = self.method.calibrate(&model, &shown, globals)?;
        let mut quantized = self.method.lower(&model, &calibration, &shown)?;
        // Noise says nothing of what images the model knows.
        if let Inputs::Images(images) = &shown.inputs
            && !shown.random
        {
            let bar = globals.bar("answering", images.len());
            quantized.typical = typical(&quantized, images, || bar.inc(1))?;
            bar.finish_and_clear();
        }
        quantized.save(&self.out)?;
        let report = match self.report {
            true => Some(Report::new(
                &model,
                &calibration,
                &self.method.options(&shown)?,
                &shown.inputs,
                globals,
            )?),
            false => None,
        };
        let bytes = quantized.weights.bytes();
        let steps = quantized.plan.steps.len();
        let (count, source) = (shown.inputs.len(), &shown.source);
        let kind = match &shown.inputs {
            Inputs::Images(_) => "images",
            Inputs::Texts(_) => "texts",
        };
        let text = format!(
            "{}: {steps} steps, {bytes} bytes of weights, calibrated on {count} {kind} ({source})\n{}{}",
            self.out.display(),
            passed_over::text(&shown.findings),
            report.as_ref().map(Report::text).unwrap_or_default()
        );
        let json = json!({
            "out": self.out, "steps": steps, "weight_bytes": bytes,
            "calibration": source, "parts": shown.parts,
        });
        let mut json = json;
        json[kind] = count.into();
        if let Some(report) = report {
            json["layers"] = report.json();
        }
        Answer::new(text, &passed_over::told(json, &shown.findings))
    }
}

impl Method {
    /// Calibrates and lowers.
    pub fn quantize(
        &self,
        model: &FloatModel,
        shown: &Shown,
        globals: &Globals,
    ) -> Result<IntModel> {
        let calibration = self.calibrate(model, shown, globals)?;
        self.lower(model, &calibration, shown)
    }

    /// What `model` shows of the images or texts.
    fn calibrate(
        &self,
        model: &FloatModel,
        shown: &Shown,
        globals: &Globals,
    ) -> Result<Calibration> {
        let items = shown.inputs.items();
        let bar = globals.bar("calibrating", 2 * items.len());
        let calibration = float::calibrate(model, items.samples(), |seen| bar.inc(seen as u64))?;
        bar.finish_and_clear();
        Ok(calibration)
    }

    fn lower(
        &self,
        model: &FloatModel,
        calibration: &Calibration,
        shown: &Shown,
    ) -> Result<IntModel> {
        let (options, count) = (self.options(shown)?, shown.inputs.len());
        let source = &shown.source;
        Ok(quantize(model, calibration, &options, source, count)?)
    }

    /// What to calibrate on: at most `limit` of files; random ones by `seed`. Files that cannot be read are passed over,
    /// unless it is to be `strict`.
    pub fn shown(
        &self,
        model: &FloatModel,
        rendering: &GlyphArguments,
        limit: usize,
        seed: u64,
        strict: bool,
    ) -> Result<Shown> {
        let sources = Sources {
            option: "--calib",
            sources: &self.calib,
            column: &self.column,
            rendering,
            strict,
        };
        sources.read(model, limit, seed)
    }

    /// The options of the library, for what was `shown`.
    ///
    /// # Errors
    /// If the percentile is none.
    pub fn options(&self, shown: &Shown) -> Result<QuantizeOptions> {
        let usual = match shown.inputs {
            Inputs::Texts(_) => Range::Minmax,
            _ => Range::Mse,
        };
        if !(self.percentile > 0.0 && self.percentile <= 1.0) {
            bail!(
                "expected a share above 0 and up to 1, found {}",
                self.percentile
            );
        }
        Ok(QuantizeOptions {
            range: match self.range.unwrap_or(usual) {
                Range::Minmax => RangeMethod::MinMax,
                Range::Percentile => RangeMethod::Percentile(self.percentile),
                Range::Mse => RangeMethod::MeanSquaredError,
            },
            residual_exponents: !self.no_residual_exponents,
            bias_correction: !self.no_bias_correction,
            rounding: match self.rounding {
                None if shown.random => Rounding::Nearest,
                None | Some(RoundingForm::Optq) => Rounding::Optq,
                Some(RoundingForm::Nearest) => Rounding::Nearest,
            },
            gelu: match self.gelu {
                GeluForm::Table => Gelu::Table,
                GeluForm::IGelu => Gelu::IGelu,
                GeluForm::ShiftGelu => Gelu::ShiftGelu,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports name the forms as the command line does.
    #[test]
    fn forms_of_gelu_have_one_name() {
        let named = GeluForm::value_variants().iter().map(|form| {
            let value = form.to_possible_value().expect("none is hidden");
            value.get_name().to_owned()
        });
        assert!(named.eq(Gelu::INTEGER.map(Gelu::name)));
    }
}
