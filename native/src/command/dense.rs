//! Dense models: a class for each pixel.

use std::path::Path;

use anyhow::{Context, Result, bail};
use intformer::{
    data::{Dataset, MaskFolder, Split},
    dense::{Cells, Logit, Overlap},
};
use rayon::prelude::*;
use serde_json::json;

use crate::{
    answer::Answer,
    cli::Globals,
    executor::{Logits, Runner},
    inputs::{Inputs, Items},
    model::Model,
};

/// Images that are read and run together.
const CHUNK: usize = 32;

/// The cells of a dense model.
///
/// # Errors
/// If it is none.
pub fn cells(model: &Model) -> Result<Cells> {
    model.config().cells().with_context(|| {
        format!(
            "expected a dense model, which gives a class to each part of an image, found {}: `intformer train --masks` \
             makes one",
            model.config()
        )
    })
}

/// The classes of the pixels of each image in `logits`, which are of one or several.
pub fn masks(model: &Model, logits: &Logits) -> Result<Vec<Vec<u16>>> {
    let (cells, classes) = (cells(model)?, model.config().classes());
    let each = cells.rows() * classes;
    match logits {
        Logits::Integer(logits) => of_all(&cells, logits, each, classes),
        #[cfg(feature = "float")]
        Logits::Float(logits) => of_all(&cells, logits, each, classes),
    }
}

fn of_all<L: Logit + Sync>(
    cells: &Cells,
    logits: &[L],
    each: usize,
    classes: usize,
) -> Result<Vec<Vec<u16>>> {
    let images = logits.par_chunks(each);
    let masks = images.map(|logits| Ok(cells.classes(logits, classes)?));
    masks.collect()
}

/// The images with masks of the first of `splits` in `folder`, whose classes are those of the dense `model`.
pub fn open(
    model: &Model,
    folder: &Path,
    splits: &[Split],
    globals: &Globals,
) -> Result<MaskFolder> {
    cells(model)?;
    let (shape, preprocessing) = (model.config().image()?, model.preprocessing());
    let data = MaskFolder::open(folder, splits, shape, preprocessing.clone())?;
    if data.labels() != model.labels() {
        bail!(
            "expected the model's classes in {}, found others: {} and {}",
            folder.display(),
            model.labels().join(", "),
            data.labels().join(", ")
        );
    }
    globals.note(&format!("images of the part {}", data.part()));
    Ok(data)
}

/// `intformer eval --masks`: how well the classes of pixels fit those of a folder.
pub fn evaluate(
    model: &Model,
    runner: &mut Runner,
    folder: &Path,
    splits: &[Split],
    limit: Option<usize>,
    globals: &Globals,
) -> Result<Answer> {
    let data = open(model, folder, splits, globals)?;
    let count = limit.unwrap_or(data.len()).min(data.len());
    let places: Vec<usize> = (0..count).map(|at| at * data.len() / count).collect();
    let bar = globals.bar("evaluating", count);
    let mut overlap = Overlap::new(data.labels().len());
    for chunk in places.chunks(CHUNK) {
        let read = chunk.par_iter().map(|&at| Ok(data.get(0, at)?.0));
        let scenes: Vec<_> = read.collect::<Result<_>>()?;
        let images = scenes.iter().map(|scene| scene.image.clone()).collect();
        let inputs = Inputs::Images(images);
        let items: Items = inputs.items();
        let found = masks(model, &runner.logits(&items)?)?;
        for (scene, found) in scenes.iter().zip(&found) {
            overlap.add(&scene.mask, found)?;
        }
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    if overlap.pixels() == 0 {
        bail!(
            "expected pixels with a class in {}, found none",
            folder.display()
        );
    }
    let (accuracy, mean, by_class) = (overlap.accuracy(), overlap.mean(), overlap.by_class());
    let mut text = format!(
        "{count} images on {}: {:.2} % of the pixels right, mean intersection over union {:.2} %\n",
        runner.name,
        100.0 * accuracy,
        100.0 * mean
    );
    let width = data.labels().iter().map(|name| name.chars().count()).max();
    for (name, share) in data.labels().iter().zip(&by_class) {
        let share = share.map_or("-".to_owned(), |share| format!("{:.2} %", 100.0 * share));
        text += &format!("  {name:<width$}  {share:>9}\n", width = width.unwrap_or(0));
    }
    let classes = data.labels().iter().zip(&by_class);
    let classes: Vec<_> = classes
        .map(|(name, share)| json!({ "class": name, "intersection_over_union": share }))
        .collect();
    let json = json!({
        "n": count, "pixels_right": accuracy, "mean_intersection_over_union": mean, "classes": classes,
        "executor": runner.name, "part": data.part(),
    });
    Answer::new(text, &json)
}
