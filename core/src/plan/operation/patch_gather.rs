//! u8 pixels to int8 patches.

use intformer_shaders::op::patch_gather as kernel;
use serde::{Deserialize, Serialize};

use super::Declared;
use crate::{
    Result,
    input::is_default,
    plan::{Format, Plan, TensorId, check::product, packer::Packer},
};

/// u8 pixels to int8 patches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchGather {
    /// The image, `[height, width * channels]` bytes without row padding.
    pub input: TensorId,
    /// `[patches, patch * patch * channels]`.
    pub output: TensorId,
    /// Patches down and across.
    pub grid: [usize; 2],
    /// Side of a patch.
    pub patch: usize,
    /// Image channels.
    pub channels: usize,
    /// Rows of zeros before the patches.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prefix: usize,
}

impl Declared for PatchGather {
    type Params = kernel::PatchGather;
    const WRITES_PIXELS: bool = true;

    fn inputs(&self) -> Vec<TensorId> {
        vec![self.input]
    }

    fn output(&self) -> TensorId {
        self.output
    }

    fn fits(&self, plan: &Plan) -> bool {
        let [input, output] = [self.input, self.output].map(|id| &plan.tensors[id]);
        let [down, across] = self.grid;
        let bytes = product(&[down, across, self.patch, self.patch, self.channels]);
        input.format == Format::Uint8
            && input.rows == 1
            && bytes == Some(input.cols)
            && output.format == Format::Int8
            && output.rows.checked_sub(self.prefix) == product(&[down, across])
            && Some(output.cols) == product(&[self.patch, self.patch, self.channels])
    }

    fn pack(&self, _: &str, packer: &mut Packer) -> Result<Self::Params> {
        let [image, out] = [self.input, self.output].map(|id| packer.tensor(id));
        Ok(kernel::PatchGather {
            image: packer.place(self.input),
            out: packer.place(self.output),
            rows: out.rows as u32,
            k_words: out.stride as u32,
            image_stride: image.words() as u32,
            grid_height: self.grid[0] as u32,
            grid_width: self.grid[1] as u32,
            channels: self.channels as u32,
            patch_size: self.patch as u32,
            prefix: self.prefix as u32,
        })
    }
}
