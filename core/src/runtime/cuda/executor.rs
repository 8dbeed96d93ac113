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
    Error, Result,
    plan::{Program, Region},
    runtime::Executor,
};

/// The words of an arena are fewer than this: kernels count them with 31 bits.
const MAX_WORDS: usize = 1 << 31;

/// Runs a program on an NVIDIA card.
pub struct Cuda {
    // What lies on the device goes before its stream.
    batches: HashMap<usize, Batch>,
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

/// How long one step took.
#[derive(Clone, Debug)]
pub struct StepTime {
    /// The step's name.
    pub name: String,
    /// The kernels that ran.
    pub kernels: String,
    /// Its time by the card's clock.
    pub time: Duration,
}

/// How long the three parts of a run took by the card's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferTimes {
    /// Images to the card, from page-locked memory.
    pub upload: Duration,
    /// The graph of all kernels.
    pub run: Duration,
    /// Logits back.
    pub download: Duration,
}

impl std::ops::Add for TransferTimes {
    type Output = Self;

    /// One run after the other.
    fn add(self, other: Self) -> Self {
        Self {
            upload: self.upload + other.upload,
            run: self.run + other.run,
            download: self.download + other.download,
        }
    }
}

/// All that a batch size needs, made once.
struct Batch {
    // The graph goes first: it refers to the arena.
    graph: Graph,
    steps: Vec<(Way, Vec<(Part, CudaFunction)>)>,
    arena: CudaSlice<u32>,
    input: Pinned,
    output: Pinned,
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
    /// [`Error::OutOfMemory`] if they do not fit, [`Error::Device`] if the device fails.
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

    /// The most images that fit the memory that the device had free when the executor was made, beside
    /// a single image and what the driver needs; 0 if none does.
    pub fn max_batch(&self) -> usize {
        let arena = self.program.arena_words.max(1);
        let words = (self.free / 4).min(MAX_WORDS - 1 + arena);
        (words / arena).saturating_sub(1)
    }

    /// The ways chosen so far, one for each shape, in a stable order.
    pub fn chosen(&self) -> impl Iterator<Item = &Chosen> {
        self.chosen.values()
    }

    /// Allocates, chooses kernels and captures the graph for batches of `batch` images, unless done
    /// before. Single images and the batch size used last stay ready; others are let go of.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the arena does not fit the device, [`Error::Device`] if a kernel
    /// cannot be had or the device fails.
    pub fn prepare(&mut self, batch: usize) -> Result<()> {
        if self.batches.contains_key(&batch) {
            return Ok(());
        }
        if batch > 1 {
            // What is let go of belongs to the context, which this thread may not have.
            let bound = self.device.context.bind_to_thread();
            bound.map_err(|error| failure("the context", error))?;
            self.batches.retain(|&size, _| size == 1);
            // Only then is the memory of others free.
            let synchronized = self.stream.synchronize();
            synchronized.map_err(|error| failure("the arenas of before", error))?;
        }
        let prepared = self.make_batch(batch)?;
        self.batches.insert(batch, prepared);
        Ok(())
    }

    fn make_batch(&mut self, batch: usize) -> Result<Batch> {
        let what = format!("the arena for {batch} images");
        let words = self.program.arena_words.checked_mul(batch);
        let words = words.filter(|&words| words > 0 && words < MAX_WORDS);
        let words = words.ok_or_else(|| {
            Error::OutOfMemory(format!(
                "{what} should take from 1 to 2^31 words, found {} for each",
                self.program.arena_words
            ))
        })?;
        let (device, stream) = (&self.device, &self.stream);
        let fail = |error| failure(&what, error);
        let mut arena = stream.alloc_zeros(words).map_err(fail)?;
        let pinned = |words| Pinned::new(&device.context, words).map_err(fail);
        let input = pinned(self.program.input.words * batch)?;
        let output = pinned(self.program.output.words * batch)?;

        let dispatches = self.program.dispatches(batch);
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
        Ok(Batch {
            graph,
            steps,
            arena,
            input,
            output,
        })
    }

    /// Puts the images into page-locked memory and returns what `batch` images need.
    fn start(&mut self, images: &[u8], batch: usize) -> Result<&mut Batch> {
        self.program.check_images(images, batch)?;
        self.prepare(batch)?;
        let prepared = self.batches.get_mut(&batch).expect("prepared above");
        let words = prepared.input.words();
        let words = words.map_err(|error| failure("the images", error))?;
        self.program.pack_images_into(images, words);
        Ok(prepared)
    }

    /// One run: images to the card, the graph, logits back. With `marked`, an event before, between
    /// and after these, behind another run of the graph.
    fn go(&mut self, images: &[u8], batch: usize, marked: bool) -> Result<Vec<i32>> {
        self.start(images, batch)?;
        let (stream, marks, program) = (&self.stream, &self.marks, &self.program);
        let prepared = self.batches.get_mut(&batch).expect("start prepares it");
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
            let mut input = prepared.arena.slice_mut(range(program.input, batch));
            stream.memcpy_htod(prepared.input.slice(), &mut input)?;
            mark(1)?;
            prepared.graph.start()?;
            mark(2)?;
            let output = prepared.arena.slice(range(program.output, batch));
            stream.memcpy_dtoh(&output, prepared.output.slice())?;
            mark(3)?;
            stream.synchronize()
        };
        enqueue().map_err(|error| failure(&format!("a run of {batch} images"), error))?;
        let words = prepared.output.words();
        let words = words.map_err(|error| failure("the logits", error))?;
        Ok(program.unpack_logits(words))
    }

    /// Runs `batch` images and tells how long transfers and kernels took.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn transfer_times(&mut self, images: &[u8], batch: usize) -> Result<TransferTimes> {
        self.go(images, batch, true)?;
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
        Ok(TransferTimes {
            upload: next()?,
            run: next()?,
            download: next()?,
        })
    }

    /// The time of each step, as ways are measured: by repeated runs of that step alone, so that its
    /// weights and tensors may be in the card's cache where they would not be else.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn times(&mut self, images: &[u8], batch: usize) -> Result<Vec<StepTime>> {
        self.start(images, batch)?;
        let prepared = self.batches.get_mut(&batch).expect("start prepares it");
        let mut times = Vec::with_capacity(self.program.steps.len());
        for (step, (way, parts)) in self.program.steps.iter().zip(&prepared.steps) {
            let arena = &mut prepared.arena;
            let time = choice::times(&self.stream, &[parts], &self.weights, arena).swap_remove(0);
            times.push(StepTime {
                name: step.name.clone(),
                kernels: way.label(),
                time: time.map_err(|error| failure(&step.name, error))?,
            });
        }
        Ok(times)
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
    fn name(&self) -> &str {
        "cuda"
    }

    fn describe(&self) -> String {
        self.summary()
    }

    fn run(&mut self, images: &[u8], batch: usize) -> Result<Vec<i32>> {
        self.go(images, batch, false)
    }

    fn trace(&mut self, images: &[u8], batch: usize) -> Result<Vec<Vec<u32>>> {
        self.start(images, batch)?;
        let (stream, weights, program) = (&self.stream, &self.weights, &self.program);
        let prepared = self.batches.get_mut(&batch).expect("start prepares it");
        let arena = &mut prepared.arena;
        let mut input = arena.slice_mut(range(program.input, batch));
        let copied = stream.memcpy_htod(prepared.input.slice(), &mut input);
        copied.map_err(|error| failure("the images", error))?;
        let mut trace = Vec::with_capacity(program.steps.len());
        for (step, (_, parts)) in program.steps.iter().zip(&prepared.steps) {
            let fail = |error| failure(&step.name, error);
            for (part, function) in parts {
                launch::launch(stream, function, part, weights, arena).map_err(fail)?;
            }
            let words = stream.clone_dtoh(&arena.slice(range(step.output, batch)));
            trace.push(words.map_err(fail)?);
            stream.synchronize().map_err(fail)?;
        }
        Ok(trace)
    }
}

/// The words of a region in the arena of `batch` images.
fn range(region: Region, batch: usize) -> Range<usize> {
    let start = region.offset * batch;
    start..start + region.words * batch
}
