//! The table of CUDA kernels, what each can run, and how it is launched.

use std::{ops::Range, sync::LazyLock};

use crate::{Dispatch, ptx_header};

include!(concat!(env!("OUT_DIR"), "/cuda.rs"));

/// All sources, one after the other.
static SOURCES: LazyLock<String> =
    LazyLock::new(|| inflated(include_bytes!(concat!(env!("OUT_DIR"), "/cuda.deflate"))));

/// The PTX of all kernels, each after its [`ptx_header`].
static PTX: LazyLock<String> = LazyLock::new(|| inflated(include_bytes!("ptx.deflate")));

fn inflated(bytes: &[u8]) -> String {
    let bytes = miniz_oxide::inflate::decompress_to_vec(bytes).expect("it was deflated");
    String::from_utf8(bytes).expect("it was text")
}

/// Bytes of shared memory that products declare by themselves, for the table, beside
/// [`Launch::shared_bytes`].
const STATIC_SHARED: u32 = 256;

/// One CUDA kernel: a variant of a kernel of the contract.
///
/// Its entry point has the kernel's name and takes the weights, the arena and the parameters
/// ([`Dispatch::words`]) by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaKernel {
    /// The kernel's name, one of [`Dispatch::NAMES`].
    pub kernel: &'static str,
    /// The variant's name, unique within the kernel.
    pub variant: &'static str,
    /// What the source was made with (`#pragma variant`).
    pub constants: &'static [(&'static str, u32)],
    /// A number that changes with the source.
    pub hash: u64,
    /// Whether PTX of this very source is at hand.
    has_ptx: bool,
    /// Where its text is in [`SOURCES`].
    source: Range<usize>,
}

/// The extents of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks in x and y.
    pub grid: [u32; 2],
    /// Threads of a block.
    pub threads: u32,
    /// Bytes of dynamic shared memory.
    pub shared_bytes: u32,
}

/// The blocks of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// In x and y.
    pub blocks: [u64; 2],
    /// Bytes of dynamic shared memory of each.
    pub shared_bytes: u32,
}

impl Grid {
    /// So many in a row, without dynamic shared memory.
    pub fn of(blocks: u64) -> Self {
        Self {
            blocks: [blocks, 1],
            shared_bytes: 0,
        }
    }

    /// The same with so many bytes of dynamic shared memory.
    pub fn with_shared(self, shared_bytes: u32) -> Self {
        Self {
            shared_bytes,
            ..self
        }
    }
}

impl CudaKernel {
    /// Threads of a warp.
    pub const LANES: u32 = 32;

    /// Words that must follow the weights on the device: the parameters of four channels are read
    /// at once, also where the last four are not whole.
    pub const WEIGHTS_SPARE: usize = 8;

    /// All variants of a kernel.
    pub fn of(kernel: &str) -> impl Iterator<Item = &'static CudaKernel> {
        CUDA_KERNELS
            .iter()
            .filter(move |variant| variant.kernel == kernel)
    }

    /// The CUDA C text.
    pub fn source(&self) -> &'static str {
        &SOURCES[self.source.clone()]
    }

    /// PTX for compute capability 8.0 and newer, if it was made of this source: by
    /// `cargo xtask cuda-check --write`.
    pub fn ptx(&self) -> Option<&'static str> {
        if !self.has_ptx {
            return None;
        }
        let header = ptx_header(&self.label(), self.hash);
        let (_, rest) = PTX.split_once(&header)?;
        Some(rest.split_once("////").map_or(rest, |(ptx, _)| ptx))
    }

    /// `kernel/variant`, as in reports.
    pub fn label(&self) -> String {
        format!("{}/{}", self.kernel, self.variant)
    }

    /// A constant that the variant was made with; 1 if it has none of this name.
    pub fn constant(&self, name: &str) -> u32 {
        let found = self
            .constants
            .iter()
            .find(|(constant, _)| *constant == name);
        found.map_or(1, |&(_, value)| value)
    }

    /// The launch of `dispatch` on a device with `processors` multiprocessors, whose blocks have at
    /// most `shared_limit` bytes of shared memory; `None` if the variant cannot run it.
    pub fn launch(
        &self,
        dispatch: &Dispatch,
        processors: u32,
        shared_limit: u32,
    ) -> Option<Launch> {
        if self.kernel != dispatch.name() {
            return None;
        }
        let Grid {
            blocks: [x, y],
            shared_bytes,
        } = dispatch.grid(self, processors)?;
        let fits = x < 1 << 31 && y < 1 << 16 && shared_bytes + STATIC_SHARED <= shared_limit;
        fits.then(|| Launch {
            grid: [x as u32, y as u32],
            threads: self.threads(),
            shared_bytes,
        })
    }

    /// The product of some constants.
    pub(crate) fn product(&self, names: &[&str]) -> u32 {
        names.iter().map(|name| self.constant(name)).product()
    }
}
