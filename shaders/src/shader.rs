//! The table of WGSL shaders and what each can run.

use std::{ops::Range, sync::LazyLock};

use crate::Dispatch;

/// All sources, one after the other: variants differ little, so that together they are a tenth.
static SOURCES: LazyLock<String> = LazyLock::new(|| {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/shaders.deflate"));
    let bytes = miniz_oxide::inflate::decompress_to_vec(bytes).expect("the build wrote it");
    String::from_utf8(bytes).expect("the build wrote text")
});

include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// Workgroups are counted in rows of this many, so that no dimension passes 65535
/// (`GRID_WIDTH` in `wgsl/shared/grid.wgsl`).
const GRID_WIDTH: u32 = 32768;

/// The largest `k_words` that every adapter's `norm_linear` takes; a plan uses `layer_norm` and
/// `linear` for longer rows.
pub const NORM_LINEAR_MAX_K_WORDS: u32 = 384;

/// The most words of one head that `window_attention` takes (64 channels).
pub const ATTENTION_MAX_HEAD_WORDS: u32 = 16;

/// The most tokens of a window that `window_attention` takes.
pub const ATTENTION_MAX_TOKENS: u32 = 256;

/// One WGSL shader: a variant of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shader {
    /// The kernel's name, one of [`Dispatch::NAMES`].
    pub kernel: &'static str,
    /// The variant's name, unique within the kernel.
    pub variant: &'static str,
    /// Symbols that the source was made with (`wgsl/variants`).
    pub symbols: &'static [&'static str],
    /// Those symbols that have a number.
    pub constants: &'static [(&'static str, u32)],
    /// Invocations of a workgroup.
    pub workgroup_size: [u32; 3],
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Where its text is in [`SOURCES`].
    source: Range<usize>,
}

impl Shader {
    /// All variants of a kernel, the preferred one for hardware first.
    pub fn of(kernel: &str) -> impl Iterator<Item = &'static Shader> {
        SHADERS.iter().filter(move |shader| shader.kernel == kernel)
    }

    /// The WGSL text; the entry point is `main`.
    pub fn source(&self) -> &'static str {
        &SOURCES[self.source.clone()]
    }

    /// `kernel/variant`, as in labels and reports.
    pub fn label(&self) -> String {
        format!("{}/{}", self.kernel, self.variant)
    }

    /// Whether the source was made with `symbol`: `PACKED`, `TILED`, `TOGETHER`, `SHARED`, `SPREAD`.
    pub fn has(&self, symbol: &str) -> bool {
        self.symbols.contains(&symbol)
    }

    /// Whether the variant uses workgroup memory and barriers.
    pub fn uses_workgroup_memory(&self) -> bool {
        self.workgroup_bytes > 0
    }

    /// Whether the variant can run `dispatch`.
    pub fn fits(&self, dispatch: &Dispatch) -> bool {
        if self.kernel != dispatch.name() {
            return false;
        }
        match dispatch {
            Dispatch::NormLinear(p) if self.has("TOGETHER") => {
                p.k_words <= 4 * self.constant("K_LIMIT")
            }
            Dispatch::WindowAttention(p) => {
                p.head_words <= self.constant("HEAD_WORDS")
                    && p.window_height * p.window_width <= ATTENTION_MAX_TOKENS
            }
            _ => true,
        }
    }

    /// Workgroups in x and y for `dispatch`, which the variant must fit; `None` when even the
    /// folded grid would be too large.
    pub fn workgroups(&self, dispatch: &Dispatch) -> Option<[u32; 2]> {
        let threads = u64::from(self.workgroup_size.iter().product::<u32>());
        let count = match dispatch {
            Dispatch::PatchGather(p) => {
                (u64::from(p.rows) * u64::from(p.k_words)).div_ceil(threads)
            }
            Dispatch::Linear(p) if self.has("TILED") => {
                let rows = self.constant("ROW_GROUPS") * self.constant("THREAD_ROWS");
                let cols = 16 * self.constant("COL_GROUPS");
                u64::from(p.rows.div_ceil(rows)) * u64::from(p.cols.div_ceil(cols))
            }
            Dispatch::Linear(p) => {
                let rows = self.constant("THREADS") * self.constant("THREAD_ROWS");
                u64::from(p.rows.div_ceil(rows)) * u64::from(p.cols / 16)
            }
            Dispatch::NormLinear(p) if self.has("TOGETHER") => {
                let cols = 16 * self.constant("COL_GROUPS");
                let blocks = p.rows.div_ceil(self.constant("ROWS"));
                u64::from(blocks) * u64::from(p.cols.div_ceil(cols))
            }
            Dispatch::NormLinear(p) => {
                let rows = self.constant("THREADS") * self.constant("THREAD_ROWS");
                u64::from(p.rows.div_ceil(rows))
            }
            Dispatch::LayerNorm(p) if self.has("TOGETHER") => {
                u64::from(p.rows.div_ceil(self.constant("ROWS")))
            }
            Dispatch::LayerNorm(p) => u64::from(p.rows).div_ceil(threads),
            Dispatch::WindowAttention(p) => {
                let windows: u64 = p.windows().map(u64::from).iter().product();
                u64::from(p.batch) * windows * u64::from(p.heads)
            }
            Dispatch::ShiftGelu(p) if self.has("TOGETHER") => u64::from(p.rows),
            Dispatch::ShiftGelu(p) => u64::from(p.rows).div_ceil(threads),
            #[cfg(feature = "comparison")]
            Dispatch::FloatGelu(p) => {
                (u64::from(p.rows) * u64::from(p.k_words / 4)).div_ceil(threads)
            }
            Dispatch::MeanPool(p) => (u64::from(p.batch) * u64::from(p.stride)).div_ceil(threads),
        };
        fold(count)
    }

    /// A constant that the variant was made with; 1 if it has none of this name.
    pub fn constant(&self, name: &str) -> u32 {
        let found = self
            .constants
            .iter()
            .find(|(constant, _)| *constant == name);
        found.map_or(1, |&(_, value)| value)
    }
}

/// `count` workgroups as rows of [`GRID_WIDTH`].
fn fold(count: u64) -> Option<[u32; 2]> {
    let width = u64::from(GRID_WIDTH);
    if count <= width {
        return Some([count as u32, 1]);
    }
    let rows = count.div_ceil(width);
    (rows <= 65535).then_some([GRID_WIDTH, rows as u32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_has_a_variant_without_workgroup_memory() {
        for kernel in Dispatch::NAMES {
            assert!(Shader::of(kernel).any(|shader| !shader.uses_workgroup_memory()));
        }
    }

    #[test]
    fn large_grids_fold() {
        assert_eq!(fold(32768), Some([32768, 1]));
        assert_eq!(fold(32769), Some([32768, 2]));
        assert_eq!(fold(32768 * 65535 + 1), None);
    }
}
