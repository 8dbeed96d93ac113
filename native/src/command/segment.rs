//! `intformer segment`: a class for each pixel of image files.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use image::{GrayImage, Rgb, RgbImage};
use intformer::Pixels;
use serde_json::json;

use super::dense;
use crate::{
    answer::Answer,
    cli::Globals,
    executor::{self, Choice},
    images,
    inputs::Inputs,
    model::Model,
    reading::Reading,
};

/// Tells for each pixel of image files of which class it is.
///
/// Takes a dense model, as `intformer train --masks` makes it. In the folder --out each image gets NAME.mask.png, whose
/// grey levels are the numbers of the classes, and NAME.overlay.png, the image as the model sees it under the colours of
/// the classes. The integers of a compressed model give the same masks on every executor; with several, differing
/// digests are a failed check (exit code 1). docs/dense.md says how the classes of pixels come to be.
///
/// Example: intformer segment scenes.safetensors street.jpg --out masks
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    /// The image files.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// The folder of masks and overlays; none are written without it.
    #[arg(long, short)]
    out: Option<PathBuf>,
    /// What runs the model; several are separated by commas.
    #[arg(long, short, value_enum, value_delimiter = ',', default_value = "auto")]
    executor: Vec<Choice>,
}

/// The side of an overlay's pixels is so that it has about so many a side.
const OVERLAY: usize = 512;

impl Options {
    /// Runs the model on every image.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        dense::cells(&model)?;
        let names = self.names()?;
        let inputs = Inputs::Images(images::read(&self.images, &model)?);
        let mut runners = executor::several(&model, &self.executor, 1, globals)?;
        if let Some(folder) = &self.out {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        // The first run of an executor chooses kernels.
        for runner in &mut runners {
            runner.logits(&inputs.some(0..1))?;
        }
        let bar = globals.bar("segmenting", inputs.len());
        let (mut text, mut list, mut equal) = (String::new(), Vec::new(), true);
        for (at, (file, name)) in self.images.iter().zip(&names).enumerate() {
            let mut executors = Vec::new();
            let mut first: Option<Vec<u16>> = None;
            for runner in &mut runners {
                let began = Instant::now();
                let logits = runner.logits(&inputs.some(at..at + 1))?;
                let milliseconds = 1e3 * began.elapsed().as_secs_f64();
                let mut masks = dense::masks(&model, &logits)?;
                executors.push((runner.name, milliseconds, logits.digest()));
                first = first.or(masks.pop());
            }
            let mask = first.context("expected an executor, found none")?;
            let shares = shares(&model, &mask);
            writeln!(text, "{}:", file.display())?;
            for (class, share) in &shares {
                let bar = "█".repeat((share * 30.0).round() as usize);
                writeln!(text, "  {class:<24} {:5.1} %  {bar}", 100.0 * share)?;
            }
            for (name, milliseconds, digest) in &executors {
                writeln!(text, "  {name:<10} {milliseconds:8.2} ms  {digest}")?;
                equal &= *digest == executors[0].2;
            }
            let mut written = Vec::new();
            if let (Some(folder), Inputs::Images(images)) = (&self.out, &inputs) {
                written = write(folder, name, &images[at], &mask)?;
                for path in &written {
                    writeln!(text, "  {}", path.display())?;
                }
            }
            let classes = shares
                .iter()
                .map(|(class, share)| json!({ "label": class, "share": share }));
            let executors = executors
                .iter()
                .map(|(name, ms, digest)| json!({ "name": name, "ms": ms, "digest": digest }));
            list.push(json!({
                "file": file, "classes": classes.collect::<Vec<_>>(),
                "executors": executors.collect::<Vec<_>>(), "written": written,
            }));
            bar.inc(1);
        }
        bar.finish_and_clear();
        if runners.len() > 1 {
            let verdict = if equal {
                "all digests agree"
            } else {
                "DIGESTS DIFFER"
            };
            writeln!(
                text,
                "\n{verdict}: {} images, {} executors",
                list.len(),
                runners.len()
            )?;
        }
        Ok(Answer::new(text, &json!({ "equal": equal, "images": list }))?.check(Some(equal)))
    }

    /// What the files of each image are called.
    fn names(&self) -> Result<Vec<String>> {
        let stem = |path: &PathBuf| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let names: Vec<String> = self.images.iter().map(stem).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1])
            && self.out.is_some()
        {
            bail!(
                "expected images of different names, found {} twice",
                pair[0]
            );
        }
        Ok(names)
    }
}

/// The share of each class that there is, the largest first.
fn shares(model: &Model, mask: &[u16]) -> Vec<(String, f64)> {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for &class in mask {
        *counts.entry(class).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(class, count)| (std::cmp::Reverse(*count), *class));
    let share = |(class, count): (u16, usize)| {
        (model.label(class.into()), count as f64 / mask.len() as f64)
    };
    counts.into_iter().map(share).collect()
}

/// Writes the mask and the overlay of `image`.
fn write(folder: &Path, name: &str, image: &Pixels, mask: &[u16]) -> Result<Vec<PathBuf>> {
    let (width, height) = (image.width as u32, image.height as u32);
    // The last level is a pixel without a class.
    if mask.iter().any(|&class| class >= u8::MAX.into()) {
        bail!("expected at most 255 classes for a mask of grey levels, found more");
    }
    let levels = mask.iter().map(|&class| class as u8).collect();
    let levels =
        GrayImage::from_raw(width, height, levels).context("expected a mask of the image")?;
    let side = (OVERLAY / image.width.max(image.height)).max(1);
    let overlay = RgbImage::from_fn(width * side as u32, height * side as u32, |x, y| {
        let at = (y as usize / side) * image.width + x as usize / side;
        let pixel = &image.data[at * image.channels..][..image.channels];
        let colour = colour(mask[at]);
        // The first class is mostly the ground: it is left as it is.
        let strength = if mask[at] == 0 { 0 } else { 140 };
        Rgb([0, 1, 2].map(|channel: usize| {
            let seen = u32::from(pixel[channel.min(image.channels - 1)]);
            let painted = seen * (256 - strength) + u32::from(colour[channel]) * strength;
            (painted / 256) as u8
        }))
    });
    let paths = ["mask", "overlay"].map(|kind| folder.join(format!("{name}.{kind}.png")));
    levels
        .save(&paths[0])
        .with_context(|| paths[0].display().to_string())?;
    overlay
        .save(&paths[1])
        .with_context(|| paths[1].display().to_string())?;
    Ok(paths.to_vec())
}

/// A colour for each class: the bits of its number from the lowest, spread over the highest bits of the three channels, as
/// masks of Pascal VOC are coloured.
fn colour(class: u16) -> [u8; 3] {
    let mut colour = [0; 3];
    for round in 0..5 {
        for (channel, value) in colour.iter_mut().enumerate() {
            let bit = class.checked_shr(3 * round + channel as u32).unwrap_or(0) & 1;
            *value |= (bit as u8) << (7 - round);
        }
    }
    colour
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colours_are_those_of_pascal_voc() {
        let first = [
            [0, 0, 0],
            [128, 0, 0],
            [0, 128, 0],
            [128, 128, 0],
            [0, 0, 128],
        ];
        assert_eq!([0, 1, 2, 3, 4].map(colour), first);
        assert_eq!(colour(8), [64, 0, 0]);
    }
}
