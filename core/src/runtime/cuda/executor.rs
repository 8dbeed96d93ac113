//! The executor: one graph for each batch size.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use cudarc::driver::{
    CudaEvent, CudaFunction, CudaSlice, CudaStream, DriverError, sys::CUevent_flags,
};

use super::{
    choice::{self, Chosen, Part, Way},
    device::{Device, Options, failure, upload_weights},
    launch::{self, Graph, Pinned},
};
use crate::{
    Result,
    plan::{Program, Region},
    runtime::{
        Batch, Executor, MAX_ARENA_WORDS, Outputs, StepTime, TransferTimes, arena_words,
        batch::pack,
    },
};

/// Runs a program on an NVIDIA card.
pub struct Cuda {
    // What lies on the device goes before its stream.
    batches: HashMap<usize, Prepared>,
    weights: CudaSlice<u32>,
    marks: Vec<CudaEvent>,
    stream: Arc<CudaStream>,
    device: Arc<Device>,
    program: Arc<Program>,
    /// By their shapes.
    chosen: BTreeMap<String, Chosen>,
    /// Bytes for arenas.
    free: usize,
}

/// Events around the three parts of a run.
const MARKS: usize = 4;

/// Bytes, at least, that arenas leave to the driver: for kernels, graphs, its own bookkeeping.
const RESERVE: usize = 256 << 20;

/// All that a batch size needs, made once.
struct Prepared {
    // The graph goes first: it refers to the arena.
    graph: Graph,
    steps: Vec<(Way, Vec<(Part, CudaFunction)>)>,
    arena: CudaSlice<u32>,
    inputs: Vec<Pinned>,
    outputs: Vec<Pinned>,
}

impl Cuda {
    /// Opens a device and uploads the weights of `program`.
    ///
    /// # Errors
    /// As [`Device::open`] and [`Cuda::on`].
    pub fn new(program: Arc<Program>, options: &Options) -> Result<Self> {
        Self::on(Arc::new(Device::open(options)?), program)
    }

    /// Uploads the weights of `program` to an open device. Executors may share one, also from several
    /// threads: each has a stream of its own.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory) if they do not fit, [`Device`](crate::Error::Device) if the
    /// device fails.
    pub fn on(device: Arc<Device>, program: Arc<Program>) -> Result<Self> {
        let fail = |error| failure("the executor", error);
        let stream = device.context.new_stream().map_err(fail)?;
        let weights = upload_weights(&stream, &program.weights)?;
        let timed = Some(CUevent_flags::CU_EVENT_DEFAULT);
        let marks = (0..MARKS).map(|_| device.context.new_event(timed));
        let marks = marks.collect::<Result<_, _>>().map_err(fail)?;
        let (free, total) = device.context.mem_get_info().map_err(fail)?;
        Ok(Self {
            free: free.saturating_sub(RESERVE.max(total / 32)),
            stream,
            weights,
            marks,
            device,
            program,
            chosen: BTreeMap::new(),
            batches: HashMap::new(),
        })
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The ways chosen so far, one for each shape, in a stable order.
    pub fn chosen(&self) -> impl Iterator<Item = &Chosen> {
        self.chosen.values()
    }

    fn make(&mut self, items: usize) -> Result<Prepared> {
        let what = format!("the arena for {items} items");
        let words = arena_words(&self.program, items)?;
        let (device, stream) = (&self.device, &self.stream);
        let fail = |error| failure(&what, error);
        let mut arena = stream.alloc_zeros(words).map_err(fail)?;
        let pinned = |region: Region| Pinned::new(&device.context, region.words * items);
        let inputs = self.program.inputs.iter().map(|port| pinned(port.region));
        let inputs = inputs.collect::<Result<_, _>>().map_err(fail)?;
        let outputs = self.program.outputs.iter().map(|port| pinned(port.region));
        let outputs = outputs.collect::<Result<_, _>>().map_err(fail)?;

        let dispatches = self.program.dispatches(items);
        let choices = device.choose(stream, &dispatches, &self.weights, &mut arena)?;
        let mut steps = Vec::with_capacity(choices.len());
        for chosen in choices {
            let parts = chosen.way.ready(device)?;
            steps.push((chosen.way.clone(), parts));
            self.chosen.insert(chosen.shape.clone(), chosen);
        }
        // Measuring left values behind.
        stream.memset_zeros(&mut arena).map_err(fail)?;
        let weights = &self.weights;
        let graph = Graph::capture(stream, || {
            for (part, function) in steps.iter().flat_map(|(_, parts)| parts) {
                launch::launch(stream, function, part, weights, &mut arena)?;
            }
            Ok::<_, DriverError>(())
        })
        .map_err(|error| failure("the graph", error))?;
        stream.synchronize().map_err(fail)?;
        Ok(Prepared {
            graph,
            steps,
            arena,
            inputs,
            outputs,
        })
    }

    /// Puts the items into page-locked memory and makes ready what they need.
    fn start(&mut self, batch: &Batch) -> Result<()> {
        self.program.check(batch)?;
        self.prepare(batch.items())?;
        let prepared = self
            .batches
            .get_mut(&batch.items())
            .expect("prepared above");
        for (port, pinned) in self.program.inputs.iter().zip(&mut prepared.inputs) {
            let words = pinned.words();
            let words = words.map_err(|error| failure("the inputs", error))?;
            pack(port, batch.bytes(port)?, words);
        }
        Ok(())
    }

    /// One run: items to the card, the graph, outputs back. With `marked`, an event before, between
    /// and after these, behind another run of the graph.
    fn go(&mut self, batch: &Batch, marked: bool) -> Result<Outputs> {
        self.start(batch)?;
        let items = batch.items();
        let (stream, marks, program) = (&self.stream, &self.marks, &self.program);
        let prepared = self.batches.get_mut(&items).expect("start prepares it");
        let mark = |at: usize| match marked {
            true => marks[at].record(stream),
            false => Ok(()),
        };
        let mut enqueue = || {
            if marked {
                // Keeps the card at work until the host has put all of the run on the stream.
                prepared.graph.start()?;
            }
            mark(0)?;
            upload(stream, program, prepared, items)?;
            mark(1)?;
            prepared.graph.start()?;
            mark(2)?;
            for (port, pinned) in program.outputs.iter().zip(&mut prepared.outputs) {
                let output = prepared.arena.slice(range(port.region, items));
                stream.memcpy_dtoh(&output, pinned.slice())?;
            }
            mark(3)?;
            stream.synchronize()
        };
        enqueue().map_err(|error| failure(&format!("a run of {items} items"), error))?;
        let words = prepared
            .outputs
            .iter_mut()
            .map(|pinned| pinned.words().map(|words| &*words));
        let words = words.collect::<Result<Vec<_>, _>>();
        let mut words = words
            .map_err(|error| failure("the outputs", error))?
            .into_iter();
        Ok(program.unpack(|_| words.next().unwrap_or_default()))
    }

    /// The device and the kernels in a line.
    fn summary(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for chosen in self.chosen() {
            *counts.entry(chosen.way.label()).or_default() += 1;
        }
        let device = self.device.describe();
        if counts.is_empty() {
            return format!("{device}; kernels are chosen at the first run");
        }
        let kernels = counts
            .iter()
            .map(|(label, count)| format!("{label} ({count})"));
        let kernels: Vec<_> = kernels.collect();
        format!("{device}; kernels (shapes): {}", kernels.join(", "))
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        // What is let go of belongs to the device, whose context this thread may not have.
        if let Err(error) = self.device.context.bind_to_thread() {
            tracing::debug!(
                "letting go of an executor: {}",
                failure("the context", error)
            );
        }
    }
}

impl Executor for Cuda {
    fn name(&self) -> &'static str {
        "cuda"
    }

    fn describe(&self) -> String {
        self.summary()
    }

    fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The most that fit the memory that the device had free when the executor was made, beside a single
    /// item and what the driver needs.
    fn max_batch(&self) -> usize {
        let arena = self.program.arena_words.max(1);
        let words = (self.free / 4).min(MAX_ARENA_WORDS - 1 + arena);
        (words / arena).saturating_sub(1)
    }

    /// Allocates, chooses kernels and captures the graph, unless done before. Single items and the batch
    /// size used last stay ready; others are let go of.
    fn prepare(&mut self, items: usize) -> Result<()> {
        if self.batches.contains_key(&items) {
            return Ok(());
        }
        if items > 1 {
            // What is let go of belongs to the context, which this thread may not have.
            let bound = self.device.context.bind_to_thread();
            bound.map_err(|error| failure("the context", error))?;
            self.batches.retain(|&size, _| size == 1);
            // Only then is the memory of others free.
            let synchronized = self.stream.synchronize();
            synchronized.map_err(|error| failure("the arenas of before", error))?;
        }
        let prepared = self.make(items)?;
        self.batches.insert(items, prepared);
        Ok(())
    }

    fn run(&mut self, batch: &Batch) -> Result<Outputs> {
        self.go(batch, false)
    }

    fn trace(&mut self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        self.start(batch)?;
        let items = batch.items();
        let (stream, weights, program) = (&self.stream, &self.weights, &self.program);
        let prepared = self.batches.get_mut(&items).expect("start prepares it");
        let copied = upload(stream, program, prepared, items);
        copied.map_err(|error| failure("the inputs", error))?;
        let arena = &mut prepared.arena;
        let mut trace = Vec::with_capacity(program.steps.len());
        for (step, (_, parts)) in program.steps.iter().zip(&prepared.steps) {
            let fail = |error| failure(&step.name, error);
            for (part, function) in parts {
                launch::launch(stream, function, part, weights, arena).map_err(fail)?;
            }
            let words = stream.clone_dtoh(&arena.slice(range(step.output, items)));
            trace.push(words.map_err(fail)?);
            stream.synchronize().map_err(fail)?;
        }
        Ok(trace)
    }

    fn transfer_times(&mut self, batch: &Batch) -> Result<Option<TransferTimes>> {
        self.go(batch, true)?;
        let mut spans = self.marks.windows(2).map(|pair| {
            let elapsed = pair[0].elapsed_ms(&pair[1]);
            let elapsed = elapsed.map_err(|error| failure("the card's clock", error))?;
            Ok(Duration::from_secs_f64(f64::from(elapsed) / 1e3))
        });
        let mut next = || {
            spans
                .next()
                .expect("four marks have three spans between them")
        };
        Ok(Some(TransferTimes {
            upload: next()?,
            run: next()?,
            download: next()?,
        }))
    }

    /// By the card's clock, as ways are measured: by repeated runs of a step alone, so that its weights
    /// and tensors may be in the card's cache where they would not be else.
    fn times(&mut self, batch: &Batch) -> Result<Vec<StepTime>> {
        self.start(batch)?;
        let prepared = self
            .batches
            .get_mut(&batch.items())
            .expect("start prepares it");
        let mut times = Vec::with_capacity(self.program.steps.len());
        let dispatches = self.program.dispatches(batch.items());
        let steps = self.program.steps.iter().zip(&dispatches);
        for ((step, dispatch), (way, parts)) in steps.zip(&prepared.steps) {
            let arena = &mut prepared.arena;
            let time = choice::times(&self.stream, &[parts], &self.weights, arena).swap_remove(0);
            times.push(StepTime {
                name: step.name.clone(),
                kernel: way.label(),
                cost: dispatch.cost(),
                time: time.map_err(|error| failure(&step.name, error))?,
            });
        }
        Ok(times)
    }
}

/// What lies in page-locked memory, to its place in the arena.
fn upload(
    stream: &Arc<CudaStream>,
    program: &Program,
    prepared: &mut Prepared,
    items: usize,
) -> Result<(), DriverError> {
    for (port, pinned) in program.inputs.iter().zip(&mut prepared.inputs) {
        let mut input = prepared.arena.slice_mut(range(port.region, items));
        stream.memcpy_htod(pinned.slice(), &mut input)?;
    }
    Ok(())
}

/// The words of a region in the arena of `items`.
fn range(region: Region, items: usize) -> Range<usize> {
    let start = region.offset * items;
    start..start + region.words * items
}
