//! From a kernel's source to a function: NVRTC and a cache on disk, or the PTX that is built in.

use std::path::{Path, PathBuf};

use cudarc::driver::CudaFunction;
use intformer_shaders::CudaKernel;
use sha2::{Digest, Sha256};

use super::{
    launch::Image,
    nvrtc::{self, Compiled},
};
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

/// Where a kernel came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// Machine code of NVRTC of this version.
    Compiled(i32, i32),
    /// Built-in PTX.
    BuiltIn,
    /// PTX of NVRTC.
    Ptx,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Compiled(major, minor) => write!(f, "compiled by NVRTC {major}.{minor}"),
            Self::BuiltIn => f.write_str("built-in PTX"),
            Self::Ptx => f.write_str("PTX of the sources"),
        }
    }
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

/// Loads `kernel` by `load`, from where `source` says; also tells where that was.
///
/// # Errors
/// [`Error::Device`] if it cannot be had or loaded.
pub fn load(
    kernel: &'static CudaKernel,
    capability: (i32, i32),
    source: KernelSource,
    cache: Option<&Path>,
    load: impl Fn(Image) -> Result<CudaFunction>,
) -> Result<(CudaFunction, Origin)> {
    if source == KernelSource::Ptx {
        let ptx = compile(kernel.source(), PTX_TARGET)?.image;
        let ptx = String::from_utf8_lossy(&ptx);
        let function = load(Image::Ptx(ptx.trim_end_matches('\0').to_owned()))?;
        return Ok((function, Origin::Ptx));
    }
    let mut compiler = String::new();
    if source != KernelSource::BuiltIn {
        let compiled = nvrtc::version().and_then(|(major, minor)| {
            let image = compiled(kernel, capability, (major, minor), cache)?;
            let function = load(Image::Code(image))?;
            Ok((function, Origin::Compiled(major, minor)))
        });
        match compiled {
            Ok(found) => return Ok(found),
            Err(error) if source == KernelSource::Compiled => return Err(error),
            Err(error) => {
                tracing::debug!("built-in PTX for {}: {error}", kernel.label());
                compiler = format!("; {error}");
            }
        }
    }
    let ptx = kernel.ptx().ok_or_else(|| {
        Error::Device(format!(
            "{}: expected built-in PTX of this source, found none (`cargo xtask cuda-check --write` \
             makes it){compiler}",
            kernel.label()
        ))
    })?;
    let function = load(Image::Ptx(ptx.to_owned()))?;
    Ok((function, Origin::BuiltIn))
}

/// Machine code for the card: out of the cache, or compiled and put there.
fn compiled(
    kernel: &CudaKernel,
    (major, minor): (i32, i32),
    (nvrtc_major, nvrtc_minor): (i32, i32),
    cache: Option<&Path>,
) -> Result<Vec<u8>> {
    let arch = format!("sm_{major}{minor}");
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
    nvrtc::compile(source, arch, OPTIONS)
}
