//! A plan made ready to run: weights packed into one buffer, dispatches for any batch.

use intformer_shaders::{Dispatch, declare};

use super::{
    Axis, Counts, InputKind, IntWeights, Layout, OutputKind, Plan, Port, Region, Room, check,
    packer::Packer,
};
use crate::{Error, Result};

/// Where an input or an output of a program lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramPort<K> {
    /// What it is.
    pub kind: K,
    /// Its words; rows are padded to whole words.
    pub region: Region,
    /// Rows of one item, or of one token.
    pub rows: usize,
    /// Elements of a row before padding: bytes of an image, int32 of an output.
    pub cols: usize,
}

impl<K> ProgramPort<K> {
    /// Elements of one item, or of one token, without padding.
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
    /// What its first input is counted by.
    source: Axis,
    /// The dispatch for one of what its output is counted by; where a place in the arena should be, it has
    /// the tensor.
    dispatch: Dispatch,
}

/// A plan ready to run. Kernels rely on what was checked when it was made, so nothing changes it.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) weights: Vec<u32>,
    item_words: usize,
    token_words: usize,
    /// By their tensors.
    regions: Vec<Region>,
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
        let tensors = plan.tensors.iter().zip(&layout.offsets);
        let regions: Vec<_> = tensors
            .map(|(tensor, &offset)| Region {
                axis: tensor.axis,
                offset,
                words: tensor.words(),
            })
            .collect();
        let mut packer = Packer::new(plan, weights);
        let mut steps = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            steps.push(ProgramStep {
                name: step.name.clone(),
                output: regions[step.operation.output()],
                source: regions[step.operation.inputs()[0]].axis,
                dispatch: step.operation.pack(&step.name, &mut packer)?,
            });
        }
        let program = Self {
            weights: packer.into_words(),
            item_words: layout.item_words,
            token_words: layout.token_words,
            inputs: plan
                .inputs
                .iter()
                .map(|port| place(plan, port, &regions))
                .collect(),
            outputs: plan
                .outputs
                .iter()
                .map(|port| place(plan, port, &regions))
                .collect(),
            regions,
            steps,
        };
        program.inside()?;
        Ok(program)
    }

    /// Checks that no step leaves the weights or the arena.
    fn inside(&self) -> Result<()> {
        let one = Counts {
            items: 1,
            tokens: 1,
        };
        let room = self.room(one);
        let [weights, arena] = [self.weights.len(), room.words()];
        for (step, dispatch) in self.steps.iter().zip(self.dispatches(room, one)) {
            if let Some(place) = dispatch.outside(weights, arena) {
                return Err(Error::ModelFile(format!(
                    "step {}: expected {} inside {weights} words of weights and {arena} of the arena, found \
                     {} words at {}",
                    step.name, place.field, place.words, place.offset
                )));
            }
        }
        Ok(())
    }

    /// All weights, 16-byte aligned sections.
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// The arena for `capacity`.
    pub fn room(&self, capacity: Counts) -> Room {
        Room {
            item_words: self.item_words,
            token_words: self.token_words,
            capacity,
        }
    }

    /// Whether items have tokens: any number of them.
    pub fn has_tokens(&self) -> bool {
        self.token_words > 0
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[ProgramStep] {
        &self.steps
    }

    /// What it takes: images are u8 bytes, row by row, channels interleaved.
    pub fn inputs(&self) -> &[ProgramPort<InputKind>] {
        &self.inputs
    }

    /// What it puts out: int32.
    pub fn outputs(&self) -> &[ProgramPort<OutputKind>] {
        &self.outputs
    }

    /// The dispatches for a batch of `live` in `room`, one a step.
    ///
    /// # Panics
    /// If there is no room for so many.
    pub fn dispatches(&self, room: Room, live: Counts) -> Vec<Dispatch> {
        assert!(live.fits(room.capacity), "no room");
        let place = |region: &declare::Region| match region.kind.is_arena() {
            true => room.place(self.regions[region.offset as usize]) as u32,
            false => region.offset,
        };
        let steps = self.steps.iter();
        let dispatch = |step: &ProgramStep| {
            let [rows, sources] = [step.output.axis, step.source];
            let [rows, sources] = [rows, sources].map(|axis| live.along(axis) as u32);
            step.dispatch.times(rows, sources).placed(place)
        };
        steps.map(dispatch).collect()
    }
}

fn place<K: Copy>(plan: &Plan, port: &Port<K>, regions: &[Region]) -> ProgramPort<K> {
    let tensor = &plan.tensors[port.tensor];
    ProgramPort {
        kind: port.kind,
        region: regions[port.tensor],
        rows: tensor.rows,
        cols: tensor.cols,
    }
}
