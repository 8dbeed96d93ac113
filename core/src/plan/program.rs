//! A plan made ready to run: weights packed into one buffer, dispatches for any batch size.

use intformer_shaders::Dispatch;

use super::{
    InputKind, IntWeights, Layout, OutputKind, Plan, Port, TensorId, check, packer::Packer,
};
use crate::{Error, Result};

/// Words of the arena that belong to a tensor, for one item: at batch size B it starts at B times
/// `offset` and has B times `words`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First word.
    pub offset: usize,
    /// Words.
    pub words: usize,
}

impl Region {
    /// Its words in the arena of `items`.
    pub(crate) fn of(self, arena: &[u32], items: usize) -> &[u32] {
        &arena[self.offset * items..][..self.words * items]
    }
}

/// Where an input or an output of a program lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramPort<K> {
    /// What it is.
    pub kind: K,
    /// Its words; rows are padded to whole words.
    pub region: Region,
    /// Rows of one item.
    pub rows: usize,
    /// Elements of a row before padding: bytes of an image, int32 of an output.
    pub cols: usize,
}

impl<K> ProgramPort<K> {
    /// Elements of one item, without padding.
    pub fn elements(&self) -> usize {
        self.rows * self.cols
    }
}

/// One step of a program.
#[derive(Clone, Debug)]
pub struct ProgramStep {
    /// The site that the step comes from.
    pub name: String,
    /// What it writes.
    pub output: Region,
    /// The dispatch for one item.
    dispatch: Dispatch,
}

/// A plan ready to run. Kernels rely on what was checked when it was made, so nothing changes it.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) weights: Vec<u32>,
    pub(crate) arena_words: usize,
    pub(crate) steps: Vec<ProgramStep>,
    pub(crate) inputs: Vec<ProgramPort<InputKind>>,
    pub(crate) outputs: Vec<ProgramPort<OutputKind>>,
}

impl Program {
    /// Checks `plan` against `weights` and packs them.
    ///
    /// # Errors
    /// [`Error::ModelFile`] for anything outside the integer contract: tensors that are read
    /// before they are written, weights of other shapes, shifts out of range, accumulators that may
    /// overflow.
    pub fn new(plan: &Plan, weights: &IntWeights) -> Result<Self> {
        let layout = Layout::of(plan)?;
        for step in &plan.steps {
            check::operation(plan, &step.name, &step.operation)?;
        }
        check::flow(plan)?;
        let region = |id: TensorId| Region {
            offset: layout.offsets[id],
            words: plan.tensors[id].words(),
        };
        let mut packer = Packer::new(plan, &layout, weights);
        let mut steps = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            steps.push(ProgramStep {
                name: step.name.clone(),
                output: region(step.operation.output()),
                dispatch: step.operation.pack(&step.name, &mut packer)?,
            });
        }
        let weights = packer.into_words();
        for step in &steps {
            if let Some(place) = step.dispatch.outside(weights.len(), layout.words) {
                return Err(Error::ModelFile(format!(
                    "step {}: expected {} inside {} words of weights and {} of the arena, found {} words at {}",
                    step.name,
                    place.field,
                    weights.len(),
                    layout.words,
                    place.words,
                    place.offset
                )));
            }
        }
        Ok(Self {
            weights,
            arena_words: layout.words,
            steps,
            inputs: plan
                .inputs
                .iter()
                .map(|port| place(plan, port, region))
                .collect(),
            outputs: plan
                .outputs
                .iter()
                .map(|port| place(plan, port, region))
                .collect(),
        })
    }

    /// All weights, 16-byte aligned sections.
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// Words of the arena for one item.
    pub fn arena_words(&self) -> usize {
        self.arena_words
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[ProgramStep] {
        &self.steps
    }

    /// What it takes: images are u8 bytes, row by row, channels interleaved.
    pub fn inputs(&self) -> &[ProgramPort<InputKind>] {
        &self.inputs
    }

    /// What it puts out, int32.
    pub fn outputs(&self) -> &[ProgramPort<OutputKind>] {
        &self.outputs
    }

    /// The dispatches for `batch` items, one a step.
    pub fn dispatches(&self, batch: usize) -> Vec<Dispatch> {
        let steps = self.steps.iter();
        steps
            .map(|step| step.dispatch.times(batch as u32))
            .collect()
    }
}

fn place<K: Copy>(
    plan: &Plan,
    port: &Port<K>,
    region: impl Fn(TensorId) -> Region,
) -> ProgramPort<K> {
    let tensor = &plan.tensors[port.tensor];
    ProgramPort {
        kind: port.kind,
        region: region(port.tensor),
        rows: tensor.rows,
        cols: tensor.cols,
    }
}
