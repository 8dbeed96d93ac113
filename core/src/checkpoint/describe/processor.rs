//! Hugging Face's description of the preprocessing.

use serde::Deserialize;

use super::{MAX_CHANNELS, filter, same};
use crate::{
    Filter, Preprocessing, Resize, Result,
    architecture::names::{Description, Size, expected},
};

#[derive(Deserialize)]
pub(super) struct Processor {
    do_resize: Option<bool>,
    do_rescale: Option<bool>,
    do_normalize: Option<bool>,
    do_center_crop: Option<bool>,
    size: Option<Size>,
    crop_size: Option<Size>,
    resample: Option<Resample>,
    rescale_factor: Option<f64>,
    image_mean: Option<Vec<f64>>,
    image_std: Option<Vec<f64>>,
}

/// A filter by its number in Pillow or by its name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Resample {
    Number(i64),
    Name(String),
}

/// Pillow's filters by their numbers.
const FILTERS: [Filter; 6] = [
    Filter::Nearest,
    Filter::Lanczos,
    Filter::Bilinear,
    Filter::Bicubic,
    Filter::Box,
    Filter::Hamming,
];

/// What ViTImageProcessor resizes to if nothing is said.
const USUAL: Size = Size::Side(224);

/// Adds to `description` what `processor` says.
pub(super) fn describe(description: &mut Description, processor: Processor) -> Result<()> {
    let Processor {
        do_resize,
        do_rescale,
        do_normalize,
        do_center_crop,
        ..
    } = processor;
    same(
        "do_rescale",
        "true",
        &do_rescale.unwrap_or(true).to_string(),
    )?;
    let factor = processor.rescale_factor.unwrap_or(1.0 / 255.0);
    if (factor * 255.0 - 1.0).abs() > 1e-6 {
        return Err(expected("a rescale_factor of 1/255", &factor));
    }
    let crop = do_center_crop == Some(true);
    let (resize, input) = match (do_resize != Some(false), processor.size.unwrap_or(USUAL)) {
        (false, _) if !crop => (Resize::Squash, None),
        (false, _) => return Err(expected("a resize before the crop", &"none")),
        (true, Size::Shortest { shortest_edge }) if crop => {
            let cropped = processor.crop_size.and_then(Size::both);
            let cropped = cropped.ok_or_else(|| expected("a size of the crop", &"none"))?;
            let size = shortest_edge;
            (Resize::ShorterSide { size }, Some(cropped))
        }
        (true, size) => match size.both() {
            Some(input) if !crop => (Resize::Squash, Some(input)),
            Some(_) => return Err(expected("a shortest edge and a crop size", &size)),
            None => return Err(expected("a height and a width", &size)),
        },
    };
    let filter = match processor.resample {
        // As ViTImageProcessor does.
        None => Filter::Bilinear,
        Some(Resample::Name(name)) => filter(&name)?,
        Some(Resample::Number(number)) => usize::try_from(number)
            .ok()
            .and_then(|number| FILTERS.get(number).copied())
            .ok_or_else(|| expected("a filter that Pillow has (0 to 5)", &number))?,
    };
    description.fed_size = input;
    let channels = description.in_channels.unwrap_or(3).min(MAX_CHANNELS);
    let constant = |value, given: Option<Vec<f64>>, otherwise| match do_normalize {
        Some(false) => vec![value; channels],
        _ => given.unwrap_or_else(|| vec![otherwise; channels]),
    };
    description.preprocessing = Some(Preprocessing {
        filter: match do_resize {
            Some(false) => Filter::default(),
            _ => filter,
        },
        ..Preprocessing::new(
            resize,
            constant(0.0, processor.image_mean, 0.5),
            constant(1.0, processor.image_std, 0.5),
        )
    });
    Ok(())
}
