//! The executor: one submission and one read-back for each batch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use intformer_shaders::{Dispatch, Shader};
use web_time::{Duration, Instant};

use super::gpu::{BLOCK_STRIDE, Gpu, Options};
use super::prepared::{Launch, Pass, Prepared};
use super::probe::{Choices, Chosen};
use crate::plan::{Counts, Entry, Program};
use crate::runtime::batch::{Batch, Outputs};
use crate::runtime::held::Held;
use crate::runtime::{MAX_ARENA_WORDS, StepTime, capacity, fitting, room};
use crate::{Error, Result};

/// Runs a program on a device of wgpu.
pub struct Wgpu {
    pub(super) gpu: Arc<Gpu>,
    pub(super) program: Arc<Program>,
    options: Options,
    weights: wgpu::Buffer,
    choices: Choices,
    /// By what they have room for.
    batches: HashMap<Counts, Prepared>,
    held: Held,
}

impl Wgpu {
    /// Opens a device and uploads the weights of `program`.
    ///
    /// # Errors
    /// As [`Gpu::open`] and [`Wgpu::on`].
    pub async fn new(program: Arc<Program>, options: Options) -> Result<Self> {
        let gpu = Arc::new(Gpu::open(&options).await?);
        Self::on(gpu, program, options).await
    }

    /// Uploads the weights of `program` to an open device, which executors may share.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the weights do not fit the device, [`Error::Device`] if it fails.
    pub async fn on(gpu: Arc<Gpu>, program: Arc<Program>, options: Options) -> Result<Self> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let words = program.weights.len();
        let weights = gpu.buffer("the weights", words, usage).await?;
        gpu.queue
            .write_buffer(&weights, 0, bytemuck::cast_slice(&program.weights));
        Ok(Self {
            gpu,
            program,
            options,
            weights,
            choices: Choices::default(),
            batches: HashMap::new(),
            held: Held::default(),
        })
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Name, backend and kind of the adapter.
    pub fn adapter(&self) -> String {
        self.gpu.describe()
    }

    /// The variants chosen so far, one for each class of shapes.
    pub fn chosen(&self) -> Vec<&Chosen> {
        self.choices.chosen()
    }

    /// The adapter and the variants in a line.
    pub fn summary(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for chosen in self.chosen() {
            *counts.entry(chosen.shader.label()).or_default() += 1;
        }
        let variants: Vec<_> = counts
            .iter()
            .map(|(label, count)| format!("{label} ({count})"))
            .collect();
        if variants.is_empty() {
            return format!("{}; kernels are chosen at the first run", self.adapter());
        }
        format!(
            "{}; kernels (shapes): {}",
            self.adapter(),
            variants.join(", ")
        )
    }

    /// Allocates, chooses kernels and compiles for batches of so many, unless done before.
    ///
    /// Single images and the batch size used last stay ready; others are let go of. Room for texts is made
    /// in steps and serves all that fit it.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the arena does not fit the device, [`Error::Device`] if a kernel does
    /// not compile, [`Error::Run`] if state of others is kept.
    pub async fn prepare_async(&mut self, counts: Counts) -> Result<()> {
        self.held.check(counts)?;
        let capacity = self.capacity(counts);
        if self.batches.contains_key(&capacity) {
            return Ok(());
        }
        self.batches.retain(|&size, old| {
            let kept = size == Counts::of_items(1);
            if !kept {
                old.destroy();
            }
            kept
        });
        let prepared = self.make(capacity).await?;
        self.batches.insert(capacity, prepared);
        Ok(())
    }

    /// What is made ready for a batch of so many.
    fn capacity(&self, counts: Counts) -> Counts {
        capacity(&self.program, counts, self.batches.keys(), self.most())
    }

    /// The most that one arena holds.
    pub(super) fn most(&self) -> Counts {
        let words = self.gpu.most_bytes(true) / 4;
        fitting(&self.program, words.min(MAX_ARENA_WORDS as u64) as usize)
    }

    /// Bytes on the device: weights, arenas, read-backs.
    pub fn memory(&self) -> u64 {
        let batches = self.batches.values().flat_map(Prepared::buffers);
        self.weights.size() + batches.map(wgpu::Buffer::size).sum::<u64>()
    }

    async fn make(&mut self, capacity: Counts) -> Result<Prepared> {
        use wgpu::BufferUsages as Usage;
        let gpu = &self.gpu;
        let what = format!("the arena for {capacity}");
        let room = room(&self.program, capacity)?;
        let words = room.words();
        let usage = Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC;
        let arena = gpu.buffer(&what, words, usage).await?;

        let mut passes = Vec::with_capacity(self.program.entries.len());
        let mut back = 0;
        let start = Instant::now();
        for entry in &self.program.entries {
            let dispatches = entry.dispatches(room, capacity);
            let limit = self.options.probe.saturating_sub(start.elapsed());
            let shaders = self
                .choices
                .choose(gpu, &dispatches, &self.weights, &arena, limit)
                .await?;
            let blocks = gpu.blocks(&dispatches).await?;
            let mut launches = Vec::with_capacity(dispatches.len());
            for (at, (dispatch, shader)) in dispatches.iter().zip(shaders).enumerate() {
                let workgroups = workgroups(entry, at, shader, dispatch)?;
                launches.push(Launch {
                    shader,
                    pipeline: gpu.pipeline(shader).await?,
                    block: (at * BLOCK_STRIDE) as u32,
                    workgroups,
                });
            }
            passes.push(Pass {
                live: capacity,
                group: gpu.bind(&self.weights, &arena, &blocks),
                blocks,
                launches,
            });
            let words = entry.outputs.iter();
            let words = words.map(|port| room.range(port.region, capacity).len());
            back = back.max(words.sum());
        }
        let usage = Usage::MAP_READ | Usage::COPY_DST;
        let back = gpu.buffer("the outputs", back, usage).await?;

        // Measuring left values behind.
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        encoder.clear_buffer(&arena, 0, None);
        gpu.queue.submit([encoder.finish()]);
        gpu.check()?;
        Ok(Prepared {
            room,
            arena,
            passes,
            back,
            trace: None,
        })
    }

    /// Sets state back to zeros: the next run is the first, and may be of any items and tokens.
    ///
    /// # Errors
    /// As [`Wgpu::run_async`].
    pub fn forget(&mut self) -> Result<()> {
        if !self.program.has_state() {
            return Ok(());
        }
        let gpu = &self.gpu;
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for prepared in self.batches.values() {
            encoder.clear_buffer(&prepared.arena, 0, None);
        }
        gpu.queue.submit([encoder.finish()]);
        gpu.check()?;
        self.held = Held::Nothing;
        Ok(())
    }

    /// Uploads the items and makes ready what they need; tells under which key that is.
    async fn start(&mut self, batch: &Batch<'_>) -> Result<Counts> {
        let program = self.program.clone();
        let entry = program.check(batch)?;
        let counts = batch.counts();
        let key = self.capacity(counts);
        self.prepare_async(counts).await?;
        self.resize(key, batch)?;
        self.held.begin(entry);
        let Prepared { arena, room, .. } = &self.batches[&key];
        for port in &entry.inputs {
            let range = room.range(port.region, counts);
            let offset = 4 * range.start as u64;
            if let Some(bytes) = port.unpadded(batch) {
                self.gpu.queue.write_buffer(arena, offset, bytes);
            } else {
                let mut words = vec![0; range.len()];
                port.pack(batch, &mut words)?;
                let bytes = bytemuck::cast_slice(&words);
                self.gpu.queue.write_buffer(arena, offset, bytes);
            }
        }
        Ok(key)
    }

    /// Makes launches of `batch` of those of another, in the same room.
    fn resize(&mut self, key: Counts, batch: &Batch<'_>) -> Result<()> {
        let entry = self.program.entry_of(batch)?;
        let live = batch.counts();
        let prepared = self.batches.get_mut(&key).expect("prepared before");
        let pass = &mut prepared.passes[batch.entry()];
        if pass.live == live {
            return Ok(());
        }
        let dispatches = entry.dispatches(prepared.room, live);
        let launches = pass.launches.iter().zip(&dispatches).enumerate();
        let workgroups =
            launches.map(|(at, (launch, dispatch))| workgroups(entry, at, launch.shader, dispatch));
        let workgroups = workgroups.collect::<Result<Vec<_>>>()?;
        self.gpu.write_blocks(&pass.blocks, &dispatches);
        for (launch, workgroups) in pass.launches.iter_mut().zip(workgroups) {
            launch.workgroups = workgroups;
        }
        pass.live = live;
        Ok(())
    }

    /// The outputs of a batch: one submission, one read-back.
    ///
    /// # Errors
    /// [`Error::Image`], [`Error::Text`] or [`Error::Run`] if `batch` is not what the program takes; as
    /// [`Wgpu::prepare_async`];
    /// [`Error::Device`] if the device fails, [`Error::DeviceLost`] if it is gone.
    pub async fn run_async(&mut self, batch: &Batch<'_>) -> Result<Outputs> {
        let key = self.start(batch).await?;
        let entry = self.program.entry_of(batch)?;
        let (gpu, prepared) = (&self.gpu, &self.batches[&key]);
        let pass = &prepared.passes[batch.entry()];
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        {
            let mut compute = encoder.begin_compute_pass(&Default::default());
            for launch in &pass.launches {
                launch.encode(&mut compute, &pass.group);
            }
        }
        let regions: Vec<_> = entry.outputs.iter().map(|port| port.region).collect();
        let mut words = 0;
        for region in &regions {
            words += prepared.copy(&mut encoder, (*region, pass.live), &prepared.back, words);
        }
        gpu.queue.submit([encoder.finish()]);
        let read = gpu.read(&prepared.back, words, |words| {
            let mut parts = prepared.split(words, &regions, pass.live);
            entry.unpack(|_| parts.next().unwrap_or_default())
        });
        let outputs = read.await?;
        self.held.end(entry, batch.counts());
        Ok(outputs)
    }

    /// The words that each step wrote, in order, copied out within the same submission.
    ///
    /// # Errors
    /// As [`Wgpu::run_async`].
    pub async fn trace_async(&mut self, batch: &Batch<'_>) -> Result<Vec<Vec<u32>>> {
        let key = self.start(batch).await?;
        let entry = self.program.entry_of(batch)?;
        let regions: Vec<_> = entry.steps.iter().map(|step| step.output).collect();
        let gpu = &self.gpu;
        let prepared = self.batches.get_mut(&key).expect("start prepares it");
        let (room, live) = (prepared.room, batch.counts());
        let words = regions.iter().map(|&region| room.range(region, live).len());
        let total: usize = words.sum();
        let before = prepared.trace.as_ref().map_or(0, wgpu::Buffer::size);
        if before < 4 * total as u64 {
            let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
            prepared.trace = Some(gpu.buffer("the trace", total, usage).await?);
        }
        let prepared = &*prepared;
        let pass = &prepared.passes[batch.entry()];
        let back = prepared.trace.as_ref().expect("made above");

        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let mut words = 0;
        for (launch, region) in pass.launches.iter().zip(&regions) {
            {
                let mut compute = encoder.begin_compute_pass(&Default::default());
                launch.encode(&mut compute, &pass.group);
            }
            words += prepared.copy(&mut encoder, (*region, live), back, words);
        }
        gpu.queue.submit([encoder.finish()]);
        let read = gpu.read(back, words, |words| {
            let parts = prepared.split(words, &regions, live);
            parts.map(<[u32]>::to_vec).collect()
        });
        let trace = read.await?;
        self.held.end(entry, live);
        Ok(trace)
    }

    /// The time of each step: by the device's clock where it has one, else each step is submitted
    /// and awaited alone; state is forgotten.
    ///
    /// # Errors
    /// As [`Wgpu::run_async`].
    pub async fn times_async(&mut self, batch: &Batch<'_>) -> Result<Vec<StepTime>> {
        let key = self.start(batch).await?;
        let program = self.program.clone();
        let entry = program.entry_of(batch)?;
        let prepared = &self.batches[&key];
        let pass = &prepared.passes[batch.entry()];
        let features = self.gpu.device.features();
        let times = if features.contains(wgpu::Features::TIMESTAMP_QUERY) {
            self.device_times(pass).await?
        } else {
            self.awaited_times(pass).await?
        };
        let dispatches = entry.dispatches(prepared.room, pass.live);
        let steps = entry.steps.iter().zip(&dispatches);
        let named = steps.zip(&pass.launches).zip(times);
        let times = named
            .map(|(((step, dispatch), launch), time)| StepTime {
                name: step.name.clone(),
                kernel: launch.shader.label(),
                cost: dispatch.cost(),
                time,
            })
            .collect();
        self.forget()?;
        Ok(times)
    }

    async fn device_times(&self, pass: &Pass) -> Result<Vec<Duration>> {
        use wgpu::BufferUsages as Usage;
        let gpu = &self.gpu;
        let count = 2 * pass.launches.len();
        let queries = gpu
            .guarded("the timestamps", || {
                gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                    label: Some("intformer"),
                    ty: wgpu::QueryType::Timestamp,
                    count: count as u32,
                })
            })
            .await?;
        let usage = Usage::QUERY_RESOLVE | Usage::COPY_SRC;
        let resolved = gpu.buffer("the timestamps", 2 * count, usage).await?;
        let usage = Usage::MAP_READ | Usage::COPY_DST;
        let back = gpu.buffer("the timestamps", 2 * count, usage).await?;
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for (at, launch) in pass.launches.iter().enumerate() {
            let mut compute = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(2 * at as u32),
                    end_of_pass_write_index: Some(2 * at as u32 + 1),
                }),
            });
            launch.encode(&mut compute, &pass.group);
        }
        encoder.resolve_query_set(&queries, 0..count as u32, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &back, 0, 8 * count as u64);
        gpu.queue.submit([encoder.finish()]);
        let tick = f64::from(gpu.queue.get_timestamp_period());
        gpu.read(&back, 2 * count, |words| {
            let at = |i: usize| u64::from(words[2 * i]) | u64::from(words[2 * i + 1]) << 32;
            (0..count / 2)
                .map(|i| at(2 * i + 1).saturating_sub(at(2 * i)))
                .map(|ticks| Duration::from_nanos((ticks as f64 * tick) as u64))
                .collect()
        })
        .await
    }

    async fn awaited_times(&self, pass: &Pass) -> Result<Vec<Duration>> {
        let gpu = &self.gpu;
        let mut times = Vec::with_capacity(pass.launches.len());
        for launch in &pass.launches {
            let start = Instant::now();
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            {
                let mut compute = encoder.begin_compute_pass(&Default::default());
                launch.encode(&mut compute, &pass.group);
            }
            gpu.queue.submit([encoder.finish()]);
            gpu.finished().await;
            times.push(start.elapsed());
            gpu.check()?;
        }
        Ok(times)
    }
}

/// The workgroups of the step `at` of a plan.
fn workgroups(entry: &Entry, at: usize, shader: &Shader, dispatch: &Dispatch) -> Result<[u32; 2]> {
    shader.workgroups(dispatch).ok_or_else(|| {
        Error::Device(format!(
            "step {}: too many workgroups for {}",
            entry.steps[at].name,
            dispatch.shape()
        ))
    })
}
