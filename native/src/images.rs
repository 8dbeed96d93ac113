//! Images as the commands take them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use intformer::{Error, ImageShape, Pixels, picture};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rayon::prelude::*;
use safetensors::{Dtype, SafeTensors};

use crate::model::Model;

/// The most bytes of pixels that are held at once.
const MAX_BYTES: u64 = 1 << 30;

/// Reads image files through the model's resize rule, in parallel.
pub fn read(files: &[PathBuf], model: &Model) -> Result<Vec<Pixels>> {
    let shape = model.config().image()?;
    files
        .par_iter()
        .map(|file| Ok(picture::load(file, &shape, model.preprocessing())?))
        .collect()
}

/// Checks that `count` images for a model are not too many to be held at once.
pub fn bound(shape: &ImageShape, count: usize) -> Result<()> {
    let bytes = (shape.bytes() as u64).checked_mul(count as u64);
    if bytes.is_none_or(|bytes| bytes > MAX_BYTES) {
        let sentence = format!(
            "expected images of at most {MAX_BYTES} bytes together, found {count} of {shape}"
        );
        return Err(Error::Image(sentence).into());
    }
    Ok(())
}

/// Images of random bytes, the same from the same seed.
pub fn random(shape: &ImageShape, count: usize, seed: u64) -> Result<Vec<Pixels>> {
    bound(shape, count)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let &ImageShape {
        height,
        width,
        channels,
    } = shape;
    let image = |_| {
        let mut data = vec![0; shape.bytes()];
        rng.fill_bytes(&mut data);
        Pixels {
            height,
            width,
            channels,
            data,
        }
    };
    Ok((0..count).map(image).collect())
}

/// An image of equal bytes.
pub fn plain(shape: &ImageShape, byte: u8) -> Pixels {
    Pixels {
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        data: vec![byte; shape.bytes()],
    }
}

/// The pixels of a `.safetensors` file: the tensor `pixels`, or the only one, of bytes
/// `[height, width, channels]` or `[images, height, width, channels]`.
pub fn tensor(path: &Path, shape: &ImageShape) -> Result<Vec<Pixels>> {
    let size = std::fs::metadata(path)
        .map_err(|e| Error::io(path, e))?
        .len();
    if size > MAX_BYTES {
        let sentence = format!("expected at most {MAX_BYTES} bytes of pixels, found {size}");
        return Err(Error::Image(sentence)).with_context(|| path.display().to_string());
    }
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
    parse_tensor(&bytes, shape).with_context(|| path.display().to_string())
}

fn parse_tensor(bytes: &[u8], shape: &ImageShape) -> intformer::Result<Vec<Pixels>> {
    let fail = |sentence: String| Err(Error::Image(sentence));
    let file = match SafeTensors::deserialize(bytes) {
        Ok(file) => file,
        Err(error) => return fail(format!("expected a safetensors file, found: {error}")),
    };
    let found = match (file.tensor("pixels"), file.tensors().as_slice()) {
        (Ok(view), _) => view,
        (Err(_), [(_, view)]) => view.clone(),
        (Err(_), all) => {
            return fail(format!(
                "expected a tensor named pixels or only one tensor, found {}",
                all.len()
            ));
        }
    };
    let (height, width, channels) = match *found.shape() {
        [height, width, channels] | [_, height, width, channels] => (height, width, channels),
        _ => (0, 0, 0),
    };
    // A file without images may claim any size for them.
    let image = height
        .checked_mul(width)
        .and_then(|area| area.checked_mul(channels));
    let image = image.unwrap_or(0);
    if found.dtype() != Dtype::U8 || image == 0 || found.data().is_empty() {
        return fail(format!(
            "expected bytes of shape [images, height, width, channels], found {:?} {:?}",
            found.dtype(),
            found.shape()
        ));
    }
    let images = found.data().chunks_exact(image).map(|data| {
        let pixels = Pixels::new(height, width, channels, data.to_vec())?;
        pixels.check(shape)?;
        Ok(pixels)
    });
    images.collect()
}
