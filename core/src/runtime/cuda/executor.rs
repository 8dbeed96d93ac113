//! The executor: one graph for each batch size.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use cudarc::driver::{CudaEvent, CudaFunction, CudaSlice, DriverError, sys::CUevent_flags};

use super::{
    choice::{self, Choices, Chosen, Part, Way},
    device::{Device, Options, failure},
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
    device: Arc<Device>,
    program: Arc<Program>,
    weights: Arc<CudaSlice<u32>>,
    choices: Choices,
    batches: HashMap<usize, Batch>,
}

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

    /// Uploads the weights of `program` to an open device, which executors may share.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if they do not fit, [`Error::Device`] if the device fails.
    pub fn on(device: Arc<Device>, program: Arc<Program>) -> Result<Self> {
        Ok(Self {
            weights: Arc::new(device.upload_weights(&program.weights)?),
            device,
            program,
            choices: Choices::default(),
            batches: HashMap::new(),
        })
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The most images that fit the free memory of the device at once; 0 if none does.
    pub fn max_batch(&self) -> usize {
        let free = self
            .device
            .context
            .mem_get_info()
            .map_or(0, |(free, _)| free);
        let held: usize = self
            .batches
            .values()
            .map(|batch| 4 * batch.arena.len())
            .sum();
        let words = ((free + held) / 4).min(MAX_WORDS - 1);
        words / self.program.arena_words.max(1)
    }

    /// The ways chosen so far, one for each shape.
    pub fn chosen(&self) -> Vec<&Chosen> {
        self.choices.all()
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
        self.batches.retain(|&size, _| size == 1);
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
        let device = &self.device;
        let stream = &device.stream;
        let fail = |error| failure(&what, error);
        let mut arena = stream.alloc_zeros(words).map_err(fail)?;
        let pinned = |words| Pinned::new(&device.context, words).map_err(fail);
        let input = pinned(self.program.input.words * batch)?;
        let output = pinned(self.program.output.words * batch)?;

        let dispatches = self.program.dispatches(batch);
        let ways = self
            .choices
            .choose(device, &dispatches, &self.weights, &mut arena)?;
        let mut steps = Vec::with_capacity(ways.len());
        for way in ways {
            let parts = way.ready(device)?;
            steps.push((way, parts));
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
    fn start(&mut self, images: &[u8], batch: usize) -> Result<(&Device, &mut Batch)> {
        let words = self.program.pack_images(images, batch)?;
        self.prepare(batch)?;
        let prepared = self.batches.get_mut(&batch).expect("prepared above");
        let input = prepared.input.words();
        input
            .map_err(|error| failure("the images", error))?
            .copy_from_slice(&words);
        Ok((&self.device, prepared))
    }

    /// One run: images to the card, the graph, logits back. With `marks`, an event before, between
    /// and after these.
    fn go(
        &mut self,
        images: &[u8],
        batch: usize,
        marks: bool,
    ) -> Result<(Vec<i32>, Vec<CudaEvent>)> {
        let program = Arc::clone(&self.program);
        let (device, prepared) = self.start(images, batch)?;
        let stream = &device.stream;
        let mut events = Vec::new();
        let mut mark = || {
            if marks {
                events.push(stream.record_event(Some(CUevent_flags::CU_EVENT_DEFAULT))?);
            }
            Ok::<_, DriverError>(())
        };
        let range = |region: Region| {
            let start = region.offset * batch;
            start..start + region.words * batch
        };
        let mut enqueue = || {
            mark()?;
            let mut input = prepared.arena.slice_mut(range(program.input));
            stream.memcpy_htod(prepared.input.slice(), &mut input)?;
            mark()?;
            prepared.graph.start()?;
            mark()?;
            let output = prepared.arena.slice(range(program.output));
            stream.memcpy_dtoh(&output, prepared.output.slice())?;
            mark()?;
            stream.synchronize()
        };
        enqueue().map_err(|error| failure(&format!("a run of {batch} images"), error))?;
        let words = prepared
            .output
            .words()
            .map_err(|error| failure("the logits", error))?;
        Ok((program.unpack_logits(words), events))
    }

    /// Runs `batch` images and tells how long transfers and kernels took.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn transfer_times(&mut self, images: &[u8], batch: usize) -> Result<TransferTimes> {
        let (_, events) = self.go(images, batch, true)?;
        let mut spans = events.windows(2).map(|pair| {
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

    /// The time of each step, averaged over repeated runs of that step alone: its weights and
    /// tensors may then be in the card's cache where they would not be else.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn times(&mut self, images: &[u8], batch: usize) -> Result<Vec<StepTime>> {
        let weights = Arc::clone(&self.weights);
        let program = Arc::clone(&self.program);
        let (device, prepared) = self.start(images, batch)?;
        let mut times = Vec::with_capacity(program.steps.len());
        for (step, (way, _)) in program.steps.iter().zip(&prepared.steps) {
            times.push(StepTime {
                name: step.name.clone(),
                kernels: way.label(),
                time: choice::time(device, way, &weights, &mut prepared.arena)?,
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

impl Executor for Cuda {
    fn name(&self) -> &str {
        "cuda"
    }

    fn describe(&self) -> String {
        self.summary()
    }

    fn run(&mut self, images: &[u8], batch: usize) -> Result<Vec<i32>> {
        Ok(self.go(images, batch, false)?.0)
    }

    fn trace(&mut self, images: &[u8], batch: usize) -> Result<Vec<Vec<u32>>> {
        let program = Arc::clone(&self.program);
        let weights = Arc::clone(&self.weights);
        let (device, prepared) = self.start(images, batch)?;
        let stream = &device.stream;
        let arena = &mut prepared.arena;
        let range = |region: Region| {
            let start = region.offset * batch;
            start..start + region.words * batch
        };
        let fail = |error| failure("a traced run", error);
        let mut input = arena.slice_mut(range(program.input));
        let copied = stream.memcpy_htod(prepared.input.slice(), &mut input);
        copied.map_err(fail)?;
        let mut trace = Vec::with_capacity(program.steps.len());
        for (step, (_, parts)) in program.steps.iter().zip(&prepared.steps) {
            let fail = |error| failure(&step.name, error);
            for (part, function) in parts {
                launch::launch(stream, function, part, &weights, arena).map_err(fail)?;
            }
            let words = stream.clone_dtoh(&arena.slice(range(step.output)));
            trace.push(words.map_err(fail)?);
            stream.synchronize().map_err(fail)?;
        }
        Ok(trace)
    }
}
