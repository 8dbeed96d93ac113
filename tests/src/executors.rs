//! Executors on one device for a whole test binary.

use std::sync::{Arc, OnceLock};

#[cfg(feature = "cuda")]
use intformer::runtime::cuda::{Cuda, Device};
use intformer::{
    plan::Program,
    runtime::wgpu::{Gpu, Options, Wgpu},
};

/// An executor that takes the likely variants: `kernels.rs` compares every variant of every kernel.
///
/// # Panics
/// If there is no adapter.
pub fn wgpu(program: Arc<Program>) -> Wgpu {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    let options = || Options {
        probe: std::time::Duration::ZERO,
        ..Options::default()
    };
    let open = || Arc::new(Gpu::open_blocking(&options()).expect("an adapter, if a software one"));
    let gpu = Arc::clone(GPU.get_or_init(open));
    pollster::block_on(Wgpu::on(gpu, program, options())).expect("room for the weights")
}

/// An executor on a card or on the emulator.
///
/// # Panics
/// If there is neither.
#[cfg(feature = "cuda")]
pub fn cuda(program: Arc<Program>) -> Cuda {
    static DEVICE: OnceLock<Arc<Device>> = OnceLock::new();
    let open = || {
        let device = crate::cuda::open(&crate::cuda::options());
        Arc::new(device.expect("a card or the emulator"))
    };
    Cuda::on(Arc::clone(DEVICE.get_or_init(open)), program).expect("room for the weights")
}
