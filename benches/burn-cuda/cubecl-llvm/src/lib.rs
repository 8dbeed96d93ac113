//! Stands in for the LLVM compiler of CubeCL: what `cubecl-cuda` names of it, and nothing behind.
//!
//! `cubecl-cuda` always links both of its compilers; its feature `cpp` makes NVRTC the one that is
//! used. Then no function here is called but [`PtxVersion::for_driver`](nvptx::ptx_version::PtxVersion).

use std::ffi::c_char;

use cubecl_core::{ir::nvidia::SmArch, prelude::KernelDefinition};
use cubecl_environment::backtrace::BackTrace;
use cubecl_server::{compiler::CompilationError, kernel::BufferIOAttr};
use nvptx::ptx_version::PtxVersion;

pub mod nvptx {
    //! What concerns NVIDIA's intermediate code.

    pub mod ptx_version {
        //! Its versions.

        use std::fmt;

        /// A version that a driver loads, which only LLVM would have to know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct PtxVersion;

        impl PtxVersion {
            /// None: no code is made here.
            pub fn for_driver(_driver: i32) -> Option<Self> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("none")
            }
        }
    }
}

pub mod shared {
    //! What compilers for several targets share.

    pub mod lowered_features {
        //! What of a device this compiler makes use of.

        use cubecl_core::ir::DeviceProperties;

        /// A kind of device.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Leaves `properties` as they are: another compiler makes use of them.
        pub fn restrict_features(_properties: &mut DeviceProperties, _target: GpuTarget) {}
    }
}

/// What is compiled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LlvmTarget {
    /// NVIDIA's intermediate code.
    #[default]
    Nvptx,
}

/// How to compile.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// The processor, for targets that are none of NVIDIA's.
    pub arch: Option<String>,
    /// The card's architecture.
    pub sm_arch: Option<SmArch>,
    /// The version of the intermediate code.
    pub ptx_version: Option<PtxVersion>,
    /// Whether a launch passes its parameters by value.
    pub grid_constants: bool,
}

/// A compiled kernel, which nothing here makes.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// Intermediate code.
    pub ptx: Vec<c_char>,
    /// Bytes of shared memory of a launch.
    pub shared_memory_size: usize,
    /// How it uses its buffers.
    pub io: Vec<BufferIOAttr>,
    /// Text of what was compiled.
    pub ir: String,
}

/// What a compiler makes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PlironArtifact {
    /// A kernel for NVIDIA's cards.
    NvptxCode(NvptxModule),
}

/// A compiler that refuses.
#[derive(Clone, Debug, Default)]
pub struct PlironCompiler {
    /// What it would compile for.
    pub target: LlvmTarget,
}

impl PlironCompiler {
    /// Refuses.
    ///
    /// # Errors
    /// Always: this build has no LLVM.
    pub fn compile(
        &mut self,
        _kernel: KernelDefinition,
        _options: &PlironOptions,
    ) -> Result<PlironArtifact, CompilationError> {
        Err(CompilationError::Generic {
            reason: "expected NVRTC (the feature `cuda-cpp` of cubecl), found a build without LLVM"
                .into(),
            backtrace: BackTrace::capture(),
        })
    }

    /// The language that would be made.
    pub fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
