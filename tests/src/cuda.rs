//! The CUDA device of tests: the card of this machine, or the emulator where there is none.
#![allow(unsafe_code, reason = "loading a library runs its initializers")]

use std::{path::Path, sync::OnceLock};

use intformer::runtime::cuda::{Device, KernelSource, Options};

use crate::emulator;

/// Options for tests: nothing kept, nothing measured; machine code of NVRTC if `INTFORMER_KERNELS` is
/// `compiled` (which a card takes), else PTX of the sources as they are where `INTFORMER_NVRTC` names
/// a compiler, else built-in.
pub fn options() -> Options {
    let compiled = std::env::var("INTFORMER_KERNELS").is_ok_and(|kernels| kernels == "compiled");
    Options {
        kernels: match nvrtc() {
            _ if compiled => KernelSource::Compiled,
            true => KernelSource::Ptx,
            false => KernelSource::BuiltIn,
        },
        cache: None,
        probe: false,
        ..Options::default()
    }
}

/// Whether `INTFORMER_NVRTC` names NVRTC's library, which is then taken.
pub fn nvrtc() -> bool {
    std::env::var_os("INTFORMER_NVRTC").is_some_and(|path| !path.is_empty())
}

/// Opens the card, or the emulator where there is no card or `INTFORMER_CUDA` is `emulated`; not where
/// it is `card`.
///
/// # Errors
/// If neither opens.
pub fn open(options: &Options) -> intformer::Result<Device> {
    static EMULATED: OnceLock<bool> = OnceLock::new();
    EMULATED.get_or_init(|| {
        let emulated = match std::env::var("INTFORMER_CUDA").as_deref() {
            Ok("emulated") => true,
            Ok("card") => false,
            _ => !emulator::has_card(),
        };
        if emulated {
            load(&emulator::library().expect("cargo builds the emulator"))
                .expect("the emulator loads");
        }
        emulated
    });
    let device = Device::open(options)?;
    eprintln!("CUDA kernels run on {}", device.describe());
    Ok(device)
}

/// Loads the library at `path` for as long as the process lives: whoever asks for it by its name
/// afterwards gets this one.
fn load(path: &Path) -> Result<(), String> {
    // SAFETY: the emulator has no initializers that do anything.
    let library = unsafe { libloading::Library::new(path) };
    let library = library.map_err(|error| format!("{}: {error}", path.display()))?;
    std::mem::forget(library);
    Ok(())
}
