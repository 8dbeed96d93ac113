//! What a model answers to its calibration images.

use std::sync::Arc;

use crate::{
    Pixels, Result,
    plan::{IntModel, Typical},
    runtime::{Batch, Cpu, Executor},
};

/// The largest logits of `model` on `images`, for [`IntModel::typical`]; `None` of few images
/// ([`LEAST_IMAGES`](crate::plan::LEAST_IMAGES)) or without classes. `seen` is
/// told after each image.
///
/// # Errors
/// As [`Executor::run`].
///
/// # Examples
///
/// ```
/// use intformer::{
///     Pixels,
///     architecture::SwinConfig,
///     quant::{QuantizeOptions, invented, typical},
/// };
///
/// # let config = SwinConfig {
/// #     image_size: [8, 8],
/// #     in_channels: 1,
/// #     embed_dim: 8,
/// #     depths: vec![1],
/// #     heads: vec![1],
/// #     window_size: 2,
/// #     classes: 3,
/// #     ..SwinConfig::tiny()
/// # };
/// let mut model = invented(&config, 0, &QuantizeOptions::default())?;
/// let image = |seed: usize| Pixels::new(8, 8, 1, (0..64).map(|at| (at * seed) as u8).collect());
/// let images = (0..200).map(image).collect::<intformer::Result<Vec<_>>>()?;
///
/// // The file keeps it. Its digest stays: this says nothing of what is computed.
/// let digest = model.digest()?;
/// model.typical = typical(&model, &images, || ())?;
/// assert!(model.typical.is_some());
/// assert_eq!(model.digest()?, digest);
///
/// // Percentiles of 50 images would say nothing.
/// assert_eq!(typical(&model, &images[..50], || ())?, None);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn typical(
    model: &IntModel,
    images: &[Pixels],
    mut seen: impl FnMut(),
) -> Result<Option<Typical>> {
    if model.config.classes() == 0 || model.config.cells().is_some() {
        return Ok(None);
    }
    let shape = model.config.image()?;
    let mut executor = Cpu::new(Arc::new(model.program()?));
    let mut largest = Vec::with_capacity(images.len());
    for image in images {
        image.check(&shape)?;
        largest.extend(
            executor
                .run(&Batch::images(&image.data, 1))?
                .into_first()
                .into_iter()
                .max(),
        );
        seen();
    }
    Ok(Typical::new(largest))
}
