//! Examples that take part in a study.

use anyhow::{Result, bail};
use intformer::{
    Pixels,
    data::{Dataset, ImageSet},
};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Draws which examples take part.
const SEED: u64 = 0;

/// `count` of `of` examples, rising; all if there are fewer.
///
/// # Errors
/// If there are none in `place`.
pub fn drawn(of: usize, count: usize, place: impl std::fmt::Display) -> Result<Vec<usize>> {
    if of == 0 {
        bail!("expected examples in {place}, found none");
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut indices = index::sample(&mut random, of, count.min(of)).into_vec();
    indices.sort_unstable();
    Ok(indices)
}

/// The images of `data` at `indices`, as they are in the first epoch.
///
/// # Errors
/// The first that cannot be read.
pub fn in_memory(data: &dyn Dataset, indices: Vec<usize>) -> Result<ImageSet> {
    let read = indices.into_par_iter().map(|index| data.get(0, index));
    let read: Vec<(Pixels, usize)> = read.collect::<intformer::Result<_>>()?;
    let (images, classes) = read.into_iter().unzip();
    Ok(ImageSet::new(images, classes, data.labels().to_vec())?)
}
