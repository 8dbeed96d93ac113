//! What a model answers to its calibration images.

use std::sync::Arc;

use crate::{
    Pixels, Result,
    plan::{IntModel, Typical},
    runtime::{Cpu, Executor},
};

/// The largest logits of `model` on `images`, for [`IntModel::typical`]; `None` of few images
/// ([`LEAST_IMAGES`](crate::plan::LEAST_IMAGES)) or without classes. `seen` is
/// told after each image.
///
/// # Errors
/// As [`Executor::run`].
pub fn typical(
    model: &IntModel,
    images: &[Pixels],
    mut seen: impl FnMut(),
) -> Result<Option<Typical>> {
    if model.config.classes == 0 {
        return Ok(None);
    }
    let mut executor = Cpu::new(Arc::new(model.program()?));
    let mut largest = Vec::with_capacity(images.len());
    for image in images {
        image.check(&model.config)?;
        largest.extend(executor.run(&image.data, 1)?.into_iter().max());
        seen();
    }
    Ok(Typical::new(largest))
}
