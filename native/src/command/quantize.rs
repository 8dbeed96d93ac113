//! `intformer quantize`: a float model to an integer-only one.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use intformer::{
    FloatModel, Pixels,
    data::{Dataset, Findings, ImageFiles, Split, parts, unread},
    float, picture,
    plan::IntModel,
    quant::{Gelu, QuantizeOptions, RangeMethod, quantize, typical},
};
use rayon::prelude::*;
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, count},
    command::{
        data::{GlyphArguments, Part},
        passed_over,
    },
    images,
    reading::Reading,
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
    /// Takes so many images of what --calib names, spread evenly over it.
    #[arg(long, default_value_t = 512, value_parser = count())]
    limit: usize,
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
    /// Calibration images: a folder, an image, a .txt list of images, glyphs:N or random:N.
    #[arg(
        long,
        required = true,
        value_name = "DIR | FILE | LIST.txt | glyphs:N | random:N"
    )]
    calib: Vec<String>,
    /// How the range of an activation follows from what was seen.
    #[arg(long, value_enum, default_value_t = Range::Mse)]
    range: Range,
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
}

/// Images to calibrate on.
pub struct Shown {
    /// The images.
    pub images: Vec<Pixels>,
    /// Whether some of them are noise.
    pub random: bool,
    /// What to say of them in the file.
    pub source: String,
    /// The parts of folders that hold parts.
    pub parts: Vec<String>,
    /// What was passed over.
    pub findings: Findings,
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
        self.method.options()?;
        let model = self.reading.float(&self.model, globals)?;
        let shown =
            self.method
                .images(&model, &self.rendering, self.limit, self.seed, self.strict)?;
        for part in &shown.parts {
            globals.note(&format!("images of the part {part}"));
        }
        let mut quantized = self.method.quantize(&model, &shown, globals)?;
        // Noise says nothing of what images the model knows.
        if !shown.random {
            let bar = globals.bar("answering", shown.images.len());
            quantized.typical = typical(&quantized, &shown.images, || bar.inc(1))?;
            bar.finish_and_clear();
        }
        quantized.save(&self.out)?;
        let bytes = quantized.weights.bytes();
        let steps = quantized.plan.steps.len();
        let (images, source) = (shown.images.len(), &shown.source);
        let text = format!(
            "{}: {steps} steps, {bytes} bytes of weights, calibrated on {images} images ({source})\n{}",
            self.out.display(),
            passed_over::text(&shown.findings)
        );
        let json = json!({
            "out": self.out, "steps": steps, "weight_bytes": bytes, "images": images,
            "calibration": source, "parts": shown.parts,
        });
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
        let options = self.options()?;
        let images = &shown.images;
        let bar = globals.bar("calibrating", 2 * images.len());
        let calibration = float::calibrate(model, images, |seen| bar.inc(seen as u64))?;
        bar.finish_and_clear();
        let source = &shown.source;
        Ok(quantize(
            model,
            &calibration,
            &options,
            source,
            images.len(),
        )?)
    }

    /// The options of the library.
    ///
    /// # Errors
    /// If the percentile is none.
    pub fn options(&self) -> Result<QuantizeOptions> {
        if !(self.percentile > 0.0 && self.percentile <= 1.0) {
            bail!(
                "expected a share above 0 and up to 1, found {}",
                self.percentile
            );
        }
        Ok(QuantizeOptions {
            range: match self.range {
                Range::Minmax => RangeMethod::MinMax,
                Range::Percentile => RangeMethod::Percentile(self.percentile),
                Range::Mse => RangeMethod::MeanSquaredError,
            },
            residual_exponents: !self.no_residual_exponents,
            bias_correction: !self.no_bias_correction,
            gelu: match self.gelu {
                GeluForm::Table => Gelu::Table,
                GeluForm::IGelu => Gelu::IGelu,
                GeluForm::ShiftGelu => Gelu::ShiftGelu,
            },
        })
    }

    /// The calibration images: at most `limit` of files; random ones by `seed`. Files that cannot be
    /// read are passed over, unless it is to be `strict`.
    pub fn images(
        &self,
        model: &FloatModel,
        rendering: &GlyphArguments,
        limit: usize,
        seed: u64,
        strict: bool,
    ) -> Result<Shown> {
        let made = |images, random, source: &str| Shown {
            images,
            random,
            source: source.to_owned(),
            parts: Vec::new(),
            findings: Findings::default(),
        };
        if let [source] = &self.calib[..] {
            if let Some(count) = source.strip_prefix("random:") {
                let images = images::random(&model.config.image(), number(count)?, seed)?;
                return Ok(made(images, true, "random images: for work on speed alone"));
            }
            if let Some(count) = source.strip_prefix("glyphs:") {
                let count = number(count)?;
                let [split] = rendering.splits([(Part::Train, count)])?;
                images::bound(&model.config.image(), count)?;
                let read = (0..count).into_par_iter().map(|at| Ok(split.get(0, at)?.0));
                let images: Vec<Pixels> = read.collect::<Result<_>>()?;
                return Ok(made(images, false, "glyphs of the training fonts"));
            }
        }
        self.files(model, limit, strict)
    }

    fn files(&self, model: &FloatModel, limit: usize, strict: bool) -> Result<Shown> {
        let (mut sources, mut names) = (Vec::new(), Vec::new());
        let mut folders = false;
        for source in &self.calib {
            let made = source.starts_with("random:") || source.starts_with("glyphs:");
            if made && !Path::new(source).exists() {
                bail!("expected {source} alone for --calib, found other images beside it");
            }
            if !Path::new(source).is_dir() {
                sources.push(source.clone());
                continue;
            }
            folders = true;
            let part = parts::find(source, &[Split::Train, Split::Validation, Split::Test])?;
            let Some(path) = part.path.to_str() else {
                bail!("expected a path in UTF-8, found {}", part.path.display());
            };
            sources.push(path.to_owned());
            names.extend(part.name);
        }
        let ImageFiles {
            paths,
            mut findings,
        } = ImageFiles::open(&sources)?;
        passed_over::check(&findings, strict)?;
        let length = paths.len();
        let count = limit.min(length);
        images::bound(&model.config.image(), count)?;
        let read = (0..count).into_par_iter().map(|at| {
            let path = &paths[at * length / count];
            let pixels = picture::load(path, &model.config.image(), &model.preprocessing);
            (path.clone(), pixels)
        });
        let read: Vec<_> = read.collect();
        let images = passed_over::apart(read, strict, &mut findings.skipped)?;
        if images.is_empty() {
            return Err(unread(&findings.skipped).into());
        }
        let source = match folders {
            true => "a folder of images",
            false => "image files",
        };
        Ok(Shown {
            images,
            random: false,
            source: source.to_owned(),
            parts: names,
            findings,
        })
    }
}

fn number(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(number) if (1..=10_000_000).contains(&number) => Ok(number),
        _ => bail!("expected a number of images from 1 to 10000000, found {text:?}"),
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
