//! An opened device with the layout that all kernels share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use intformer_shaders::{Dispatch, Shader, declare::PARAM_WORDS};
use web_time::Duration;

use super::adapter::{AdapterChoice, choose};
use super::choice::AdapterKind;
use super::signal::signal;
use crate::{Error, Result};

/// Bytes between the uniform blocks of two dispatches: the offset alignment of every device.
pub(super) const BLOCK_STRIDE: usize = 256;

/// Kernels see storage as pieces of so many bytes.
const PIECE: u64 = 16;

/// How to open a device and choose kernels.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which adapter to take.
    pub adapter: AdapterChoice,
    /// Time to spend on measuring variants, for each batch size; zero takes the likely ones.
    pub probe: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            adapter: AdapterChoice::default(),
            probe: Duration::from_millis(250),
        }
    }
}

/// A device, its queue, and the bind group layout of the kernels.
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) layout: wgpu::BindGroupLayout,
    pipeline_layout: wgpu::PipelineLayout,
    info: wgpu::AdapterInfo,
    failure: Arc<Mutex<Option<Error>>>,
    pipelines: Mutex<HashMap<String, wgpu::ComputePipeline>>,
}

impl Drop for Gpu {
    fn drop(&mut self) {
        // In a browser, memory would else wait for the garbage collector.
        self.device.destroy();
    }
}

impl Gpu {
    /// Opens the adapter that `options` ask for.
    ///
    /// Where `XDG_RUNTIME_DIR` is not set, Mesa's Vulkan layer writes a line about it on the standard
    /// error; the variable `WAYLAND_DISPLAY=/dev/null` keeps it silent.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] if there is no such adapter, [`Error::Device`] if it does not open.
    pub async fn open(options: &Options) -> Result<Self> {
        let adapter = choose(&options.adapter).await?;
        let info = adapter.get_info();
        let offered = adapter.limits();
        // The limits of every WebGPU device; buffers alone may be as large as the adapter allows.
        let defaults = wgpu::Limits::default();
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
            max_buffer_size: offered.max_buffer_size,
            ..wgpu::Limits::downlevel_defaults()
        };
        let limits = wgpu::Limits {
            max_compute_workgroup_storage_size: defaults
                .max_compute_workgroup_storage_size
                .min(offered.max_compute_workgroup_storage_size),
            ..limits
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("intformer"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: limits,
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        };
        let (device, queue) = adapter
            .request_device(&descriptor)
            .await
            .map_err(|error| Error::Device(format!("{}: {error}", info.name)))?;

        let failure = Arc::new(Mutex::new(None));
        let uncaptured = Arc::clone(&failure);
        let name = info.name.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let mut failure = uncaptured.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| refusal(&name, &error));
        }));
        let lost = Arc::clone(&failure);
        let name = info.name.clone();
        device.set_device_lost_callback(move |_, message| {
            let mut failure = lost.lock().unwrap_or_else(PoisonError::into_inner);
            // Whatever failed before, failed because of this.
            *failure = Some(Error::DeviceLost(format!(
                "{name}: the device was lost: {message}"
            )));
        });

        let layout = bind_group_layout(&device);
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("intformer"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let gpu = Self {
            device,
            queue,
            layout,
            pipeline_layout,
            info,
            failure,
            pipelines: Mutex::default(),
        };
        gpu.check()?;
        Ok(gpu)
    }

    /// Name, backend and kind of the adapter.
    pub fn describe(&self) -> String {
        let kind = if self.is_software() {
            "software"
        } else {
            "hardware"
        };
        format!("{} ({}, {kind})", self.name(), self.info.backend)
    }

    /// The adapter's name; browsers may keep it to themselves.
    fn name(&self) -> &str {
        match self.info.name.as_str() {
            "" => "unnamed adapter",
            name => name,
        }
    }

    /// Whether the adapter is a CPU in disguise.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
            || self.info.name.to_lowercase().contains("swiftshader")
    }

    /// The kind that decides which kernels are likely.
    pub fn kind(&self) -> AdapterKind {
        match (self.is_software(), self.info.subgroup_max_size) {
            (false, _) => AdapterKind::Hardware,
            (true, 4) => AdapterKind::FourLanes,
            (true, _) => AdapterKind::Software,
        }
    }

    /// Whether `shader` keeps to the device's limits.
    pub fn supports(&self, shader: &Shader) -> bool {
        let limits = self.device.limits();
        shader.workgroup_bytes <= limits.max_compute_workgroup_storage_size
            && shader.workgroup_size[0] <= limits.max_compute_workgroup_size_x
            && shader.workgroup_size.iter().product::<u32>()
                <= limits.max_compute_invocations_per_workgroup
    }

    /// The error that the device reported since it was last asked, if any.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], from then on, if another device must be opened; else the first error
    /// reported.
    pub fn check(&self) -> Result<()> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.take() {
            None => Ok(()),
            Some(Error::DeviceLost(message)) => {
                *failure = Some(Error::DeviceLost(message.clone()));
                Err(Error::DeviceLost(message))
            }
            Some(error) => Err(error),
        }
    }

    /// Runs `create` and turns an error of the device into [`Error::Device`] about `what`.
    pub(super) async fn guarded<T>(&self, what: &str, create: impl FnOnce() -> T) -> Result<T> {
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let value = create();
        // Scopes close innermost first; a browser answers later.
        let answers = [internal.pop(), memory.pop(), validation.pop()];
        for answer in answers {
            if let Some(error) = answer.await {
                return Err(refusal(&format!("{}: {what}", self.info.name), &error));
            }
        }
        Ok(value)
    }

    /// Compiles a shader, at most once.
    ///
    /// # Errors
    /// [`Error::Device`] with the compiler's message.
    pub(super) async fn pipeline(&self, shader: &Shader) -> Result<wgpu::ComputePipeline> {
        let label = shader.label();
        let pipelines = || {
            self.pipelines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(pipeline) = pipelines().get(&label) {
            return Ok(pipeline.clone());
        }
        let create = || {
            let module = self
                .device
                .create_shader_module(wgpu::ShaderModuleDescriptor {
                    label: Some(&label),
                    source: wgpu::ShaderSource::Wgsl(shader.source().into()),
                });
            self.device
                .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                    label: Some(&label),
                    layout: Some(&self.pipeline_layout),
                    module: &module,
                    entry_point: Some("main"),
                    compilation_options: wgpu::PipelineCompilationOptions {
                        // Kernels write workgroup memory before they read it.
                        zero_initialize_workgroup_memory: false,
                        ..Default::default()
                    },
                    cache: None,
                })
        };
        let pipeline = self.guarded(&label, create).await?;
        pipelines().insert(label, pipeline.clone());
        Ok(pipeline)
    }

    /// The most bytes of a buffer, of one that kernels see if `storage`.
    pub(super) fn most_bytes(&self, storage: bool) -> u64 {
        let limits = self.device.limits();
        let most = match storage {
            true => (limits.max_storage_buffer_binding_size).min(limits.max_buffer_size),
            false => limits.max_buffer_size,
        };
        most - most % PIECE
    }

    /// A buffer of `words`, or an error that says `what` is too large.
    pub(super) async fn buffer(
        &self,
        what: &str,
        words: usize,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer> {
        let bytes = (words as u64 * 4).next_multiple_of(PIECE).max(256);
        let most = self.most_bytes(usage.contains(wgpu::BufferUsages::STORAGE));
        if bytes > most {
            return Err(Error::OutOfMemory(format!(
                "{what} takes {bytes} bytes, {} allows at most {most}",
                self.name()
            )));
        }
        self.guarded(what, || {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(what),
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        })
        .await
    }

    /// The buffers of the bindings, tied together.
    pub(super) fn bind(
        &self,
        weights: &wgpu::Buffer,
        arena: &wgpu::Buffer,
        blocks: &wgpu::Buffer,
    ) -> wgpu::BindGroup {
        let block = wgpu::BufferBinding {
            buffer: blocks,
            offset: 0,
            size: wgpu::BufferSize::new(PARAM_WORDS as u64 * 4),
        };
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("intformer"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: weights.as_entire_binding(),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: arena.as_entire_binding(),
                },
                wgpu::BindGroupEntry {
                    binding: 2,
                    resource: wgpu::BindingResource::Buffer(block),
                },
            ],
        })
    }

    /// A buffer with the uniform blocks of `dispatches`, [`BLOCK_STRIDE`] apart.
    pub(super) async fn blocks(&self, dispatches: &[Dispatch]) -> Result<wgpu::Buffer> {
        let words = dispatches.len().max(1) * BLOCK_STRIDE / 4;
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer("the parameters", words, usage).await?;
        self.write_blocks(&buffer, dispatches);
        Ok(buffer)
    }

    /// Puts the uniform blocks of as many `dispatches` in the place of others.
    pub(super) fn write_blocks(&self, buffer: &wgpu::Buffer, dispatches: &[Dispatch]) {
        let stride = BLOCK_STRIDE / 4;
        let mut words = vec![0u32; dispatches.len() * stride];
        for (block, dispatch) in words.chunks_mut(stride).zip(dispatches) {
            block[..PARAM_WORDS].copy_from_slice(&dispatch.words());
        }
        self.queue
            .write_buffer(buffer, 0, bytemuck::cast_slice(&words));
    }

    /// Waits until the device has done all that was submitted.
    pub(super) async fn finished(&self) {
        let (sender, done) = signal();
        self.queue.on_submitted_work_done(move || sender.send(()));
        done.await;
    }

    /// Maps the first `words` of a read-back buffer and hands them to `read`.
    pub(super) async fn read<T>(
        &self,
        buffer: &wgpu::Buffer,
        words: usize,
        read: impl FnOnce(&[u32]) -> T,
    ) -> Result<T> {
        let (sender, mapped) = signal();
        let range = 0..words as u64 * 4;
        buffer.map_async(wgpu::MapMode::Read, range.clone(), move |result| {
            sender.send(result);
        });
        let result = mapped.await;
        self.check()?;
        let fail = |error: String| Error::Device(format!("{}: read-back: {error}", self.info.name));
        result.map_err(|error| fail(error.to_string()))?;
        let value = {
            let view = buffer
                .get_mapped_range(range)
                .map_err(|error| fail(error.to_string()))?;
            read(bytemuck::cast_slice(&view))
        };
        buffer.unmap();
        Ok(value)
    }

    /// Runs one dispatch by one shader on copies of `weights` and `arena` and returns the arena:
    /// for tests of single kernels.
    ///
    /// # Errors
    /// [`Error::Device`] if the shader does not fit the dispatch or the device fails.
    pub async fn run_once(
        &self,
        shader: &Shader,
        dispatch: &Dispatch,
        weights: &[u32],
        arena: &[u32],
    ) -> Result<Vec<u32>> {
        use wgpu::BufferUsages as Usage;
        let groups = (shader.fits(dispatch))
            .then(|| shader.workgroups(dispatch))
            .flatten();
        let Some([x, y]) = groups else {
            return Err(Error::Device(format!(
                "{} cannot run {dispatch:?}",
                shader.label()
            )));
        };
        let pipeline = self.pipeline(shader).await?;
        let storage = Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC;
        let weight_buffer = self.buffer("the weights", weights.len(), storage).await?;
        let arena_buffer = self.buffer("the arena", arena.len(), storage).await?;
        let back = Usage::MAP_READ | Usage::COPY_DST;
        let back = self.buffer("the read-back", arena.len(), back).await?;
        let blocks = self.blocks(std::slice::from_ref(dispatch)).await?;
        let group = self.bind(&weight_buffer, &arena_buffer, &blocks);
        self.queue
            .write_buffer(&weight_buffer, 0, bytemuck::cast_slice(weights));
        self.queue
            .write_buffer(&arena_buffer, 0, bytemuck::cast_slice(arena));
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[0]);
            pass.dispatch_workgroups(x, y, 1);
        }
        encoder.copy_buffer_to_buffer(&arena_buffer, 0, &back, 0, arena.len() as u64 * 4);
        self.queue.submit([encoder.finish()]);
        self.read(&back, arena.len(), <[u32]>::to_vec).await
    }
}

/// A message of the device in one line, after what it is `about`.
fn refusal(about: &str, error: &wgpu::Error) -> Error {
    let text = error.to_string();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = format!("{about}: {text}");
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::OutOfMemory(sentence),
        _ => Error::Device(sentence),
    }
}

/// Binding 0 weights, 1 arena, 2 the uniform block of the dispatch.
fn bind_group_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry = |binding, ty, has_dynamic_offset, bytes| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset,
            min_binding_size: wgpu::BufferSize::new(bytes),
        },
        count: None,
    };
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("intformer"),
        entries: &[
            entry(0, storage(true), false, 16),
            entry(1, storage(false), false, 16),
            entry(
                2,
                wgpu::BufferBindingType::Uniform,
                true,
                PARAM_WORDS as u64 * 4,
            ),
        ],
    })
}
