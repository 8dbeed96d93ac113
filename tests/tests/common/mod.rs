//! One device for a test binary, and the comparison of a kernel with its twin.

use std::cell::RefCell;
use std::sync::{Mutex, OnceLock, PoisonError};

use intformer::runtime::cpu::Kernels;
#[cfg(feature = "cuda")]
use intformer::runtime::cuda::Device;
use intformer::runtime::wgpu::{AdapterChoice, Gpu, Options};
#[cfg(feature = "cuda")]
use intformer_shaders::CudaKernel;
use intformer_shaders::{Dispatch, Shader};
use intformer_tests::cases::Case;

thread_local! {
    /// The kernels of the CPU executor, whose room is used again by every case.
    static CPU: RefCell<Kernels> = RefCell::default();
}

/// Options with the adapter that `INTFORMER_ADAPTER` names, if it does.
pub fn options() -> Options {
    let name = std::env::var("INTFORMER_ADAPTER");
    Options {
        adapter: name.map_or_else(|_| AdapterChoice::Any, AdapterChoice::Named),
        ..Options::default()
    }
}

/// The device, or `None` where there is no adapter and that is allowed.
pub fn gpu() -> Option<&'static Mutex<Gpu>> {
    static GPU: OnceLock<Option<Mutex<Gpu>>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| match Gpu::open_blocking(&options()) {
        Ok(gpu) => {
            eprintln!("kernels run on {}", gpu.describe());
            Some(Mutex::new(gpu))
        }
        Err(error) if std::env::var_os("INTFORMER_ALLOW_NO_ADAPTER").is_some() => {
            eprintln!("NOT RUN: no kernel was tested: {error}");
            None
        }
        Err(error) => panic!(
            "no kernel can be tested: {error} (install mesa-vulkan-drivers for a software \
                 adapter, or set INTFORMER_ALLOW_NO_ADAPTER to pass without testing)"
        ),
    });
    gpu.as_ref()
}

/// The CUDA device: the card, or the emulator.
#[cfg(feature = "cuda")]
pub fn cuda() -> &'static Mutex<Device> {
    static CUDA: OnceLock<Mutex<Device>> = OnceLock::new();
    CUDA.get_or_init(|| {
        let device = intformer_tests::cuda::open(&intformer_tests::cuda::options());
        Mutex::new(device.unwrap_or_else(|error| panic!("no CUDA kernel can be tested: {error}")))
    })
}

/// Runs the CPU kernel and every variant that fits, of WGSL and of CUDA, and compares the whole
/// arena with the twin's.
pub fn check(mut case: Case) {
    let dispatch = case.dispatch;
    let start = case.arena.clone();
    dispatch.run_twin(&case.weights, &mut case.arena);
    let mut found = start.clone();
    CPU.with_borrow_mut(|cpu| cpu.run(&dispatch, &case.weights, &mut found));
    compare(&case, "cpu", &found, &start, &dispatch);
    #[cfg(feature = "cuda")]
    check_cuda(&case, &start, &dispatch);
    let Some(gpu) = gpu() else { return };
    let gpu = gpu.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fitting = 0;
    for shader in Shader::of(dispatch.name()) {
        if !shader.fits(&dispatch) || !gpu.supports(shader) {
            continue;
        }
        fitting += 1;
        let found = gpu
            .run_once_blocking(shader, &dispatch, &case.weights, &start)
            .unwrap_or_else(|error| panic!("{error}"));
        compare(&case, &shader.label(), &found, &start, &dispatch);
    }
    assert!(fitting > 0, "no variant fits {dispatch:?}");
}

#[cfg(feature = "cuda")]
fn check_cuda(case: &Case, start: &[u32], dispatch: &Dispatch) {
    let device = cuda().lock().unwrap_or_else(PoisonError::into_inner);
    let mut fitting = 0;
    for kernel in CudaKernel::of(dispatch.name()) {
        if !device.can_run(kernel, dispatch) {
            continue;
        }
        fitting += 1;
        let found = device
            .run_once(kernel, dispatch, &case.weights, start)
            .unwrap_or_else(|error| panic!("{error}"));
        let label = format!("cuda {}", kernel.label());
        compare(case, &label, &found, start, dispatch);
    }
    assert!(fitting > 0, "no CUDA kernel fits {dispatch:?}");
}

/// Fails if `found` is not the arena that the twin made of `start`.
fn compare(case: &Case, kernel: &str, found: &[u32], start: &[u32], dispatch: &Dispatch) {
    let different = case.different(found);
    if let Some(&first) = different.first() {
        panic!(
            "{kernel}: {} words differ, the first at {first}: twin {:08x}, found {:08x}, before \
             {:08x}; {dispatch:?}",
            different.len(),
            case.arena[first],
            found[first],
            start[first],
        );
    }
}
