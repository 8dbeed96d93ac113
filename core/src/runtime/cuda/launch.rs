//! Where CUDA is called in ways that the compiler cannot check.
#![allow(
    unsafe_code,
    reason = "launching a kernel hands it raw memory; each place says why that is sound"
)]

use std::{
    ffi::{CString, c_void},
    sync::Arc,
};

use cudarc::{
    driver::{
        CudaContext, CudaFunction, CudaGraph, CudaSlice, CudaStream, DeviceRepr, DriverError,
        LaunchConfig, PinnedHostSlice, PushKernelArg,
        sys::{self, CUfunction_attribute, CUgraphInstantiate_flags, CUstreamCaptureMode},
    },
    nvrtc::Ptx,
};
use intformer_shaders::declare::PARAM_WORDS;

use super::choice::Part;

/// Whether the driver's library is on this machine.
pub fn has_driver() -> bool {
    // SAFETY: loads the driver's library, whose initializers are NVIDIA's.
    unsafe { sys::is_culib_present() }
}

/// The newest CUDA that the driver, which is present, knows: 12020 for 12.2.
pub fn driver_version() -> i32 {
    let mut version = 0;
    // SAFETY: writes the number; if it fails, the number stays 0.
    let _ = unsafe { sys::cuDriverGetVersion(&mut version) };
    version
}

/// Ends the bookkeeping by events that lets buffers be used from several streams: it cannot be
/// captured into a graph.
pub fn use_own_streams(context: &Arc<CudaContext>) {
    // SAFETY: each buffer is used through the stream that it was made on, in order.
    unsafe { context.disable_event_tracking() }
}

/// A kernel as the driver takes it.
pub enum Image {
    /// Machine code.
    Code(Vec<u8>),
    /// PTX, which the driver compiles.
    Ptx(String),
}

/// What the driver's compiler has against PTX that it did not load.
pub fn compiler_log(context: &Arc<CudaContext>, ptx: &str) -> String {
    use sys::CUjit_option::{CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    let (Ok(text), Ok(())) = (CString::new(ptx), context.bind_to_thread()) else {
        return String::new();
    };
    let mut log = vec![0u8; 4096];
    let mut options = [CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
    // The driver takes the size in the place of a pointer.
    let mut values = [log.as_mut_ptr().cast(), log.len() as *mut c_void];
    let mut module = std::ptr::null_mut();
    // SAFETY: the text and the buffer outlive the call; a module that is loaded after all is let go
    // of at once.
    unsafe {
        let loaded = sys::cuModuleLoadDataEx(
            &mut module,
            text.as_ptr().cast(),
            options.len() as u32,
            options.as_mut_ptr(),
            values.as_mut_ptr(),
        );
        if loaded == sys::CUresult::CUDA_SUCCESS {
            let _ = sys::cuModuleUnload(module);
        }
    }
    log.truncate(log.iter().position(|&byte| byte == 0).unwrap_or(log.len()));
    String::from_utf8_lossy(&log).trim().to_owned()
}

/// Loads a kernel, which may then use shared memory up to the device's limit.
pub fn load(
    context: &Arc<CudaContext>,
    image: &Image,
    name: &str,
    shared_limit: u32,
) -> Result<CudaFunction, DriverError> {
    let image = match image {
        Image::Code(code) => Ptx::from_binary(code.clone()),
        Image::Ptx(text) => Ptx::from_src(text),
    };
    let function = context.load_module(image)?.load_function(name)?;
    let most = shared_limit as i32 - function.shared_size_bytes()?;
    function.set_attribute(
        CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
        most,
    )?;
    Ok(function)
}

/// The parameters of a kernel as it takes them: by value, as many of the words as it has fields.
#[repr(transparent)]
struct Block([u32; PARAM_WORDS]);

// SAFETY: plain words without pointers.
unsafe impl DeviceRepr for Block {}

/// Puts a launch on the stream.
pub fn launch(
    stream: &CudaStream,
    function: &CudaFunction,
    part: &Part,
    weights: &CudaSlice<u32>,
    arena: &mut CudaSlice<u32>,
) -> Result<(), DriverError> {
    let block = Block(part.dispatch.words());
    let [x, y] = part.launch.grid;
    let config = LaunchConfig {
        grid_dim: (x, y, 1),
        block_dim: (part.launch.threads, 1, 1),
        shared_mem_bytes: part.launch.shared_bytes,
    };
    let mut arguments = stream.launch_builder(function);
    arguments.arg(weights).arg(arena).arg(&block);
    // SAFETY: every kernel takes weights, arena and its parameters. Those of a program were proved to
    // stay inside both by `Program::new`; `Device::run_once` is for tests.
    unsafe { arguments.launch(config) }.map(drop)
}

/// Work that was captured once and can be started as a whole.
pub struct Graph(CudaGraph);

// SAFETY: a graph may be used from any thread, but from one at a time; starting one takes
// `&mut self`.
unsafe impl Send for Graph {}

impl Graph {
    /// Captures what `work` puts on the stream.
    pub fn capture<E: From<DriverError>>(
        stream: &Arc<CudaStream>,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<Self, E> {
        stream.begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)?;
        let worked = work();
        // Ends the capture in any case: the stream is of no use in the middle of one.
        let graph = stream.end_capture(CUgraphInstantiate_flags(0));
        worked?;
        let graph = graph?.ok_or(DriverError(
            sys::CUresult::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
        ))?;
        graph.upload()?;
        Ok(Self(graph))
    }

    /// Puts the work on the stream that it was captured from.
    pub fn start(&mut self) -> Result<(), DriverError> {
        self.0.launch()
    }
}

/// Words of page-locked memory, which the card reads and writes by itself.
pub struct Pinned(PinnedHostSlice<u32>);

impl Pinned {
    /// `words` zeros.
    pub fn new(context: &Arc<CudaContext>, words: usize) -> Result<Self, DriverError> {
        // SAFETY: filled below before it is read. Flags 0: memory that the CPU caches, since it
        // reads the logits there.
        let mut memory = unsafe { context.alloc_pinned_with_flags(words, 0) }?;
        memory.as_mut_slice()?.fill(0);
        Ok(Self(memory))
    }

    /// For copies to and from the device.
    pub fn slice(&mut self) -> &mut PinnedHostSlice<u32> {
        &mut self.0
    }

    /// The words; the caller has waited for copies that were under way.
    pub fn words(&mut self) -> Result<&mut [u32], DriverError> {
        self.0.as_mut_slice()
    }
}
