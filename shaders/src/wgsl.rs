//! The table of WGSL shaders and what each can run.

use std::{ops::Range, sync::LazyLock};

use crate::{
    Dispatch,
    declare::{Field, PARAM_WORDS},
};

/// All sources, one after the other: variants differ little, so that together they are a tenth.
static SOURCES: LazyLock<String> = LazyLock::new(|| {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/shaders.deflate"));
    let bytes = miniz_oxide::inflate::decompress_to_vec(bytes).expect("the build wrote it");
    String::from_utf8(bytes).expect("the build wrote text")
});

include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// Workgroups are counted in rows of this many, so that no dimension passes 65535
/// (`GRID_WIDTH` in `shared/grid.wgsl`).
const GRID_WIDTH: u32 = 32768;

/// One WGSL shader: a variant of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shader {
    /// The kernel's name, one of [`Dispatch::NAMES`].
    pub kernel: &'static str,
    /// The variant's name, unique within the kernel.
    pub variant: &'static str,
    /// Symbols that the source was made with (`#variant`).
    pub symbols: &'static [&'static str],
    /// Those symbols that have a number.
    pub constants: &'static [(&'static str, u32)],
    /// Invocations of a workgroup.
    pub workgroup_size: [u32; 3],
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Fields of the uniform block.
    fields: &'static [&'static str],
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

    /// Invocations of a workgroup.
    pub(crate) fn threads(&self) -> u64 {
        u64::from(self.workgroup_size.iter().product::<u32>())
    }

    /// Whether the variant can run `dispatch`.
    pub fn fits(&self, dispatch: &Dispatch) -> bool {
        self.kernel == dispatch.name() && dispatch.fits_variant(self)
    }

    /// Workgroups in x and y for `dispatch`, which the variant must fit; `None` when even the
    /// folded grid would be too large.
    pub fn workgroups(&self, dispatch: &Dispatch) -> Option<[u32; 2]> {
        fold(dispatch.variant_workgroups(self))
    }

    /// A constant that the variant was made with; 1 if it has none of this name.
    pub fn constant(&self, name: &str) -> u32 {
        let found = self
            .constants
            .iter()
            .find(|(constant, _)| *constant == name);
        found.map_or(1, |&(_, value)| value)
    }

    /// Whether every variant of `kernel` has exactly these fields in its uniform block.
    pub(crate) const fn have_fields(kernel: &str, fields: &[Field]) -> bool {
        let mut at = 0;
        while at < SHADERS.len() {
            let shader = &SHADERS[at];
            at += 1;
            if !same(shader.kernel, kernel) {
                continue;
            }
            if shader.fields.len() != fields.len() || fields.len() > PARAM_WORDS {
                return false;
            }
            let mut field = 0;
            while field < fields.len() {
                if !same(shader.fields[field], fields[field].name) {
                    return false;
                }
                field += 1;
            }
        }
        true
    }
}

/// Whether two texts are equal, at compile time.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
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
