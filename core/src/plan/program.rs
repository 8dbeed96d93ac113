//! A plan made ready to run: weights packed into one buffer, dispatches for any batch size.

use intformer_shaders::Dispatch;

use super::{IntWeights, Plan, Tensor, check, packer::Packer};
use crate::{Error, Result};

/// Words of the arena that belong to a tensor, for one image: at batch size B it starts at B times
/// `offset` and has B times `words`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First word.
    pub offset: usize,
    /// Words.
    pub words: usize,
}

impl From<&Tensor> for Region {
    fn from(tensor: &Tensor) -> Self {
        Self {
            offset: tensor.offset,
            words: tensor.words(),
        }
    }
}

/// One step of a program.
#[derive(Clone, Debug)]
pub struct ProgramStep {
    /// The site that the step comes from.
    pub name: String,
    /// What it writes.
    pub output: Region,
    /// The dispatch for one image.
    dispatch: Dispatch,
}

/// A plan ready to run.
#[derive(Clone, Debug)]
pub struct Program {
    /// All weights, 16-byte aligned sections.
    pub weights: Vec<u32>,
    /// Words of the arena for one image.
    pub arena_words: usize,
    /// The steps, in order.
    pub steps: Vec<ProgramStep>,
    /// Where the image goes: u8 bytes, row by row, channels interleaved, padded to whole words.
    pub input: Region,
    /// Bytes of one image before padding.
    pub image_bytes: usize,
    /// Where the int32 logits are; rows are padded to 16 columns.
    pub output: Region,
    /// Logits of one image; of a model without a head, its features.
    pub classes: usize,
}

impl Program {
    /// Checks `plan` against `weights` and packs them.
    ///
    /// # Errors
    /// [`Error::ModelFile`] for anything outside the integer contract: tensors that overlap or
    /// leave the arena, weights of other shapes, shifts out of range, accumulators that may
    /// overflow.
    pub fn new(plan: &Plan, weights: &IntWeights) -> Result<Self> {
        check::tensors(plan)?;
        for step in &plan.steps {
            check::operation(plan, &step.name, &step.operation)?;
        }
        check::flow(plan)?;
        let mut packer = Packer::new(plan, weights);
        let mut steps = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            steps.push(ProgramStep {
                name: step.name.clone(),
                output: Region::from(&plan.tensors[step.operation.output()]),
                dispatch: step.operation.pack(&step.name, &mut packer)?,
            });
        }
        let weights = packer.into_words();
        for step in &steps {
            if let Some(place) = step.dispatch.outside(weights.len(), plan.arena_words) {
                return Err(Error::ModelFile(format!(
                    "step {}: expected {} inside {} words of weights and {} of the arena, found {} words at {}",
                    step.name,
                    place.field,
                    weights.len(),
                    plan.arena_words,
                    place.words,
                    place.offset
                )));
            }
        }
        let input = &plan.tensors[plan.input];
        let output = &plan.tensors[plan.output];
        Ok(Self {
            weights,
            arena_words: plan.arena_words,
            steps,
            input: Region::from(input),
            image_bytes: input.cols,
            output: Region::from(output),
            classes: output.cols,
        })
    }

    /// The dispatches for `batch` images, one a step.
    pub fn dispatches(&self, batch: usize) -> Vec<Dispatch> {
        let steps = self.steps.iter();
        steps
            .map(|step| step.dispatch.times(batch as u32))
            .collect()
    }

    /// Copies `images`, `image_bytes` each, to the input's place in `arena`.
    ///
    /// # Errors
    /// [`Error::Image`] if `images` does not hold `batch` images.
    pub fn place_images(&self, images: &[u8], batch: usize, arena: &mut [u32]) -> Result<()> {
        let words = self.pack_images(images, batch)?;
        arena[self.input.offset * batch..][..words.len()].copy_from_slice(&words);
        Ok(())
    }

    /// `images`, `image_bytes` each, padded to the words of the input region.
    ///
    /// # Errors
    /// [`Error::Image`] if `images` does not hold `batch` images.
    pub fn pack_images(&self, images: &[u8], batch: usize) -> Result<Vec<u32>> {
        self.check_images(images, batch)?;
        let mut words = vec![0u32; batch * self.input.words];
        self.pack_images_into(images, &mut words);
        Ok(words)
    }

    /// The same into `words`, which are as many as the images take; what pads them stays as it was.
    pub(crate) fn pack_images_into(&self, images: &[u8], words: &mut [u32]) {
        let rows = words.chunks_mut(self.input.words);
        for (row, image) in rows.zip(images.chunks(self.image_bytes)) {
            bytemuck::cast_slice_mut(row)[..image.len()].copy_from_slice(image);
        }
    }

    /// Whether `images` are `batch` images of `image_bytes` each.
    pub(crate) fn check_images(&self, images: &[u8], batch: usize) -> Result<()> {
        if batch == 0 || Some(images.len()) != batch.checked_mul(self.image_bytes) {
            return Err(Error::Image(format!(
                "expected {batch} images (at least 1) of {} bytes, found {} bytes",
                self.image_bytes,
                images.len()
            )));
        }
        Ok(())
    }

    /// The logits `[batch, classes]` out of the words of the output region.
    pub fn unpack_logits(&self, words: &[u32]) -> Vec<i32> {
        words
            .chunks(self.output.words)
            .flat_map(|row| row[..self.classes].iter().map(|&word| word as i32))
            .collect()
    }
}
