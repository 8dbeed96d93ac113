//! From a kernel's source to a function: NVRTC and a cache on disk, or the PTX that is built in.
#![allow(
    unsafe_code,
    reason = "NVRTC gives machine code through raw buffers, which cudarc does not wrap"
)]

use std::{
    ffi::CString,
    path::{Path, PathBuf},
};

use cudarc::{
    driver::{CudaFunction, DriverError},
    nvrtc::{Ptx, result, sys},
};
use intformer_shaders::CudaKernel;
use sha2::{Digest, Sha256};

use super::device::failure;
use crate::{Error, Result, file};

/// What PTX is made for: the oldest generation, newer ones run it too.
pub const PTX_TARGET: &str = "compute_80";

/// Where compiled kernels come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KernelSource {
    /// Compiled for the card by NVRTC where it is installed, else built-in PTX.
    #[default]
    Auto,
    /// Compiled by NVRTC.
    Compiled,
    /// Built-in PTX, which the driver compiles.
    BuiltIn,
    /// PTX that NVRTC makes of the sources, which the driver compiles: for kernels under change, also
    /// on an emulator.
    Ptx,
}

/// The user's folder for compiled kernels, if the system has one.
pub fn user_cache() -> Option<PathBuf> {
    let from = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = from("XDG_CACHE_HOME")
        .or_else(|| from("LOCALAPPDATA"))
        .or_else(|| Some(from("HOME")?.join(".cache")))?;
    Some(base.join("intformer/cuda"))
}

/// Loads `kernel` by `load`, from where `source` says.
///
/// # Errors
/// [`Error::Device`] if it cannot be had or loaded.
pub fn load(
    kernel: &'static CudaKernel,
    capability: (i32, i32),
    source: KernelSource,
    cache: Option<&Path>,
    load: impl Fn(Ptx) -> Result<CudaFunction, DriverError>,
) -> Result<CudaFunction> {
    if source == KernelSource::Ptx {
        let ptx = compile(kernel.source(), PTX_TARGET)?.image;
        let ptx = String::from_utf8_lossy(&ptx);
        let ptx = Ptx::from_src(ptx.trim_end_matches('\0'));
        return load(ptx).map_err(|error| failure(&kernel.label(), error));
    }
    if source != KernelSource::BuiltIn {
        let compiled = compiled(kernel, capability, cache).and_then(|image| {
            load(Ptx::from_binary(image)).map_err(|error| failure(&kernel.label(), error))
        });
        match compiled {
            Ok(function) => return Ok(function),
            Err(error) if source == KernelSource::Compiled => return Err(error),
            Err(error) => tracing::debug!("built-in PTX for {}: {error}", kernel.label()),
        }
    }
    let ptx = kernel.ptx().ok_or_else(|| {
        Error::Device(format!(
            "{}: expected NVRTC (libnvrtc) or built-in PTX of this source, found neither: \
             `cargo xtask cuda-check --write` makes the PTX",
            kernel.label()
        ))
    })?;
    load(Ptx::from_src(ptx)).map_err(|error| failure(&kernel.label(), error))
}

/// Machine code for the card: out of the cache, or compiled and put there.
fn compiled(
    kernel: &CudaKernel,
    (major, minor): (i32, i32),
    cache: Option<&Path>,
) -> Result<Vec<u8>> {
    let arch = format!("sm_{major}{minor}");
    let (nvrtc_major, nvrtc_minor) = version()?;
    let name = format!(
        "{}-{:016x}-{arch}-nvrtc{nvrtc_major}.{nvrtc_minor}-{CACHE}.cubin",
        kernel.label().replace('/', "-"),
        kernel.hash
    );
    let path = cache.map(|folder| folder.join(name));
    if let Some(found) = path.as_deref().and_then(kept) {
        return Ok(found);
    }
    let image = compile(kernel.source(), &arch)?.image;
    if let Some(path) = path
        && let Err(error) = keep(&path, &image)
    {
        tracing::debug!("the compiled kernel was not kept: {error}");
    }
    Ok(image)
}

/// Machine code out of the cache, if it is what was put there: the driver would run whatever it is
/// given.
fn kept(path: &Path) -> Option<Vec<u8>> {
    let mut image = std::fs::read(path).ok()?;
    let digest = image.split_off(image.len().checked_sub(DIGEST)?);
    (Sha256::digest(&image)[..] == digest[..]).then_some(image)
}

/// Bytes of the digest behind the machine code.
const DIGEST: usize = 32;

fn keep(path: &Path, image: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    }
    let bytes = [image, &Sha256::digest(image)].concat();
    file::replace(path, &bytes)
}

/// The version of NVRTC.
///
/// # Errors
/// [`Error::Device`] if it is not installed.
pub fn version() -> Result<(i32, i32)> {
    if !has_nvrtc() {
        return Err(Error::Device(
            "expected NVRTC (libnvrtc), found none".into(),
        ));
    }
    let (mut major, mut minor) = (0, 0);
    // SAFETY: writes the two numbers; the library is present.
    unsafe { sys::nvrtcVersion(&mut major, &mut minor) }
        .result()
        .map_err(|error| Error::Device(format!("NVRTC: {:?}", error.0)))?;
    if (major, minor) < (11, 1) {
        return Err(Error::Device(format!(
            "expected NVRTC 11.1 or newer, found {major}.{minor}"
        )));
    }
    Ok((major, minor))
}

/// What NVRTC made of a source.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Machine code, or the text of PTX.
    pub image: Vec<u8>,
    /// What the compiler printed; of machine code also the registers, and bytes that were spilled.
    pub log: String,
}

/// What NVRTC is told of every kernel. Kept code is not asked for these: change `CACHE` with them.
const OPTIONS: &[&str] = &["--std=c++17", "--device-as-default-execution-space"];

/// The version of what is kept.
const CACHE: u32 = 1;

/// Compiles the source of a kernel for `arch`: machine code for the likes of `sm_90`, PTX for the
/// likes of `compute_80`.
///
/// # Errors
/// [`Error::Device`] if NVRTC is not installed or refuses the source.
pub fn compile(source: &str, arch: &str) -> Result<Compiled> {
    version()?;
    let said = |error: result::NvrtcError| Error::Device(format!("NVRTC says {:?}", error.0));
    let text = CString::new(source)
        .map_err(|_| Error::Device("expected a source without a zero byte".into()))?;
    let program = result::create_program(&text, None).map_err(said)?;
    let mut options: Vec<String> = OPTIONS.iter().map(|&option| option.to_owned()).collect();
    options.push(format!("--gpu-architecture={arch}"));
    let to_ptx = arch.starts_with("compute_");
    if !to_ptx {
        options.push("--ptxas-options=-v".to_owned());
    }
    // SAFETY: `program` is live until it is destroyed below; buffers have the sizes asked for.
    let made = unsafe {
        result::compile_program(program, &options)
            .map_err(|error| Error::Device(format!("NVRTC says {:?}: {}", error.0, log(program))))
            .and_then(|()| {
                let mut size = 0;
                let asked = if to_ptx {
                    sys::nvrtcGetPTXSize(program, &mut size)
                } else {
                    sys::nvrtcGetCUBINSize(program, &mut size)
                };
                asked.result().map_err(said)?;
                let mut image = vec![0u8; size];
                let to = image.as_mut_ptr().cast();
                let given = if to_ptx {
                    sys::nvrtcGetPTX(program, to)
                } else {
                    sys::nvrtcGetCUBIN(program, to)
                };
                given.result().map_err(said)?;
                let log = log(program);
                Ok(Compiled { image, log })
            })
    };
    // SAFETY: made above and used no more.
    unsafe { result::destroy_program(program) }.map_err(said)?;
    made
}

/// Whether NVRTC is on this machine.
fn has_nvrtc() -> bool {
    // SAFETY: loads NVRTC's library, whose initializers are NVIDIA's.
    unsafe { sys::is_culib_present() }
}

/// What the compiler printed.
///
/// # Safety
/// `program` is live.
unsafe fn log(program: sys::nvrtcProgram) -> String {
    // SAFETY: as the caller promises.
    let bytes = unsafe { result::get_program_log(program) }.unwrap_or_default();
    let bytes: Vec<u8> = bytes.iter().map(|&byte| byte as u8).collect();
    String::from_utf8_lossy(&bytes)
        .trim_end_matches('\0')
        .to_owned()
}
