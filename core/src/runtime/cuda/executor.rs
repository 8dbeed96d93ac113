//! The executor: one graph for each batch size of images; texts are launched kernel by kernel.

use std::{
    collections::{BTreeMap, HashMap},
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
    plan::{Counts, Entry, Program, Region, Room},
    runtime::{
        Batch, Executor, MAX_ARENA_WORDS, Outputs, StepTime, TransferTimes, capacity, fitting,
        held::Held, room,
    },
};

/// Runs a program on an NVIDIA card.
pub struct Cuda {
    // What lies on the device goes before its stream.
    /// By what they have room for.
    batches: HashMap<Counts, Prepared>,
    weights: CudaSlice<u32>,
    marks: Vec<CudaEvent>,
    stream: Arc<CudaStream>,
    device: Arc<Device>,
    program: Arc<Program>,
    /// By their shapes.
    chosen: BTreeMap<String, Chosen>,
    /// Bytes for arenas.
    free: usize,
    held: Held,
}

/// Events around the three parts of a run.
const MARKS: usize = 4;

/// Bytes, at least, that arenas leave to the driver: for kernels, graphs, its own bookkeeping.
const RESERVE: usize = 256 << 20;

/// All that batches of one size, or texts that fit the same room, need: made once.
struct Prepared {
    // The passes go first: their graphs refer to the arena.
    /// Of each plan.
    passes: Vec<Pass>,
    room: Room,
    arena: CudaSlice<u32>,
}

/// All steps of a plan.
struct Pass {
    /// None where lengths change: parameters are part of it.
    graph: Option<Graph>,
    /// What `steps` are for.
    live: Counts,
    steps: Vec<Step>,
    inputs: Vec<Pinned>,
    outputs: Vec<Pinned>,
}

impl Prepared {
    /// Puts all kernels of a plan on the stream.
    fn launch(
        &mut self,
        entry: usize,
        stream: &CudaStream,
        weights: &CudaSlice<u32>,
    ) -> Result<(), DriverError> {
        let pass = &mut self.passes[entry];
        match &mut pass.graph {
            Some(graph) => graph.start(),
            None => launch_all(stream, &pass.steps, weights, &mut self.arena),
        }
    }

    /// What lies in page-locked memory for `batch`, to its place in the arena.
    fn upload(
        &mut self,
        entry: &Entry,
        batch: &Batch,
        stream: &Arc<CudaStream>,
    ) -> Result<(), DriverError> {
        let pass = &mut self.passes[batch.entry()];
        for (port, pinned) in entry.inputs.iter().zip(&mut pass.inputs) {
            // With what there is room for beyond the batch, which nothing reads.
            let range = self.room.range(port.region, self.room.capacity);
            let mut input = self.arena.slice_mut(range);
            stream.memcpy_htod(pinned.slice(), &mut input)?;
        }
        Ok(())
    }
}

impl Pass {
    /// Makes launches of a batch of `live` of those of another, in the same room.
    fn resize(&mut self, entry: &Entry, room: Room, device: &Device, live: Counts) -> Result<()> {
        if self.live == live {
            return Ok(());
        }
        let dispatches = entry.dispatches(room, live);
        let steps = self.steps.iter().zip(&dispatches);
        let resized = steps.map(|((way, parts), dispatch)| {
            let way = way.of(device, dispatch)?;
            let functions = parts.iter().map(|(_, function)| function.clone());
            let parts = way.parts().iter().cloned().zip(functions).collect();
            Ok((way, parts))
        });
        self.steps = resized.collect::<Result<_>>()?;
        self.live = live;
        Ok(())
    }
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
            held: Held::default(),
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

    fn make(&mut self, capacity: Counts) -> Result<Prepared> {
        let what = format!("the arena for {capacity}");
        let room = room(&self.program, capacity)?;
        let words = room.words();
        let (device, stream) = (&self.device, &self.stream);
        let fail = |error| failure(&what, error);
        let mut arena = stream.alloc_zeros(words).map_err(fail)?;
        let pinned =
            |region: Region| Pinned::new(&device.context, room.range(region, capacity).len());
        let mut passes = Vec::with_capacity(self.program.entries.len());
        for entry in &self.program.entries {
            let inputs = entry.inputs.iter().map(|port| pinned(port.region));
            let inputs = inputs.collect::<Result<_, _>>().map_err(fail)?;
            let outputs = entry.outputs.iter().map(|port| pinned(port.region));
            let outputs = outputs.collect::<Result<_, _>>().map_err(fail)?;
            let dispatches = entry.dispatches(room, capacity);
            let choices = device.choose(stream, &dispatches, &self.weights, &mut arena)?;
            let mut steps = Vec::with_capacity(choices.len());
            for chosen in choices {
                let parts = chosen.way.ready(device)?;
                steps.push((chosen.way.clone(), parts));
                self.chosen.insert(chosen.shape.clone(), chosen);
            }
            passes.push(Pass {
                graph: None,
                live: capacity,
                steps,
                inputs,
                outputs,
            });
        }
        // Measuring left values behind.
        stream.memset_zeros(&mut arena).map_err(fail)?;
        let weights = &self.weights;
        if !self.program.has_tokens() {
            for pass in &mut passes {
                let steps = &pass.steps;
                let launch = || launch_all(stream, steps, weights, &mut arena);
                let graph = Graph::capture(stream, launch);
                pass.graph = Some(graph.map_err(|error| failure("the graph", error))?);
            }
        }
        stream.synchronize().map_err(fail)?;
        Ok(Prepared {
            passes,
            room,
            arena,
        })
    }

    /// What is made ready for a batch of so many.
    fn capacity(&self, counts: Counts) -> Counts {
        capacity(&self.program, counts, self.batches.keys(), self.max_batch())
    }

    /// Puts the items into page-locked memory and makes ready what they need; tells under which key that is.
    fn start(&mut self, batch: &Batch) -> Result<Counts> {
        let program = Arc::clone(&self.program);
        let entry = program.check(batch)?;
        let counts = batch.counts();
        let key = self.capacity(counts);
        self.prepare(counts)?;
        let prepared = self.batches.get_mut(&key).expect("prepared above");
        let room = prepared.room;
        let pass = &mut prepared.passes[batch.entry()];
        pass.resize(entry, room, &self.device, counts)?;
        for (port, pinned) in entry.inputs.iter().zip(&mut pass.inputs) {
            let words = pinned.words();
            let words = words.map_err(|error| failure("the inputs", error))?;
            let live = room.range(port.region, counts).len();
            port.pack(batch, &mut words[..live])?;
        }
        self.held.begin(entry);
        Ok(key)
    }

    /// One run: items to the card, the graph, outputs back. With `marked`, an event before, between
    /// and after these, behind another run of the graph.
    fn go(&mut self, batch: &Batch, marked: bool) -> Result<Outputs> {
        let key = self.start(batch)?;
        let entry = self.program.entry_of(batch)?;
        let (stream, marks, weights) = (&self.stream, &self.marks, &self.weights);
        let prepared = self.batches.get_mut(&key).expect("start prepares it");
        let (room, live) = (prepared.room, batch.counts());
        let mark = |at: usize| match marked {
            true => marks[at].record(stream),
            false => Ok(()),
        };
        let mut enqueue = || {
            if marked {
                // Keeps the card at work until the host has put all of the run on the stream.
                prepared.upload(entry, batch, stream)?;
                prepared.launch(batch.entry(), stream, weights)?;
            }
            mark(0)?;
            prepared.upload(entry, batch, stream)?;
            mark(1)?;
            prepared.launch(batch.entry(), stream, weights)?;
            mark(2)?;
            let outputs = &mut prepared.passes[batch.entry()].outputs;
            for (port, pinned) in entry.outputs.iter().zip(outputs) {
                let output = prepared.arena.slice(room.range(port.region, live));
                stream.memcpy_dtoh(&output, pinned.slice())?;
            }
            mark(3)?;
            stream.synchronize()
        };
        enqueue().map_err(|error| failure(&format!("a run of {live}"), error))?;
        let outputs = &mut prepared.passes[batch.entry()].outputs;
        let outputs = entry.outputs.iter().zip(outputs);
        let words = outputs.map(|(port, pinned)| {
            let live = room.range(port.region, live).len();
            pinned.words().map(|words| &words[..live])
        });
        let words = words.collect::<Result<Vec<_>, _>>();
        let mut words = words
            .map_err(|error| failure("the outputs", error))?
            .into_iter();
        let outputs = entry.unpack(|_| words.next().unwrap_or_default());
        self.held.end(entry, live);
        Ok(outputs)
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
    fn max_batch(&self) -> Counts {
        if self.program.has_tokens() {
            return fitting(&self.program, self.free / 4);
        }
        let arena = self.program.room(Counts::of_items(1)).words().max(1);
        let words = (self.free / 4).min(MAX_ARENA_WORDS - 1 + arena);
        Counts::of_items((words / arena).saturating_sub(1))
    }

    /// Allocates, chooses kernels and captures the graph, unless done before. Single images and the batch
    /// size used last stay ready; others are let go of. Room for texts is made in steps and serves all that
    /// fit it.
    fn prepare(&mut self, counts: Counts) -> Result<()> {
        self.held.check(counts)?;
        let single = Counts::of_items(1);
        let capacity = self.capacity(counts);
        if self.batches.contains_key(&capacity) {
            return Ok(());
        }
        if capacity != single {
            // What is let go of belongs to the context, which this thread may not have.
            let bound = self.device.context.bind_to_thread();
            bound.map_err(|error| failure("the context", error))?;
            self.batches.retain(|&size, _| size == single);
            // Only then is the memory of others free.
            let synchronized = self.stream.synchronize();
            synchronized.map_err(|error| failure("the arenas of before", error))?;
        }
        let prepared = self.make(capacity)?;
        self.batches.insert(capacity, prepared);
        Ok(())
    }

    fn run(&mut self, batch: &Batch) -> Result<Outputs> {
        self.go(batch, false)
    }

    fn forget(&mut self) -> Result<()> {
        if self.program.has_state() {
            for prepared in self.batches.values_mut() {
                let cleared = self.stream.memset_zeros(&mut prepared.arena);
                cleared.map_err(|error| failure("the state", error))?;
            }
        }
        self.held = Held::Nothing;
        Ok(())
    }

    fn trace(&mut self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        let key = self.start(batch)?;
        let entry = self.program.entry_of(batch)?;
        let (stream, weights) = (&self.stream, &self.weights);
        let prepared = self.batches.get_mut(&key).expect("start prepares it");
        let (room, live) = (prepared.room, batch.counts());
        let copied = prepared.upload(entry, batch, stream);
        copied.map_err(|error| failure("the inputs", error))?;
        let arena = &mut prepared.arena;
        let pass = &prepared.passes[batch.entry()];
        let mut trace = Vec::with_capacity(entry.steps.len());
        for (step, (_, parts)) in entry.steps.iter().zip(&pass.steps) {
            let fail = |error| failure(&step.name, error);
            for (part, function) in parts {
                launch::launch(stream, function, part, weights, arena).map_err(fail)?;
            }
            let words = stream.clone_dtoh(&arena.slice(room.range(step.output, live)));
            trace.push(words.map_err(fail)?);
            stream.synchronize().map_err(fail)?;
        }
        self.held.end(entry, live);
        Ok(trace)
    }

    fn transfer_times(&mut self, batch: &Batch) -> Result<Option<TransferTimes>> {
        self.go(batch, true)?;
        self.forget()?;
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
        let key = self.start(batch)?;
        let entry = self.program.entry_of(batch)?;
        let prepared = self.batches.get_mut(&key).expect("start prepares it");
        // Kernels go where tokens and spans say, so these must be there.
        let copied = prepared.upload(entry, batch, &self.stream);
        copied.map_err(|error| failure("the inputs", error))?;
        let mut times = Vec::with_capacity(entry.steps.len());
        let pass = &prepared.passes[batch.entry()];
        let dispatches = entry.dispatches(prepared.room, pass.live);
        let steps = entry.steps.iter().zip(&dispatches);
        for ((step, dispatch), (way, parts)) in steps.zip(&pass.steps) {
            let arena = &mut prepared.arena;
            let time = choice::times(&self.stream, &[parts], &self.weights, arena).swap_remove(0);
            times.push(StepTime {
                name: step.name.clone(),
                kernel: way.label(),
                cost: dispatch.cost(),
                time: time.map_err(|error| failure(&step.name, error))?,
            });
        }
        self.forget()?;
        Ok(times)
    }
}

/// A step's way, and its launches with their compiled kernels.
type Step = (Way, Vec<(Part, CudaFunction)>);

fn launch_all(
    stream: &CudaStream,
    steps: &[Step],
    weights: &CudaSlice<u32>,
    arena: &mut CudaSlice<u32>,
) -> Result<(), DriverError> {
    let mut parts = steps.iter().flat_map(|(_, parts)| parts);
    parts.try_for_each(|(part, function)| launch::launch(stream, function, part, weights, arena))
}
