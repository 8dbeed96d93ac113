//! NVRTC, NVIDIA's compiler of CUDA C, loaded when it is first asked for. cudarc has a loader too,
//! which does not find that of CUDA 13.
#![allow(
    unsafe_code,
    reason = "calls a C library; each place says why that is sound"
)]

use std::{
    ffi::{CStr, CString, OsString, c_char, c_int, c_void},
    ptr::{null, null_mut},
    sync::OnceLock,
};

use libloading::Library;

use super::launch;
use crate::{Error, Result};

/// The variable of the environment that names the library's file, for one that the system does not
/// find by its name.
const VARIABLE: &str = "INTFORMER_NVRTC";

/// What a program is to NVRTC.
type Program = *mut c_void;

/// The C interface, as declared in NVIDIA's `nvrtc.h`. Functions give 0, or the number of an error.
struct Nvrtc {
    version: (i32, i32),
    create: unsafe extern "C" fn(
        *mut Program,
        source: *const c_char,
        name: *const c_char,
        headers: c_int,
        *const *const c_char,
        *const *const c_char,
    ) -> c_int,
    destroy: unsafe extern "C" fn(*mut Program) -> c_int,
    compile: unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int,
    ptx: Text,
    cubin: Text,
    log: Text,
    error: unsafe extern "C" fn(c_int) -> *const c_char,
    // Goes last: the functions are its.
    _library: Library,
}

/// Two functions: one gives the size of a text, the other the text.
#[derive(Clone, Copy)]
struct Text {
    size: unsafe extern "C" fn(Program, *mut usize) -> c_int,
    get: unsafe extern "C" fn(Program, *mut c_char) -> c_int,
}

/// What NVRTC made of a source.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Machine code, or the text of PTX.
    pub image: Vec<u8>,
    /// What the compiler printed; of machine code also the registers, and bytes that were spilled.
    pub log: String,
}

/// Major and minor version of NVRTC.
///
/// # Errors
/// [`Error::Device`] if it is not installed, or older than 11.2.
pub fn version() -> Result<(i32, i32)> {
    Ok(nvrtc()?.version)
}

/// Compiles a source for `arch`: machine code for the likes of `sm_90`, PTX for the likes of
/// `compute_80`.
///
/// # Errors
/// [`Error::Device`] if NVRTC is not installed or refuses the source.
pub fn compile(source: &str, arch: &str, options: &[&str]) -> Result<Compiled> {
    let nvrtc = nvrtc()?;
    let text = |text: &str| {
        CString::new(text).map_err(|_| Error::Device("expected a text without a zero byte".into()))
    };
    let source = text(source)?;
    let to_ptx = arch.starts_with("compute_");
    let arch = format!("--gpu-architecture={arch}");
    let mut options: Vec<&str> = options.iter().copied().chain([&arch[..]]).collect();
    if !to_ptx {
        options.push("--ptxas-options=-v");
    }
    let options: Vec<CString> = options.into_iter().map(text).collect::<Result<_>>()?;
    let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();

    let mut program = null_mut();
    // SAFETY: the source outlives the call, which copies it; there are no headers.
    let created =
        unsafe { (nvrtc.create)(&mut program, source.as_ptr(), null(), 0, null(), null()) };
    nvrtc.check(created)?;
    // SAFETY: the program is live until it is destroyed below; the options outlive the call.
    let made = unsafe {
        let compiled = (nvrtc.compile)(program, pointers.len() as c_int, pointers.as_ptr());
        let log = nvrtc.text(program, nvrtc.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log)
            .trim_end_matches('\0')
            .to_owned();
        nvrtc
            .check(compiled)
            .map_err(|error| Error::Device(format!("{error}: {log}")))
            .and_then(|()| nvrtc.text(program, if to_ptx { nvrtc.ptx } else { nvrtc.cubin }))
            .map(|image| Compiled { image, log })
    };
    // SAFETY: made above and used no more.
    let destroyed = nvrtc.check(unsafe { (nvrtc.destroy)(&mut program) });
    let made = made?;
    destroyed?;
    Ok(made)
}

impl Nvrtc {
    /// # Errors
    /// NVRTC's words for an error.
    fn check(&self, code: c_int) -> Result<()> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: gives a text that stays, for every number.
        let text = unsafe { CStr::from_ptr((self.error)(code)) };
        Err(Error::Device(format!(
            "NVRTC says {}",
            text.to_string_lossy()
        )))
    }

    /// # Safety
    /// `program` is live.
    unsafe fn text(&self, program: Program, of: Text) -> Result<Vec<u8>> {
        let mut size = 0;
        // SAFETY: as the caller promises; the buffer has the size asked for.
        unsafe {
            self.check((of.size)(program, &mut size))?;
            let mut bytes = vec![0u8; size];
            self.check((of.get)(program, bytes.as_mut_ptr().cast()))?;
            Ok(bytes)
        }
    }
}

/// The library, loaded once.
fn nvrtc() -> Result<&'static Nvrtc> {
    static LOADED: OnceLock<Result<Nvrtc, String>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| {
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            let shown = path.display().to_string();
            return load(path)
                .map_err(|error| format!("expected NVRTC in {VARIABLE}={shown}: {error}"));
        }
        let driver_major = match launch::has_driver() {
            true => launch::driver_version() / 1000,
            false => i32::MAX,
        };
        let mut found = format!(
            "expected NVRTC (libnvrtc of CUDA 11.2 or newer, or its file in {VARIABLE}), found none"
        );
        for name in names(driver_major) {
            match load(name.into()) {
                Ok(nvrtc) => return Ok(nvrtc),
                Err(LoadError::Unusable(text)) => found = text,
                Err(LoadError::Absent(_)) => {}
            }
        }
        Err(found)
    });
    loaded.as_ref().map_err(|text| Error::Device(text.clone()))
}

/// Names of the library, the likeliest first: drivers do not run what a newer CUDA compiles.
fn names(driver_major: i32) -> Vec<&'static str> {
    let known = if cfg!(windows) {
        [
            (13, "nvrtc64_130_0.dll"),
            (12, "nvrtc64_120_0.dll"),
            (11, "nvrtc64_112_0.dll"),
        ]
    } else {
        [
            (13, "libnvrtc.so.13"),
            (12, "libnvrtc.so.12"),
            (11, "libnvrtc.so.11.2"),
        ]
    };
    let (fitting, newer): (Vec<_>, Vec<_>) = known
        .into_iter()
        .partition(|&(major, _)| major <= driver_major);
    let any = if cfg!(windows) {
        "nvrtc.dll"
    } else {
        "libnvrtc.so"
    };
    let names = fitting.into_iter().chain(newer).map(|(_, name)| name);
    names.chain([any]).collect()
}

/// Why a library was not taken.
enum LoadError {
    /// There is none of this name.
    Absent(String),
    /// It lacks what is called, or is too old.
    Unusable(String),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent(text) | Self::Unusable(text) => f.write_str(text),
        }
    }
}

fn load(name: OsString) -> Result<Nvrtc, LoadError> {
    let shown = name.display().to_string();
    // SAFETY: NVRTC's initializers are NVIDIA's.
    let library =
        unsafe { Library::new(&name) }.map_err(|error| LoadError::Absent(error.to_string()))?;
    let lacks = |error: libloading::Error| {
        LoadError::Unusable(format!("expected all of NVRTC in {shown}: {error}"))
    };
    // SAFETY: the types are those of `nvrtc.h`, the same since CUDA 11.2; the functions stay as long
    // as the library.
    unsafe {
        let nvrtc_version: unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int =
            *library.get("nvrtcVersion").map_err(lacks)?;
        let mut version = (0, 0);
        nvrtc_version(&mut version.0, &mut version.1);
        if version < (11, 2) {
            return Err(LoadError::Unusable(format!(
                "expected NVRTC 11.2 or newer, found {shown} of {}.{}",
                version.0, version.1
            )));
        }
        Ok(Nvrtc {
            version,
            create: *library.get("nvrtcCreateProgram").map_err(lacks)?,
            destroy: *library.get("nvrtcDestroyProgram").map_err(lacks)?,
            compile: *library.get("nvrtcCompileProgram").map_err(lacks)?,
            ptx: Text {
                size: *library.get("nvrtcGetPTXSize").map_err(lacks)?,
                get: *library.get("nvrtcGetPTX").map_err(lacks)?,
            },
            cubin: Text {
                size: *library.get("nvrtcGetCUBINSize").map_err(lacks)?,
                get: *library.get("nvrtcGetCUBIN").map_err(lacks)?,
            },
            log: Text {
                size: *library.get("nvrtcGetProgramLogSize").map_err(lacks)?,
                get: *library.get("nvrtcGetProgramLog").map_err(lacks)?,
            },
            error: *library.get("nvrtcGetErrorString").map_err(lacks)?,
            _library: library,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_compiler_that_the_driver_understands_comes_first() {
        assert!(names(11)[0].contains("11"));
        assert!(names(12)[0].contains("12"));
        assert!(names(13)[0].contains("13"));
        assert_eq!(names(11).len(), names(99).len());
    }
}
