//! An open device: its limits, its stream, its compiled kernels.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DriverError,
    sys::{CUdevice_attribute, CUresult},
};
use intformer_shaders::{CudaKernel, Dispatch};

use super::{
    choice::{Choices, Chosen, Part},
    compile::{self, KernelSource, Origin},
    launch::{self, Image},
};
use crate::{Error, Result};

/// The driver's oldest version, as it numbers them: graphs are made as from 11.4 on.
const OLDEST_DRIVER: i32 = 11_040;

/// How to open a device.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its number, as the driver counts (`CUDA_VISIBLE_DEVICES` renumbers).
    pub ordinal: usize,
    /// Where kernels come from.
    pub kernels: KernelSource,
    /// Where compiled kernels are kept; `None` keeps none.
    pub cache: Option<PathBuf>,
    /// Whether variants of kernels are measured; else the likeliest are taken.
    pub probe: bool,
}

impl Default for Options {
    /// The first device, the best kernels to be had, kept in the user's cache, measured.
    fn default() -> Self {
        Self {
            ordinal: 0,
            kernels: KernelSource::default(),
            cache: compile::user_cache(),
            probe: true,
        }
    }
}

/// An open device.
pub struct Device {
    pub(super) context: Arc<CudaContext>,
    options: Options,
    name: String,
    capability: (i32, i32),
    processors: u32,
    shared_limit: u32,
    functions: Mutex<HashMap<String, (CudaFunction, Origin)>>,
    choices: Mutex<Choices>,
    /// Ways and kernels that failed here, and why.
    left_out: Mutex<BTreeMap<String, String>>,
}

impl Device {
    /// Opens a device.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] without a driver of CUDA 11.4 or newer, without such a device, or if it is
    /// older than compute capability 8.0; [`Error::Device`] if the driver refuses, or no kernel can be
    /// had: without NVRTC, drivers before 535 do not take the built-in PTX.
    pub fn open(options: &Options) -> Result<Self> {
        if !launch::has_driver() {
            return Err(Error::NoAdapter(
                "expected an NVIDIA driver (libcuda), found none".into(),
            ));
        }
        let version = launch::driver_version();
        if version < OLDEST_DRIVER {
            return Err(Error::NoAdapter(format!(
                "expected a driver of CUDA 11.4 or newer, found one of {}.{}",
                version / 1000,
                version % 1000 / 10
            )));
        }
        let ordinal = options.ordinal;
        let count = CudaContext::device_count().map_err(|error| {
            let text = format!(
                "expected an NVIDIA card, found a driver that says: {}",
                told(error)
            );
            match error.0 {
                CUresult::CUDA_ERROR_NO_DEVICE => Error::NoAdapter(text),
                _ => Error::Device(text),
            }
        })?;
        if ordinal as i64 >= i64::from(count) {
            return Err(Error::NoAdapter(format!(
                "expected a CUDA device {ordinal}, found {count} devices"
            )));
        }
        let fail = |error| failure("opening the device", error);
        let context = CudaContext::new(ordinal).map_err(fail)?;
        launch::use_own_streams(&context);
        let attribute = |which| context.attribute(which).map_err(fail);
        use CUdevice_attribute as Attribute;
        let processors = attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        let shared_limit =
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        let capability = context.compute_capability().map_err(fail)?;
        let name = context.name().map_err(fail)?;
        if capability < (8, 0) {
            return Err(Error::NoAdapter(format!(
                "expected a card of compute capability 8.0 (Ampere) or newer, found {name} of {}.{}",
                capability.0, capability.1
            )));
        }
        let device = Self {
            options: options.clone(),
            name,
            capability,
            processors: processors as u32,
            shared_limit: shared_limit as u32,
            functions: Mutex::default(),
            choices: Mutex::default(),
            left_out: Mutex::default(),
            context,
        };
        // Whether kernels can be had at all is to be known before a model is put here.
        if let Some(smallest) = CudaKernel::of("mean_pool").next() {
            device.function(smallest)?;
        }
        Ok(device)
    }

    /// Name and capability, where kernels came from so far, and what was left out because it failed.
    pub fn describe(&self) -> String {
        let (major, minor) = self.capability;
        let origins: BTreeSet<Origin> = self.functions().values().map(|loaded| loaded.1).collect();
        let origins: Vec<_> = origins.iter().map(Origin::to_string).collect();
        let mut text = format!(
            "{} (sm_{major}{minor}, {} multiprocessors, kernels {})",
            self.name,
            self.processors,
            origins.join(" and ")
        );
        let left_out = self.left_out();
        if !left_out.is_empty() {
            let labels: Vec<_> = left_out.keys().map(String::as_str).collect();
            text += &format!(", without {}, which failed", labels.join(", "));
        }
        text
    }

    /// Notes that a way or a kernel fails here.
    pub(super) fn leave_out(&self, label: String, error: &Error) {
        tracing::warn!("left out: {label}: {error}");
        self.left_out().insert(label, error.to_string());
    }

    fn left_out(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name of the card.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The card's number in the world, as the management library writes it: `GPU-` and hexadecimal.
    ///
    /// # Errors
    /// [`Error::Device`] if the driver does not tell.
    pub fn uuid(&self) -> Result<String> {
        let uuid = self.context.uuid();
        let uuid = uuid.map_err(|error| failure("the card's number", error))?;
        let digits: Vec<_> = uuid
            .bytes
            .iter()
            .map(|&byte| format!("{:02x}", byte as u8))
            .collect();
        let groups = [0..4, 4..6, 6..8, 8..10, 10..16].map(|group| digits[group].concat());
        Ok(format!("GPU-{}", groups.join("-")))
    }

    /// Compute capability: major and minor.
    pub fn capability(&self) -> (i32, i32) {
        self.capability
    }

    /// Multiprocessors.
    pub fn processors(&self) -> u32 {
        self.processors
    }

    /// The highest clocks of multiprocessors and memory in kHz, and the width of the memory's bus in
    /// bits; what the driver does not tell is 0.
    pub fn clocks(&self) -> [u32; 3] {
        use CUdevice_attribute as Attribute;
        [
            Attribute::CU_DEVICE_ATTRIBUTE_CLOCK_RATE,
            Attribute::CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE,
            Attribute::CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH,
        ]
        .map(|which| {
            self.context
                .attribute(which)
                .map_or(0, |value| value as u32)
        })
    }

    /// The launch of `dispatch` by `kernel` here; `None` if the kernel cannot run it.
    pub(super) fn part(&self, kernel: &'static CudaKernel, dispatch: Dispatch) -> Option<Part> {
        let launch = kernel.launch(&dispatch, self.processors, self.shared_limit)?;
        Some(Part {
            kernel,
            dispatch,
            launch,
        })
    }

    /// Whether `kernel` can run `dispatch` here.
    pub fn can_run(&self, kernel: &'static CudaKernel, dispatch: &Dispatch) -> bool {
        self.part(kernel, *dispatch).is_some()
    }

    /// Runs one dispatch by one kernel on copies of `weights` and `arena`; returns the arena. For
    /// tests of kernels: nothing proves that the dispatch stays inside both.
    ///
    /// # Errors
    /// [`Error::Device`] if the kernel cannot run it or the device fails.
    #[doc(hidden)]
    pub fn run_once(
        &self,
        kernel: &'static CudaKernel,
        dispatch: &Dispatch,
        weights: &[u32],
        arena: &[u32],
    ) -> Result<Vec<u32>> {
        let part = self
            .part(kernel, *dispatch)
            .ok_or_else(|| Error::Device(format!("{} cannot run {dispatch:?}", kernel.label())))?;
        let function = self.function(kernel)?;
        let fail = |error| failure(&kernel.label(), error);
        let stream = self.context.new_stream().map_err(fail)?;
        let weights = upload_weights(&stream, weights)?;
        let mut arena = stream.clone_htod(arena).map_err(fail)?;
        launch::launch(&stream, &function, &part, &weights, &mut arena).map_err(fail)?;
        let found = stream.clone_dtoh(&arena).map_err(fail)?;
        stream.synchronize().map_err(fail)?;
        Ok(found)
    }

    pub(super) fn probes(&self) -> bool {
        self.options.probe
    }

    /// The way for each of `dispatches`, measured at its first use on `weights` and `arena`, whose
    /// content is lost. Executors that share the device share the choices, and measure in turn.
    pub(super) fn choose(
        &self,
        stream: &Arc<CudaStream>,
        dispatches: &[Dispatch],
        weights: &CudaSlice<u32>,
        arena: &mut CudaSlice<u32>,
    ) -> Result<Vec<Chosen>> {
        let choices = self.choices.lock();
        let mut choices = choices.unwrap_or_else(PoisonError::into_inner);
        choices.choose(self, stream, dispatches, weights, arena)
    }

    /// Compiles `kernels` on as many threads as the machine has; what fails is for their use to say.
    pub(super) fn prepare(&self, kernels: impl Iterator<Item = &'static CudaKernel>) {
        let mut missing: Vec<&'static CudaKernel> = Vec::new();
        for kernel in kernels {
            let label = kernel.label();
            let known = self.functions().contains_key(&label);
            let known = known || self.left_out().contains_key(&label);
            if !known && !missing.contains(&kernel) {
                missing.push(kernel);
            }
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = missing.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for share in missing.chunks(share) {
                scope.spawn(move || {
                    for kernel in share {
                        let _ = self.function(kernel);
                    }
                });
            }
        });
    }

    /// The compiled kernel, made or found at its first use.
    pub(super) fn function(&self, kernel: &'static CudaKernel) -> Result<CudaFunction> {
        let label = kernel.label();
        let known = self.functions().get(&label).cloned();
        if let Some((function, _)) = known {
            return Ok(function);
        }
        if let Some(reason) = self.left_out().get(&label) {
            return Err(Error::Device(reason.clone()));
        }
        let options = &self.options;
        let load = |image: Image| {
            let loaded = launch::load(&self.context, &image, kernel.kernel, self.shared_limit);
            loaded.map_err(|error| match (failure(&label, error), &image) {
                (Error::Device(text), Image::Ptx(ptx)) => {
                    let log = launch::compiler_log(&self.context, ptx);
                    Error::Device([text, log].join("\n").trim_end().to_owned())
                }
                (error, _) => error,
            })
        };
        let loaded = compile::load(
            kernel,
            self.capability,
            options.kernels,
            options.cache.as_deref(),
            load,
        );
        let (function, origin) = loaded.inspect_err(|error| {
            if let Error::Device(_) = error {
                self.leave_out(label.clone(), error);
            }
        })?;
        let loaded = (function.clone(), origin);
        self.functions().insert(label, loaded);
        Ok(function)
    }

    fn functions(&self) -> MutexGuard<'_, HashMap<String, (CudaFunction, Origin)>> {
        self.functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The weights on the device, with the words to spare that kernels read.
pub(super) fn upload_weights(stream: &Arc<CudaStream>, weights: &[u32]) -> Result<CudaSlice<u32>> {
    let fail = |error| failure("the weights", error);
    let words = weights.len() + CudaKernel::WEIGHTS_SPARE;
    let mut on_device = stream.alloc_zeros(words).map_err(fail)?;
    stream.memcpy_htod(weights, &mut on_device).map_err(fail)?;
    stream.synchronize().map_err(fail)?;
    Ok(on_device)
}

/// What the driver says of an error.
fn told(error: DriverError) -> String {
    let text = |found: Result<&std::ffi::CStr, DriverError>| {
        found.map(|text| text.to_string_lossy().into_owned()).ok()
    };
    match (text(error.error_name()), text(error.error_string())) {
        (Some(name), Some(text)) => format!("{text} ({name})"),
        _ => format!("error {:?}", error.0),
    }
}

/// The library's error for one of the driver during `what`.
pub(super) fn failure(what: &str, error: DriverError) -> Error {
    let text = format!("{what}: {}", told(error));
    match error.0 {
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => Error::OutOfMemory(text),
        // After these the context answers nothing else any more.
        CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
        | CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
        | CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | CUresult::CUDA_ERROR_INVALID_ADDRESS_SPACE
        | CUresult::CUDA_ERROR_INVALID_PC
        | CUresult::CUDA_ERROR_ASSERT
        | CUresult::CUDA_ERROR_LAUNCH_FAILED
        | CUresult::CUDA_ERROR_LAUNCH_TIMEOUT
        | CUresult::CUDA_ERROR_ECC_UNCORRECTABLE
        | CUresult::CUDA_ERROR_NVLINK_UNCORRECTABLE
        | CUresult::CUDA_ERROR_CONTAINED
        | CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR => Error::DeviceLost(text),
        _ => Error::Device(text),
    }
}
