//! A plan made ready to run: weights packed into one buffer, dispatches for any batch.

use intformer_shaders::{Dispatch, declare};

use super::{
    Axis, Counts, Format, InputKind, IntWeights, Layout, OutputKind, Plan, Port, Region, Room,
    check,
    packer::{Packer, Sections},
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
    /// Elements of a row before padding: bytes of an image, integers of an output.
    pub cols: usize,
    /// What they are.
    pub format: Format,
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

/// What the plan of a program is called that is not asked for by name.
pub const MAIN: &str = "main";

/// A plan of a program, ready to run.
#[derive(Clone, Debug)]
pub struct Entry {
    name: String,
    has_state: bool,
    /// By their tensors.
    regions: Vec<Region>,
    pub(crate) steps: Vec<ProgramStep>,
    pub(crate) inputs: Vec<ProgramPort<InputKind>>,
    pub(crate) outputs: Vec<ProgramPort<OutputKind>>,
}

impl Entry {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has tensors that outlive a run: then the next is of as many items and tokens.
    pub fn has_state(&self) -> bool {
        self.has_state
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[ProgramStep] {
        &self.steps
    }

    /// What it takes: images are u8 bytes, row by row, channels interleaved.
    pub fn inputs(&self) -> &[ProgramPort<InputKind>] {
        &self.inputs
    }

    /// What it puts out: int32, or int16 of vectors and of logits that are sums.
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

    /// Checks that no step leaves the weights or the arena.
    fn inside(&self, weights: usize, room: Room) -> Result<()> {
        let arena = room.words();
        let dispatches = self.dispatches(room, room.capacity);
        for (step, dispatch) in self.steps.iter().zip(dispatches) {
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
}

/// Plans ready to run, over the same weights in the same arena. Kernels rely on what was checked when it was
/// made, so nothing changes it.
///
/// # Examples
///
/// A model file has a main plan, and may have others by their names:
///
/// ```
/// use std::sync::Arc;
///
/// use intformer::{
///     plan::{IntModel, MAIN},
///     runtime::{Batch, Cpu, Executor},
/// };
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let program = IntModel::load("models/glyphs.safetensors")?.program()?;
/// let plans: Vec<&str> = program.entries().iter().map(|entry| entry.name()).collect();
/// assert_eq!(plans, [MAIN]);
///
/// // A batch is for the main plan, or for the one at a place in this list.
/// let place = program.find(MAIN).expect("every program has it");
/// let image = vec![0; 32 * 32];
/// let batch = Batch::images(&image, 1);
/// let mut cpu = Cpu::new(Arc::new(program));
/// assert_eq!(cpu.run(&batch.at(place))?, cpu.run(&batch)?);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) weights: Vec<u32>,
    item_words: usize,
    token_words: usize,
    /// At least one.
    pub(crate) entries: Vec<Entry>,
}

impl Program {
    /// Checks `plan` against `weights` and packs them.
    ///
    /// # Errors
    /// [`Error::ModelFile`] for anything outside the integer contract: tensors that are read
    /// before they are written, weights of other shapes, shifts out of range, accumulators that may
    /// overflow.
    pub fn new(plan: &Plan, weights: &IntWeights) -> Result<Self> {
        Self::of([(MAIN, plan)], weights)
    }

    /// The same for plans with names, in that order, which share weights, arena and state.
    ///
    /// # Errors
    /// As [`Program::new`], or for no plan, too many, two of one name, or state that they know in different
    /// ways.
    pub fn of<'a>(
        plans: impl IntoIterator<Item = (&'a str, &'a Plan)>,
        weights: &IntWeights,
    ) -> Result<Self> {
        let (names, plans): (Vec<&str>, Vec<&Plan>) = plans.into_iter().unzip();
        check::all(&names, &plans)?;
        let layouts = Layout::of_all(&plans)?;
        let mut sections = Sections::new(weights);
        let mut entries = Vec::with_capacity(plans.len());
        for ((name, plan), layout) in names.iter().zip(&plans).zip(&layouts) {
            let ready = ready(name, plan, layout, &mut sections);
            entries.push(ready.map_err(|error| match error {
                Error::ModelFile(sentence) if plans.len() > 1 => {
                    Error::ModelFile(format!("plan {name}: {sentence}"))
                }
                other => other,
            })?);
        }
        let largest = |words: fn(&Layout) -> usize| layouts.iter().map(words).max();
        let program = Self {
            weights: sections.into_words(),
            item_words: largest(|layout| layout.item_words).unwrap_or(0),
            token_words: largest(|layout| layout.token_words).unwrap_or(0),
            entries,
        };
        let room = program.room(Counts {
            items: 1,
            tokens: 1,
        });
        for entry in &program.entries {
            entry.inside(program.weights.len(), room)?;
        }
        Ok(program)
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

    /// Whether any of its plans keeps state.
    pub fn has_state(&self) -> bool {
        self.entries.iter().any(Entry::has_state)
    }

    /// All plans, the main one first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Which of [`Program::entries`] has this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name == name)
    }

    /// The main plan: the first.
    pub fn main(&self) -> &Entry {
        &self.entries[0]
    }
}

/// Checks a plan that has a layout, and packs the weights that it needs.
fn ready(name: &str, plan: &Plan, layout: &Layout, sections: &mut Sections) -> Result<Entry> {
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
    let mut packer = Packer::new(plan, sections);
    let mut steps = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        steps.push(ProgramStep {
            name: step.name.clone(),
            output: regions[step.operation.output()],
            source: step.operation.counted_by(plan),
            dispatch: step.operation.pack(&step.name, &mut packer)?,
        });
    }
    let inputs = plan.inputs.iter().map(|port| place(plan, port, &regions));
    let outputs = plan.outputs.iter().map(|port| place(plan, port, &regions));
    Ok(Entry {
        name: name.to_owned(),
        has_state: plan.tensors.iter().any(|tensor| tensor.state),
        inputs: inputs.collect(),
        outputs: outputs.collect(),
        regions,
        steps,
    })
}

fn place<K: Copy>(plan: &Plan, port: &Port<K>, regions: &[Region]) -> ProgramPort<K> {
    let tensor = &plan.tensors[port.tensor];
    ProgramPort {
        kind: port.kind,
        region: regions[port.tensor],
        rows: tensor.rows,
        cols: tensor.cols,
        format: tensor.format,
    }
}
