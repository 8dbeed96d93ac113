//! The table of CUDA kernels, what each can run, and how it is launched.

use std::{ops::Range, sync::LazyLock};

use crate::{Dispatch, ptx_header};

include!(concat!(env!("OUT_DIR"), "/cuda.rs"));

/// All sources, one after the other.
static SOURCES: LazyLock<String> =
    LazyLock::new(|| inflated(include_bytes!(concat!(env!("OUT_DIR"), "/cuda.deflate"))));

/// The PTX of all kernels, each after its [`ptx_header`].
static PTX: LazyLock<String> = LazyLock::new(|| inflated(include_bytes!("../cuda/ptx.deflate")));

fn inflated(bytes: &[u8]) -> String {
    let bytes = miniz_oxide::inflate::decompress_to_vec(bytes).expect("it was deflated");
    String::from_utf8(bytes).expect("it was text")
}

/// Threads of a warp.
const LANES: u32 = 32;

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
    /// What the source was made with (`cuda/variants`).
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

impl CudaKernel {
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

    /// Threads of a block.
    pub fn threads(&self) -> u32 {
        match self.kernel {
            "linear" | "norm_linear" => {
                LANES * self.product(&["ROW_WARPS", "COL_WARPS", "K_WARPS"])
            }
            "layer_norm" | "window_attention" | "shift_gelu" => LANES * self.constant("WARPS"),
            "mean_pool" => self.product(&["COLS", "PARTS"]),
            _ => self.constant("THREADS"),
        }
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
        let threads = self.threads();
        // (blocks in x, blocks in y, bytes of dynamic shared memory)
        let (x, y, shared) = match dispatch {
            Dispatch::PatchGather(p) => {
                let words = u64::from(p.rows) * u64::from(p.k_words);
                (words.div_ceil(u64::from(threads)), 1, 0)
            }
            Dispatch::Linear(p) => {
                let [rows, cols] = self.tile();
                let tiles = u64::from(p.rows.div_ceil(rows)) * u64::from(p.cols.div_ceil(cols));
                let stages = (rows + cols) * self.product(&["TILE_K", "STAGES"]);
                (tiles, 1, stages.max(self.sums_bytes()))
            }
            Dispatch::NormLinear(p) => {
                if p.norm_channels.div_ceil(4 * LANES) > self.constant("GROUPS") {
                    return None;
                }
                let [rows, cols] = self.tile();
                let blocks = p.rows.div_ceil(rows);
                let tiles = p.cols.div_ceil(cols);
                // Enough blocks for every multiprocessor, each with as many tiles as that leaves it.
                let wanted = (2 * processors).div_ceil(blocks).clamp(1, tiles);
                let input = rows * (4 * p.k_words).next_multiple_of(self.constant("TILE_K"));
                let stages = cols * self.product(&["TILE_K", "STAGES"]);
                (
                    u64::from(blocks),
                    tiles.div_ceil(tiles.div_ceil(wanted)),
                    input + stages.max(self.sums_bytes()),
                )
            }
            Dispatch::LayerNorm(p) => {
                let parts = if p.gather == crate::params::gather::MERGE {
                    4
                } else {
                    1
                };
                let row_lanes = self.constant("ROW_LANES");
                let most = 4 * row_lanes * self.constant("GROUPS");
                if most > 0 && parts * p.channels > most {
                    return None;
                }
                (u64::from(p.rows.div_ceil(threads / row_lanes)), 1, 0)
            }
            Dispatch::WindowAttention(p) => {
                let tokens = p.window_height * p.window_width;
                let [keys, padded, bytes] =
                    ["KEYS", "TOKENS", "HEAD_BYTES"].map(|name| self.constant(name));
                let places = (2 * p.window_height - 1) * (2 * p.window_width - 1);
                if tokens > keys || 4 * p.head_words > bytes {
                    return None;
                }
                let windows: u64 = p.windows().map(u64::from).iter().product();
                let blocks = u64::from(p.batch) * windows * u64::from(p.heads);
                // Queries, keys, turned values, tokens, exponentials, position bias.
                let shared =
                    2 * padded * bytes + bytes * (padded + 16) + 8 * padded + 256 + 4 * places;
                (blocks, 1, shared)
            }
            Dispatch::ShiftGelu(p) => (u64::from(p.rows.div_ceil(self.constant("WARPS"))), 1, 0),
            #[cfg(feature = "comparison")]
            Dispatch::FloatGelu(p) => {
                let pieces = u64::from(p.rows) * u64::from(p.k_words / 4);
                (pieces.div_ceil(u64::from(threads)), 1, 0)
            }
            Dispatch::MeanPool(p) => {
                let blocks = p.stride.div_ceil(self.constant("COLS"));
                (u64::from(p.batch) * u64::from(blocks), 1, 0)
            }
        };
        let fits = x < 1 << 31 && y < 1 << 16 && shared + STATIC_SHARED <= shared_limit;
        fits.then_some(Launch {
            grid: [x as u32, y],
            threads,
            shared_bytes: shared,
        })
    }

    /// Rows and columns of a tile.
    fn tile(&self) -> [u32; 2] {
        ["TILE_ROWS", "TILE_COLS"].map(|name| self.constant(name))
    }

    /// Bytes of a tile's sums in shared memory (`cuda/shared/tile.cuh`).
    fn sums_bytes(&self) -> u32 {
        let [rows, cols] = self.tile();
        4 * rows * (cols + 8) * self.constant("K_WARPS")
    }

    fn product(&self, names: &[&str]) -> u32 {
        names.iter().map(|name| self.constant(name)).product()
    }
}
